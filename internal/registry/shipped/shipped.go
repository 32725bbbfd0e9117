// Package shipped holds the declarations that come with the hub, one file each, in
// the order they are shown. They are examples as much as a beginning: a steward
// changes them as any other, and the change stands from then on.
//
// There is nothing to do with them here but to read them.
package shipped

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// File is one declaration as shipped.
type File struct {
	Name string // "01-visits.yaml"
	Text []byte
}

// Files returns them in order.
func Files() ([]File, error) {
	names, err := fs.Glob(files, "*.yaml") // sorted
	if err != nil {
		return nil, err
	}
	var out []File
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, File{Name: name, Text: text})
	}
	return out, nil
}
