package folder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/seal"
	"lienthong/internal/synth"
	"lienthong/internal/synth/folder"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 13, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "out")
	got, err := n.Write(context.Background(), dir, 60, nil)
	if err != nil || got.Files != 60 || got.Facilities != 9 || got.Dossiers < 55 {
		t.Fatalf("%+v, %v", got, err)
	}
	var registry folder.Registry
	raw, err := os.ReadFile(filepath.Join(dir, "registry.json"))
	if err != nil || json.Unmarshal(raw, &registry) != nil || len(registry.Facilities) != 9 {
		t.Fatalf("registry: %v", err)
	}
	for _, f := range registry.Facilities {
		key, err1 := os.ReadFile(filepath.Join(dir, "keys", f.Code+".pem"))
		cert, err2 := os.ReadFile(filepath.Join(dir, "certs", f.Code+".pem"))
		if _, err := seal.LoadPEM(key, cert); err != nil || err1 != nil || err2 != nil {
			t.Errorf("%s: %v %v %v", f.Code, err, err1, err2)
		}
		if info, err := os.Stat(filepath.Join(dir, "keys", f.Code+".pem")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: key of mode %v", f.Code, info.Mode())
		}
	}
	files := 0
	err = filepath.WalkDir(filepath.Join(dir, "files"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	})
	index, err2 := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	if lines := bytes.Count(index, []byte("\n")); err != nil || err2 != nil || files != 60 || lines != 60 {
		t.Errorf("%d files, %d lines, %v %v", files, lines, err, err2)
	}
	for i, line := range bytes.Split(bytes.TrimSpace(index), []byte("\n")) {
		var e folder.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		s, err := n.At(i)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(e.File))); err != nil || !bytes.Equal(raw, s.XML) {
			t.Errorf("%s: %v", e.File, err)
		}
		if (e.Defect == "") != (e.Code == "") || e.Defect != s.Defect {
			t.Errorf("%+v", e)
		}
	}
	if _, err := n.Write(context.Background(), dir, 1, nil); !errors.Is(err, folder.ErrNotEmpty) {
		t.Errorf("again: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.Write(ctx, filepath.Join(t.TempDir(), "x"), 60, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
