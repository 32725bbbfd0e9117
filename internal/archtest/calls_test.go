package archtest_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// openers are the functions that may call the vault to open what is sealed
// (DESIGN §4): disclose; intake, only to give a sender its own receipt again;
// the re-verifier; the trainer of compression dictionaries, whose product holds
// only what many patients' bodies share and is sealed again; and the vault itself.
var openers = map[string][]string{
	"disclose":          nil,                          // any function
	"disclose/replay":   {"frame", "openFile"},        // for rules on trial: places and codes leave
	"disclose/register": {"frame", "rebuild", "open"}, // records for databases, and entries
	"courier":           nil,
	"intake":            {"openHead"},
	"reverify":          nil,
	"reverify/house":    {"entry"}, // rows of databases, held against the acts that wrote them
	"dictionary":        {"open", "learn"},
	"urgent":            {"sheet"}, // what it sealed itself of a patient without a name
	"hub/rooms":         {"Open"},  // of package casework: what citizens wrote, and the papers they signed
	"vault":             nil,
}

// calls walks the calls of a package with the function they stand in.
func calls(p pkg, visit func(in *ast.FuncDecl, call *ast.CallExpr, callee *types.Func)) {
	for _, f := range p.Syntax {
		for _, d := range f.Decls {
			in, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(in, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if callee, ok := p.TypesInfo.Uses[s.Sel].(*types.Func); ok {
						visit(in, nil, callee) // also a method handed on as a value
					}
				}
				return true
			})
		}
	}
}

func TestOnlyFewOpenWhatIsSealed(t *testing.T) {
	t.Parallel()
	seen := false
	for _, p := range tree(t) {
		calls(p, func(in *ast.FuncDecl, _ *ast.CallExpr, callee *types.Func) {
			name := callee.FullName()
			if name != "(*"+module+"/internal/vault.Vault).Open" && name != "(*"+module+"/internal/vault.Vault).OpenKey" {
				return
			}
			seen = true
			may, ok := openers[p.path]
			if !ok || may != nil && !strings.Contains(" "+strings.Join(may, " ")+" ", " "+in.Name.Name+" ") {
				t.Errorf("%s calls %s in %s", p.path, callee.Name(), in.Name.Name)
			}
		})
	}
	if !seen {
		t.Error("nobody opens anything: the test looks for the wrong method")
	}
}

// Credentials for services outside are opened by the courier, and by the wiring
// of logins; what staff gave (names, seeds of codes) by package roster: no page,
// no answer, no command shows one.
func TestOnlyTheCourierOpensSecrets(t *testing.T) {
	t.Parallel()
	seen := false
	for _, p := range tree(t) {
		calls(p, func(in *ast.FuncDecl, _ *ast.CallExpr, callee *types.Func) {
			if callee.FullName() != "(*"+module+"/internal/vault.Vault).OpenSecret" {
				return
			}
			seen = true
			if !slices.Contains([]string{"courier", "hub/rooms", "roster"}, p.path) {
				t.Errorf("%s calls %s in %s", p.path, callee.Name(), in.Name.Name)
			}
		})
	}
	if !seen {
		t.Error("nobody opens a secret: the test looks for the wrong method")
	}
}

// Nothing runs before main, and nothing that a package declares changes later:
// habit 8. Tests of tests (storetest, pgtest) keep a shared server.
func TestNoInitAndNoGlobalsThatChange(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		if under(p.path, "store/postgres/pgtest") {
			continue
		}
		for _, f := range p.Syntax {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					if fn.Recv == nil && fn.Name.Name == "init" {
						t.Errorf("%s: func init", fileName(t, p, f))
					}
					changes(t, p, f, fn)
				}
			}
		}
		for _, name := range p.Types.Scope().Names() {
			if v, ok := p.Types.Scope().Lookup(name).(*types.Var); ok && isState(v.Type()) {
				t.Errorf("%s: the package variable %s is made to change", p.path, name)
			}
		}
	}
}

// isState reports whether a value of the type exists to be changed. Pools and
// once-values are caches, not state.
func isState(of types.Type) bool {
	switch name := types.TypeString(of, nil); {
	case name == "sync.Mutex", name == "sync.RWMutex", name == "sync.Map", name == "sync.WaitGroup":
		return true
	default:
		return strings.HasPrefix(name, "sync/atomic.") || strings.HasPrefix(name, "chan ")
	}
}

// changes reports assignments to package variables, or into them.
func changes(t *testing.T, p pkg, f *ast.File, fn *ast.FuncDecl) {
	target := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e = x.X
				continue
			case *ast.SelectorExpr:
				if v, ok := p.TypesInfo.Uses[x.Sel].(*types.Var); ok && !v.IsField() {
					e = x.Sel
					continue
				}
				if _, pointer := p.TypesInfo.TypeOf(x.X).(*types.Pointer); pointer {
					if _, ident := x.X.(*ast.Ident); !ident {
						return
					}
				}
				e = x.X
				continue
			case *ast.ParenExpr:
				e = x.X
				continue
			case *ast.Ident:
				if v, ok := p.TypesInfo.Uses[x].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
					t.Errorf("%s: %s changes the package variable %s", fileName(t, p, f), fn.Name.Name, x.Name)
				}
			}
			return
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				for _, e := range s.Lhs {
					target(e)
				}
			}
		case *ast.IncDecStmt:
			target(s.X)
		}
		return true
	})
}

// Nobody but the tests reads the clock of the machine where a clock is handed
// in: rules must give the same verdict at every time of asking.
func TestRulesDoNotReadTheClock(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		if at, _ := placeOf(p.path); at.layer > 2 || under(p.path, "clock") {
			continue
		}
		calls(p, func(in *ast.FuncDecl, _ *ast.CallExpr, callee *types.Func) {
			switch callee.FullName() {
			case "time.Now", "time.Since", "time.Sleep":
				t.Errorf("%s calls %s in %s", p.path, callee.FullName(), in.Name.Name)
			}
		})
	}
}
