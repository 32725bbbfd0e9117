package backup_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/backup"
)

// TestWhatAnotherPlantsStopsNoBackup: whoever may add files to the place may
// take numbers, and put things there that are no files.
func TestWhatAnotherPlantsStopsNoBackup(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"a directory":       func(path string) error { return os.Mkdir(filepath.Join(path, "00000007.manifest"), 0o700) },
		"a link":            func(path string) error { return os.Symlink("/dev/zero", filepath.Join(path, "00000007.manifest")) },
		"a link to nothing": func(path string) error { return os.Symlink("nowhere", filepath.Join(path, "00000007.manifest")) },
		"the last number": func(path string) error {
			return os.WriteFile(filepath.Join(path, "9223372036854775807.manifest"), []byte("x"), 0o400)
		},
		"the next numbers": func(path string) error {
			if err := os.WriteFile(filepath.Join(path, "00000002.manifest"), nil, 0o400); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(path, "00000003.manifest"), nil, 0o400)
		},
		"a link to one of ours": func(path string) error {
			return os.Symlink("00000001.manifest", filepath.Join(path, "00000002.manifest"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.backup(nil)
			if err := plant(w.path); err != nil {
				t.Fatal(err)
			}
			w.main[3] = fill(1)[0]
			if made := w.backup(nil); made.Manifest.After != 1 || made.Manifest.Kind != backup.Incremental {
				t.Errorf("%+v", made.Manifest)
			}
			if got, err := w.lay(backup.Pick{}); err != nil || !bytes.Equal(got["main.db"], w.main.bytes()) {
				t.Errorf("restored: %v", err)
			}
		})
	}
}
