package house

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"lienthong/internal/disclose/register"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store/house"
)

// DatabaseAsk is what the command line asks about databases, DatabaseSaid the answer.
type (
	DatabaseAsk struct {
		ID       registry.ID       `json:"id,omitempty"`
		Text     []byte            `json:"text,omitempty"`
		Check    bool              `json:"check,omitempty"` // declare: look only
		State    registry.State    `json:"state,omitempty"`
		Evidence string            `json:"evidence,omitempty"`
		Grant    string            `json:"grant,omitempty"` // to end
		To       string            `json:"to,omitempty"`
		Fields   []string          `json:"fields,omitempty"`
		Purpose  string            `json:"purpose,omitempty"`
		Until    time.Time         `json:"until,omitzero"`
		By       map[string]string `json:"by,omitempty"`
		Cursor   string            `json:"cursor,omitempty"`
		Limit    int               `json:"limit,omitempty"`
	}
	DatabaseSaid struct {
		Problems  []registry.Problem `json:"problems,omitempty"`
		Refused   *fault.Text        `json:"refused,omitempty"` // with Problems: why the whole was not taken
		Code      string             `json:"code,omitempty"`
		Version   int                `json:"version,omitempty"`
		Databases []DatabaseState    `json:"databases,omitempty"`
		Entries   []registry.Entry   `json:"entries,omitempty"`
		Next      string             `json:"next,omitempty"`
		Grant     *house.Grant       `json:"grant,omitempty"`
		Steps     []house.Step       `json:"steps,omitempty"`
		Grants    []house.Grant      `json:"grants,omitempty"`
		Places    []house.Place      `json:"places,omitempty"`
		Counts    []house.EntryCount `json:"counts,omitempty"`
		Text      []byte             `json:"text,omitempty"` // of a declaration
	}
	// DatabaseState is a database in a list.
	DatabaseState struct {
		ID      registry.ID    `json:"id"`
		Name    fault.Text     `json:"name"`
		Steward string         `json:"steward"`
		State   registry.State `json:"state"`
		Version int            `json:"version"`
		Live    int64          `json:"live"`
	}
)

// errAsk: no such thing is done.
var errAsk = errors.New("databases: no such question")

// errNoneOpen: an operator is nobody that this database is shared with.
var errNoneOpen = fault.New(fault.Withheld, "database.none_open",
	"Cơ sở dữ liệu này không mở trường nào cho mọi người. Đơn vị chủ quản xem các mục trên trang web: lienthong link --role unit:MÃ.",
	"This database opens no field to everybody. Its steward sees the entries in the portal: lienthong link --role unit:ID.")

// Databases does what the command line asks of databases, imports, nights and
// cleaning: an operator's acts. Of entries an operator sees what is open to everybody.
func (o Operations) Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error) {
	h, who := o.House, steward.Who{Role: role.Role{Kind: role.Operator}, Name: actor}
	if out, ok, err := h.desk(ctx, who, what, ask); ok {
		return out, err
	}
	var q DatabaseAsk
	if err := json.Unmarshal(ask, &q); err != nil {
		return nil, errAsk
	}
	said, err := h.database(ctx, who, what, &q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(said)
}

func (h *House) database(ctx context.Context, who steward.Who, what string, q *DatabaseAsk) (said DatabaseSaid, err error) {
	s := h.Steward
	switch what {
	case "declare":
		return h.declare(ctx, who, q)
	case "list":
		return h.databases(ctx)
	case "show":
		return h.databaseShown(ctx, q.ID)
	case "text":
		l, err := s.Get(q.ID)
		if err == nil {
			said.Text = l.Taken.Text
		}
		return said, err
	case "state":
		return said, s.Reach(ctx, who, q.ID, q.State, q.Evidence)
	case "grant":
		g, err := s.Give(ctx, who, house.Grant{Database: q.ID, To: q.To, Fields: q.Fields, Purpose: q.Purpose, Until: q.Until})
		return DatabaseSaid{Grant: &g}, err
	case "grant-end":
		return said, s.EndGrant(ctx, who, q.ID, q.Grant)
	case "project":
		for more := true; more && err == nil; {
			more, err = s.Round(ctx)
		}
		if err == nil {
			said.Places, err = s.Deps.Entries.Places(ctx, q.ID)
		}
		return said, err
	case "entries":
		page, err := h.Entries.List(ctx, register.Reader{Role: who.Role, Name: who.Name, Route: "lienthong database entries"}, q.ID,
			register.Query{By: q.By, Cursor: q.Cursor, Limit: q.Limit})
		if errors.Is(err, steward.ErrAbsent) {
			if _, known := s.Get(q.ID); known == nil { // an operator may know of every database
				err = errNoneOpen
			}
		}
		return DatabaseSaid{Entries: page.Entries, Next: page.Next}, err
	}
	return said, errAsk
}

func (h *House) declare(ctx context.Context, who steward.Who, q *DatabaseAsk) (DatabaseSaid, error) {
	do := func() (*steward.Checked, error) { return h.Steward.Declare(ctx, who, q.Text) }
	if q.Check {
		do = func() (*steward.Checked, error) { return h.Steward.Check(ctx, q.Text) }
	}
	c, err := do()
	if c == nil {
		return DatabaseSaid{}, err
	}
	said := DatabaseSaid{Problems: c.Problems, Version: c.Was}
	if c.Declaration != nil {
		said.Databases = []DatabaseState{{ID: c.Declaration.ID, Name: c.Declaration.Name, Steward: c.Declaration.Steward}}
		said.Version = max(c.Declaration.Version, c.Was)
	}
	if err != nil && len(c.Problems) > 0 { // told with their places
		f := fault.Of(err)
		said.Refused, said.Code = &f.Text, f.Code
		return said, nil
	}
	return said, err
}

func (h *House) databases(ctx context.Context) (said DatabaseSaid, err error) {
	counts, err := h.Steward.Deps.Entries.Counts(ctx, "")
	if err != nil {
		return said, err
	}
	for _, l := range h.Steward.List() {
		d := DatabaseState{ID: l.ID, Name: l.Name, Steward: l.Steward, State: l.State(), Version: l.Taken.Version}
		for _, c := range counts {
			if c.Database == l.ID && c.State == registry.Live {
				d.Live = c.N
			}
		}
		said.Databases = append(said.Databases, d)
	}
	return said, nil
}

func (h *House) databaseShown(ctx context.Context, id registry.ID) (said DatabaseSaid, err error) {
	l, err := h.Steward.Get(id)
	if err != nil {
		return said, err
	}
	said = DatabaseSaid{Version: l.Taken.Version, Steps: l.Steps, Grants: l.Grants, Problems: l.Problems,
		Databases: []DatabaseState{{ID: l.ID, Name: l.Name, Steward: l.Steward, State: l.State(), Version: l.Taken.Version}}}
	if said.Counts, err = h.Steward.Deps.Entries.Counts(ctx, id); err == nil {
		said.Places, err = h.Steward.Deps.Entries.Places(ctx, id)
	}
	return said, err
}
