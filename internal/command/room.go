package command

import (
	"errors"
	"io/fs"
	"os"
)

// room tells how much the disk of the data has left and how much the data take.
func (p *Place) room() (free, used int64, err error) {
	if free, err = freeBytes(p.Dir); err != nil {
		return 0, 0, err
	}
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return 0, 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // gone since
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		if info.Mode().IsRegular() {
			used += info.Size()
		}
	}
	return free, used, nil
}
