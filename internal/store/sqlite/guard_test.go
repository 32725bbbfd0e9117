package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

// What a program that encrypts a directory may do to each file is seen at the
// next look; what the engine itself does is not.
func TestFilesChangedFromOutsideAreSeen(t *testing.T) {
	t.Parallel()
	overwrite := func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i := range b {
			b[i] ^= 0x5a
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(b, 0)
		return errors.Join(err, f.Close())
	}
	rename := func(path string) error { return os.Rename(path, path+".locked") }
	replace := func(path string) error {
		b, err := os.ReadFile(path)
		return errors.Join(err, os.Remove(path), os.WriteFile(path, b, 0o600))
	}
	for _, file := range []string{"main.db", "main.db-wal", "disclosure.db"} {
		for name, attack := range map[string]func(string) error{"overwritten": overwrite, "renamed": rename, "removed": os.Remove, "replaced": replace,
			"emptied": func(path string) error { return os.Truncate(path, 0) }} {
			if name == "emptied" && file == "main.db-wal" {
				continue // the engine does so itself
			}
			t.Run(file+" "+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s, err := sqlite.Open(t.Context(), dir, sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName})
				if err != nil {
					t.Fatal(err)
				}
				g := sqlite.NewGuard(dir)
				for range 3 {
					if err := g.Check(); err != nil {
						t.Fatalf("nobody touched it: %v", err)
					}
					if _, err := s.Ledger.Append(t.Context(), [][]byte{append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...)}); err != nil {
						t.Fatal(err)
					}
				}
				if err := attack(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
				if err := g.Check(); !errors.Is(err, sqlite.ErrLost) {
					t.Errorf("not seen: %v", err)
				}
				_ = s.Close() // on files that are gone: whatever it says
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
