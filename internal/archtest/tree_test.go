package archtest_test

import (
	"errors"
	"go/ast"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "lienthong"

// pkg is one package of the module, tests left out.
type pkg struct {
	*packages.Package
	path string // inside the module: "internal/care" -> "care", "cmd/lienthong"
}

// short returns the path the tables use.
func short(importPath string) string {
	p := strings.TrimPrefix(importPath, module+"/")
	return strings.TrimPrefix(p, "internal/")
}

// ours reports whether an import is of this module.
func ours(importPath string) bool { return strings.HasPrefix(importPath, module+"/") }

var root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the test")
		}
		dir = up
	}
	return "", err
})

func rootDir(t *testing.T) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var loaded = sync.OnceValues(func() ([]pkg, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	list, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports |
		packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedExportFile}, "./...")
	if err != nil {
		return nil, err
	}
	var all []pkg
	for _, p := range list {
		if len(p.GoFiles) == 0 || strings.HasPrefix(p.PkgPath, module+"/out/") {
			continue // only tests; or scratch that git ignores
		}
		all = append(all, pkg{p, short(p.PkgPath)})
	}
	slices.SortFunc(all, func(a, b pkg) int { return strings.Compare(a.path, b.path) })
	return all, nil
})

// tree returns every package of the module, type-checked.
func tree(t *testing.T) []pkg {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages found: the walk is broken", len(all))
	}
	return all
}

// What does not compile is judged as far as it was read; it fails here.
func TestTheTreeCompiles(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.path, e)
		}
	}
}

// under reports whether path is one of the packages, or below a "x/..." one.
func under(path string, of ...string) bool {
	for _, o := range of {
		if dir, whole := strings.CutSuffix(o, "/..."); path == dir || whole && strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// fileName returns a syntax tree's file inside the repository.
func fileName(t *testing.T, p pkg, f *ast.File) string {
	t.Helper()
	name, err := filepath.Rel(rootDir(t), p.Fset.Position(f.Package).Filename)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(name)
}

// files lists what is in the repository: tracked or about to be, else (in an
// unpacked archive) what is neither built nor installed.
func files(t *testing.T) []string {
	t.Helper()
	dir := rootDir(t)
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	out, err := cmd.Output()
	var all []string
	if err == nil {
		for name := range strings.SplitSeq(string(out), "\x00") {
			if info, e := os.Lstat(filepath.Join(dir, name)); name != "" && e == nil && info.Mode().IsRegular() {
				all = append(all, name)
			}
		}
		return all
	}
	t.Logf("git does not answer (%v): walking the directory", err)
	built := []string{"node_modules", "dist", "bin", "out", ".git"}
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(built, d.Name()):
			return fs.SkipDir
		case d.Type().IsRegular():
			rel, err := filepath.Rel(dir, name)
			all = append(all, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(rootDir(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
