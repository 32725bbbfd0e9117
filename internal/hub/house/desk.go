package house

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"lienthong/internal/cleaning"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/store/house"
)

// What the command line asks about files that are brought into databases, the jobs
// of nights, and what cleaning proposes.
type (
	DeskAsk struct {
		Database registry.ID          `json:"database,omitempty"`
		Import   string               `json:"import,omitempty"`
		Columns  []string             `json:"columns,omitempty"` // import.map: the field of each column
		Limit    int                  `json:"limit,omitempty"`
		Day      int                  `json:"day,omitempty"`
		Job      string               `json:"job,omitempty"`
		Filter   house.ProposalFilter `json:"filter,omitzero"`
		Decision cleaning.Decision    `json:"decision,omitzero"`
		Name     string               `json:"name,omitempty"` // who decides
	}
	DeskSaid struct {
		Import    *bring.Import       `json:"import,omitempty"`
		Header    []string            `json:"header,omitempty"` // of the file, with Import
		Imports   []bring.Import      `json:"imports,omitempty"`
		Nights    []house.Night       `json:"nights,omitempty"`
		Proposals []cleaning.Proposal `json:"proposals,omitempty"`
		More      bool                `json:"more,omitempty"`
		Outcome   *cleaning.Outcome   `json:"outcome,omitempty"`
	}
)

// errNoImports: this hub keeps no files.
var errNoImports = fault.New(fault.Absent, "import.none", "Hub này không nhận tệp nhập.", "This hub takes no files to bring in.")

// Operations are an operator's acts on the house, as the command line asks for them.
type Operations struct{ House *House }

// Receive takes a file into a database; what came of it is a DeskSaid.
func (o Operations) Receive(ctx context.Context, actor, id, name string, in io.Reader) (json.RawMessage, error) {
	h := o.House
	if h.Imports == nil {
		return nil, errNoImports
	}
	who := steward.Who{Role: role.Role{Kind: role.Operator}, Name: actor}
	i, err := h.Imports.Receive(ctx, who, registry.ID(id), name, in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(DeskSaid{Import: i})
}

// desk does what the command line asks of a desk; ok: there is such a question.
func (h *House) desk(ctx context.Context, who steward.Who, what string, ask json.RawMessage) (out json.RawMessage, ok bool, err error) {
	of, step, _ := strings.Cut(what, ".")
	switch of {
	case "import":
		out, err = answer(ctx, who, step, ask, h.importStep)
	case "night":
		out, err = answer(ctx, who, step, ask, h.nightStep)
	case "clean":
		out, err = answer(ctx, who, step, ask, h.cleanStep)
	case "duty":
		out, err = answer(ctx, who, step, ask, h.dutyStep)
	default:
		return nil, false, nil
	}
	return out, true, err
}

// answer takes a step of a desk: a question in, what is said out, both as JSON.
func answer[Ask, Said any](ctx context.Context, who steward.Who, step string, ask json.RawMessage, do func(context.Context, steward.Who, string, *Ask) (Said, error)) (json.RawMessage, error) {
	var q Ask
	if err := json.Unmarshal(ask, &q); err != nil {
		return nil, errAsk
	}
	said, err := do(ctx, who, step, &q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(said)
}

// importStep takes a step of an import, and says how it stands then.
func (h *House) importStep(ctx context.Context, who steward.Who, step string, q *DeskAsk) (said DeskSaid, err error) {
	d := h.Imports
	if d == nil {
		return said, errNoImports
	}
	switch step {
	case "list":
		said.Imports, err = d.List(ctx, who, q.Database, min(max(q.Limit, 1), 500))
		return said, err
	case "get":
	case "columns":
		p, err := d.Preview(ctx, who, q.Database, q.Import, 0)
		if err != nil {
			return said, err
		}
		said.Header = p.Header
	case "map":
		err = d.Map(ctx, who, q.Database, q.Import, q.Columns)
	case "apply":
		err = d.Apply(ctx, who, q.Database, q.Import)
	case "undo":
		err = d.Undo(ctx, who, q.Database, q.Import)
	case "drop":
		err = d.Drop(ctx, who, q.Database, q.Import)
	default:
		return said, errAsk
	}
	if err == nil {
		said.Import, err = d.Get(ctx, who, q.Database, q.Import)
	}
	return said, err
}

// nightStep runs the jobs of a day, or lists what nights did.
func (h *House) nightStep(ctx context.Context, _ steward.Who, step string, q *DeskAsk) (said DeskSaid, err error) {
	switch step {
	case "run":
		said.Nights, err = h.Night.Do(ctx, q.Day, q.Job)
	case "list":
		said.Nights, err = h.Night.Nights(ctx, q.Day, q.Day)
	default:
		err = errAsk
	}
	return said, err
}

// cleanStep lists proposals, or decides some.
func (h *House) cleanStep(ctx context.Context, who steward.Who, step string, q *DeskAsk) (said DeskSaid, err error) {
	d := h.Cleaning
	decide := map[string]func(context.Context, cleaning.Who, cleaning.Decision) (cleaning.Outcome, error){"accept": d.Accept, "reject": d.Reject, "undo": d.Undo}[step]
	switch {
	case step == "list":
		said.Proposals, said.More, err = d.List(ctx, who.Role, q.Filter)
		return said, err
	case decide == nil:
		return said, errAsk
	}
	name := "operator via command"
	if q.Name != "" {
		name += "/" + q.Name
	}
	o, err := decide(ctx, cleaning.Who{Role: who.Role, Name: name}, q.Decision)
	return DeskSaid{Outcome: &o}, err
}
