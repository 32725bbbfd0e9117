package keyring_test

import (
	"bytes"
	"io/fs"
	"testing"

	"lienthong/internal/hub/keyring"
)

// Keys read back as they were written, with every master key and the newest in use.
func TestKeysReadBack(t *testing.T) {
	t.Parallel()
	k, err := keyring.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	first := k.Master
	k.Retired, k.Master = [][]byte{first}, bytes.Repeat([]byte{7}, 32)
	files, err := k.Files()
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) ([]byte, error) {
		if b, ok := files[name]; ok {
			return b, nil
		}
		return nil, fs.ErrNotExist
	}
	got, err := keyring.Read(read)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Master, k.Master) || len(got.Retired) != 1 || !bytes.Equal(got.Retired[0], first) || got.Pepper != 1 || !bytes.Equal(got.LogSeed, k.LogSeed) {
		t.Error("other keys came back")
	}
	delete(files, keyring.MasterFile(1)) // the retired one is put away
	if got, err = keyring.Read(read); err != nil || !bytes.Equal(got.Master, k.Master) || len(got.Retired) != 0 {
		t.Errorf("without the retired key: %v", err)
	}
	files[keyring.MasterFile(2)] = []byte("no key")
	if _, err = keyring.Read(read); err == nil {
		t.Error("a spoilt master key was passed over")
	}
	for name := range files {
		whole := files[name]
		delete(files, name)
		if _, err := keyring.Read(read); err == nil && name != "" {
			t.Errorf("%s is missing and nothing was said", name)
		}
		files[name] = whole
	}
}
