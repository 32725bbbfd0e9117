package command

import (
	"os"

	"lienthong/internal/xmltok"
)

// ReadLimited reads a file, and refuses one that the hub would not take.
func ReadLimited(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > 32<<20 {
		return nil, xmltok.ErrLimits
	}
	return os.ReadFile(path)
}

func TrimNewline(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
