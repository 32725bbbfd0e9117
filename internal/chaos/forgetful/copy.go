//go:build linux

package forgetful

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"syscall"
)

// Load puts the regular files of a directory onto the disk, durably.
func (d *Disk) Load(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !e.Type().IsRegular() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		n := d.node(syscall.S_IFREG|0o600, e.Name())
		n.data, n.durable = b, bytes.Clone(b)
		d.root.entries[e.Name()] = n
	}
	d.root.kept, d.root.renamed = maps.Clone(d.root.entries), nil
	return nil
}

// Dump writes the files at the root of the disk, as processes see them, into a
// directory.
func (d *Disk) Dump(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, n := range d.root.entries {
		if n.mode&syscall.S_IFMT != syscall.S_IFREG {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), n.data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
