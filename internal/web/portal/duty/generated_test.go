package duty_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ/generator"
	parser "github.com/a-h/templ/parser/v2"
)

// The generated Go beside each template is what its template says: run
// `go tool templ generate -path internal/web/portal/duty` after a change.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	for _, name := range files {
		tree, err := parser.Parse(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var want bytes.Buffer
		if _, err := generator.Generate(tree, &want, generator.WithFileName("internal/web/portal/duty/"+name)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		have, err := os.ReadFile(strings.TrimSuffix(name, ".templ") + "_templ.go")
		if err != nil {
			t.Error(err)
			continue
		}
		if body(want.Bytes()) != body(have) {
			t.Errorf("%s has changed since its Go was generated", name)
		}
	}
}

// body leaves out white space and the notes of file names, which depend on
// where the tool was called.
func body(src []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(src)) {
		if i := strings.Index(line, "FileName: `"); i >= 0 {
			line = line[:i]
		}
		if !strings.HasPrefix(line, "//") {
			b.WriteString(strings.Join(strings.Fields(line), ""))
		}
	}
	return b.String()
}
