package databases

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"lienthong/internal/disclose/register"
	"lienthong/internal/fault"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
)

func itoa(n int) string { return strconv.Itoa(n) }

func query(by map[string]string, cursor string) register.Query {
	return register.Query{By: by, Cursor: cursor, Newest: len(by) == 0, Limit: 50}
}

// brought is the list of a database's imports.
type brought struct {
	Live    *steward.Live
	Imports []bring.Import
	Problem string
}

// errNoImports is the answer of a hub that takes no files.
var errNoImports = fault.New(fault.Absent, "import.none", "Máy chủ này không nhận tệp nhập.", "This server takes no files.")

// whyStopped is the words for why an import stopped, "" where its code says it.
func whyStopped(i *bring.Import) string {
	switch code := i.Summary.Code; {
	case code == "import.dropped":
		return "db.import.why.dropped"
	case (code == bring.ErrDeclared.Code || code == bring.ErrState.Code) && !i.Summary.Applied.IsZero(): // the latter was kept before there was the former
		return "db.import.why.declared"
	}
	return ""
}

func (x *Room) imports(w http.ResponseWriter, r *http.Request) {
	x.showImports(w, r, http.StatusOK, nil)
}

func (x *Room) showImports(w http.ResponseWriter, r *http.Request, status int, problem error) {
	p := x.frame.Page(r, "databases", "db.imports")
	l, err := x.Steward.Get(id(r))
	if err == nil && x.Imports == nil {
		err = errNoImports
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	b := brought{Live: l}
	if b.Imports, err = x.Imports.List(r.Context(), who(&p), l.ID, 50); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if problem != nil {
		b.Problem = p.W.Text(fault.Of(problem).Text)
	}
	x.frame.Show(w, r, status, importsPage(p, b))
}

// receive streams a file to the desk; nothing of it is held in memory.
func (x *Room) receive(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.imports")
	if x.Imports == nil {
		x.frame.Fail(w, r, errNoImports)
		return
	}
	parts, err := r.MultipartReader()
	if err != nil {
		x.frame.Fail(w, r, errForm.Because(err))
		return
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF || err != nil {
			x.showImports(w, r, http.StatusUnprocessableEntity, errForm)
			return
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		i, err := x.Imports.Receive(r.Context(), who(&p), id(r), part.FileName(), part)
		if f := fault.Of(err); err != nil && (f.Kind == fault.Invalid || f.Kind == fault.TooLarge) {
			x.showImports(w, r, http.StatusUnprocessableEntity, err)
			return
		}
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		x.frame.See(w, r, path(id(r), "/imports/"+i.ID))
		return
	}
}

// wizard is one import.
type wizard struct {
	Live    *steward.Live
	Import  *bring.Import
	Preview *bring.Preview
	Problem string
}

const previewRows = 10

func (x *Room) oneImport(w http.ResponseWriter, r *http.Request) {
	x.showImport(w, r, http.StatusOK, nil)
}

func (x *Room) showImport(w http.ResponseWriter, r *http.Request, status int, problem error) {
	p := x.frame.Page(r, "databases", "db.import")
	l, err := x.Steward.Get(id(r))
	if err == nil && x.Imports == nil {
		err = errNoImports
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	z := wizard{Live: l}
	if z.Import, err = x.Imports.Get(r.Context(), who(&p), l.ID, r.PathValue("import")); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if s := z.Import.State; s == bring.Received || s == bring.Checked {
		if z.Preview, err = x.Imports.Preview(r.Context(), who(&p), l.ID, z.Import.ID, previewRows); err != nil {
			problem, z.Preview = err, nil
		}
	}
	if z.Preview == nil {
		x.nothing(r.Context())
	} else if err := x.Entries.Brought(r.Context(), reader(&p), l.ID, z.Import.ID, len(z.Preview.Samples)); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if problem != nil {
		z.Problem = p.W.Text(fault.Of(problem).Text)
		if errors.Is(problem, bring.ErrElsewhere) && z.Import.Summary.Hub != "" {
			z.Problem += " (" + z.Import.Summary.Hub + ")"
		}
	}
	p.Live = z.Import.State == bring.Received || z.Import.State == bring.Applying || z.Import.State == bring.Undoing
	x.frame.Show(w, r, status, importPage(p, z))
}

func (x *Room) moveImport(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.import")
	if x.Imports == nil {
		x.frame.Fail(w, r, errNoImports)
		return
	}
	name, ctx := r.PathValue("import"), r.Context()
	var err error
	switch field(r, "do", 10) {
	case "map":
		err = x.Imports.Map(ctx, who(&p), id(r), name, r.PostForm["field"])
	case "apply":
		err = x.Imports.Apply(ctx, who(&p), id(r), name)
	case "undo":
		err = x.Imports.Undo(ctx, who(&p), id(r), name)
	case "drop":
		if err = x.Imports.Drop(ctx, who(&p), id(r), name); err == nil {
			x.frame.See(w, r, path(id(r), "/imports"))
			return
		}
	default:
		err = errForm
	}
	if f := fault.Of(err); err != nil && (f.Kind == fault.Invalid || f.Kind == fault.Conflict || f.Kind == fault.Busy) {
		x.showImport(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, path(id(r), "/imports/"+name))
}
