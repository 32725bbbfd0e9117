package archtest_test

import (
	"go/ast"
	"strings"
	"testing"
)

// Sizes of STYLE habit 12: what is watched, and what is refused.
const (
	watchFile   = 500
	longestFile = 800
	watchFunc   = 60
	longestFunc = 100
	watchPkg    = 2_000
	largestPkg  = 2_500
)

// suites are tests that are packages, because several engines or rooms run them.
var suites = []string{"store/storetest/...", "store/postgres/pgtest", "web/browsertest", "chaos"}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		docs := 0
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		for _, f := range p.Syntax {
			if f.Doc == nil || ast.IsGenerated(f) {
				continue
			}
			docs++
			if !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s: the package comment does not begin with %q", fileName(t, p, f), want)
			}
		}
		if docs != 1 {
			t.Errorf("%s has %d package comments, want one", p.path, docs)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		total := 0
		for _, f := range p.Syntax {
			if ast.IsGenerated(f) {
				continue
			}
			total += p.Fset.Position(f.FileEnd).Line
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					n := p.Fset.Position(fn.End()).Line - p.Fset.Position(fn.Pos()).Line + 1
					size(t, fileName(t, p, f)+" "+fn.Name.Name, n, watchFunc, longestFunc)
				}
			}
		}
		if !under(p.path, suites...) {
			size(t, p.path, total, watchPkg, largestPkg)
		}
	}
	for _, name := range files(t) {
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_templ.go") {
			size(t, name, strings.Count(readFile(t, name), "\n"), watchFile, longestFile)
		}
	}
}

func size(t *testing.T, what string, n, watch, most int) {
	t.Helper()
	if n > most {
		t.Errorf("%s: %d lines, at most %d", what, n, most)
	} else if n > watch {
		t.Logf("watch %s: %d lines", what, n)
	}
}
