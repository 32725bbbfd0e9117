// Package databases is the interface of specialised databases for systems: which
// there are, their entries as the caller sees them, what changed, forms, and a whole
// database as a stream. Package disclose/register decides what is seen and writes
// down each look; a database that a caller may see nothing of is answered as one
// that does not exist.
package databases

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/disclose/register"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/web/problem"
)

// Entries reads entries; *register.Entries is one.
type Entries interface {
	Databases(r register.Reader) []register.View
	Database(r register.Reader, id registry.ID) (register.View, error)
	List(ctx context.Context, r register.Reader, id registry.ID, q register.Query) (register.Page, error)
	Get(ctx context.Context, r register.Reader, id registry.ID, entry registry.EntryID, at time.Time) (registry.Entry, error)
	History(ctx context.Context, r register.Reader, id registry.ID, entry registry.EntryID) ([]registry.Entry, error)
	Feed(ctx context.Context, r register.Reader, id registry.ID, since string, limit int) ([]registry.Entry, string, error)
}

// Forms takes entries typed in; *steward.Steward does.
type Forms interface {
	Enter(ctx context.Context, who steward.Who, id registry.ID, values registry.Values) (steward.Written, error)
}

// Feeds tells of the feeds of other bodies; *feeding.Desk does.
type Feeds interface {
	Told(ctx context.Context, who steward.Who, id registry.ID) ([]feeding.Feed, error)
	Again(ctx context.Context, who steward.Who, id registry.ID, source string) error
}

// Deps is what the interface works with.
type Deps struct {
	// Caller tells who makes a request, and their name as rows keep it. Fault: token.invalid.
	Caller  func(r *http.Request) (role.Role, string, error)
	Entries Entries
	Forms   Forms
	Feeds   Feeds
	Logger  *slog.Logger
}

// ErrRequest: a parameter or body that is not as the interface takes it.
var ErrRequest = fault.New(fault.Invalid, "database.request",
	"Tham số hoặc nội dung yêu cầu chưa đúng. Xem mô tả giao diện.", "A parameter or the body is not right. See the description of the interface.")

//go:embed openapi.json
var openapi []byte

// Door answers systems.
type Door struct{ Deps }

// New returns the door.
func New(d Deps) (*Door, error) {
	if d.Caller == nil || d.Entries == nil || d.Forms == nil || d.Feeds == nil || d.Logger == nil {
		return nil, errors.New("web/databases: a part is missing")
	}
	return &Door{d}, nil
}

// Route is one route.
type Route struct {
	Method, Pattern string
	Discloses       bool // content of entries leaves by it, as the caller sees them
}

const base = "/api/v1/databases"

// Routes lists them.
func Routes() []Route {
	return []Route{
		{"GET", base, false}, {"GET", base + "/openapi.json", false}, {"GET", base + "/{database}", false},
		{"GET", base + "/{database}/entries", true}, {"POST", base + "/{database}/entries", false},
		{"GET", base + "/{database}/entries/{entry}", true}, {"GET", base + "/{database}/entries/{entry}/history", true},
		{"GET", base + "/{database}/feed", true}, {"GET", base + "/{database}/export", true},
		{"GET", base + "/{database}/sources", false}, {"POST", base + "/{database}/sources/{source}/again", false},
	}
}

// Register puts the routes on a mux.
func (d *Door) Register(mux *http.ServeMux) {
	for _, r := range Routes() {
		do := map[string]func(http.ResponseWriter, *http.Request, register.Reader) error{
			base: d.list, base + "/{database}": d.show, base + "/{database}/entries": d.entries, base + "/{database}/entries/{entry}": d.entry,
			base + "/{database}/entries/{entry}/history": d.history, base + "/{database}/feed": d.feed, base + "/{database}/export": d.export,
			base + "/{database}/sources": d.sources, base + "/{database}/sources/{source}/again": d.again,
		}[r.Pattern]
		switch {
		case r.Pattern == base+"/openapi.json":
			mux.HandleFunc(r.Method+" "+r.Pattern, describe)
			continue
		case r.Method == "POST" && strings.HasSuffix(r.Pattern, "/entries"):
			do = d.enter
		}
		mux.HandleFunc(r.Method+" "+r.Pattern, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			who, err := d.reader(q, r)
			if err == nil {
				err = do(w, q, who)
			}
			if err != nil {
				problem.Write(w, q, d.Logger, err)
			}
		})
	}
}

// describe gives the description of the interface, which is no secret.
func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(openapi) //nolint:errcheck // the caller is gone
}

func (d *Door) reader(q *http.Request, r Route) (register.Reader, error) {
	who, name, err := d.Caller(q)
	if err != nil {
		return register.Reader{}, err
	}
	if who.Kind == role.Carrier { // a unit's or partner's system: it reads what the unit was given
		who = role.Role{Kind: role.Unit, ID: who.ID}
	}
	if !who.May(role.Databases) {
		return register.Reader{}, steward.ErrAbsent
	}
	return register.Reader{Role: who, Name: name, Route: r.Method + " " + r.Pattern}, nil
}

func answer(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	if err != nil {
		return nil // the caller is gone
	}
	return nil
}

func (d *Door) list(w http.ResponseWriter, _ *http.Request, who register.Reader) error {
	all := []summary{}
	for _, v := range d.Entries.Databases(who) {
		all = append(all, summaryOf(&v))
	}
	return answer(w, http.StatusOK, map[string]any{"databases": all})
}

func (d *Door) show(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	v, err := d.Entries.Database(who, registry.ID(q.PathValue("database")))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, detailOf(&v))
}

// mostLimit is the most entries of a page.
const mostLimit = 500

func limitOf(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostLimit {
		return 0, ErrRequest
	}
	return n, nil
}

func (d *Door) entries(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	query := register.Query{By: map[string]string{}}
	asked, err := url.ParseQuery(q.URL.RawQuery) // all of it or nothing: URL.Query leaves out what it cannot read
	if err != nil {
		return ErrRequest
	}
	for name, values := range asked {
		if len(values) != 1 || len(values[0]) > 1000 {
			return ErrRequest
		}
		v := values[0]
		var err error
		switch field, by := strings.CutPrefix(name, "by."); {
		case by: // of fields that are not sealed: a person's number does not belong into an address
			query.By[field] = v
		case name == "state":
			query.State = registry.EntryState(v)
			if !slices.Contains([]registry.EntryState{registry.Live, registry.Ended, registry.Merged}, query.State) {
				err = ErrRequest
			}
		case name == "facility":
			query.Facility = care.FacilityCode(v)
		case name == "import":
			query.Import = v
		case name == "stale":
			query.Stale, err = strconv.ParseBool(v)
		case name == "newest":
			query.Newest, err = strconv.ParseBool(v)
		case name == "cursor":
			query.Cursor = v
		case name == "limit":
			query.Limit, err = limitOf(v)
		default:
			err = ErrRequest
		}
		if err != nil {
			return ErrRequest
		}
	}
	id := registry.ID(q.PathValue("database"))
	v, err := d.Entries.Database(who, id)
	if err != nil {
		return err
	}
	for i := range v.Fields {
		if _, asked := query.By[v.Fields[i].Name]; asked && v.Fields[i].Class.Sealed() {
			return ErrRequest
		}
	}
	page, err := d.Entries.List(q.Context(), who, id, query)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"entries": itemsOf(page.Entries), "next": page.Next})
}

func (d *Door) entry(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	id, err := steward.ParseEntry(q.PathValue("entry"))
	if err != nil {
		return err
	}
	var at time.Time
	if text := q.URL.Query().Get("at"); text != "" {
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return ErrRequest
		}
	}
	e, err := d.Entries.Get(q.Context(), who, registry.ID(q.PathValue("database")), id, at)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, itemOf(&e))
}

func (d *Door) history(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	id, err := steward.ParseEntry(q.PathValue("entry"))
	if err != nil {
		return err
	}
	all, err := d.Entries.History(q.Context(), who, registry.ID(q.PathValue("database")), id)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"versions": itemsOf(all)})
}

func (d *Door) feed(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	limit, err := limitOf(q.URL.Query().Get("limit"))
	if err != nil {
		return err
	}
	all, next, err := d.Entries.Feed(q.Context(), who, registry.ID(q.PathValue("database")), q.URL.Query().Get("since"), limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"entries": itemsOf(all), "next": next})
}

// export streams a database as NDJSON, one entry a line. A stream that was not broken
// off ends with the line {"end":true,"entries":n}.
func (d *Door) export(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	id := registry.ID(q.PathValue("database"))
	page, err := d.Entries.List(q.Context(), who, id, register.Query{Limit: mostLimit})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	for n := 0; ; {
		for i := range page.Entries {
			if out.Encode(itemOf(&page.Entries[i])) != nil {
				return nil // the caller is gone
			}
			n++
		}
		if page.Next == "" {
			fmt.Fprintf(w, `{"end":true,"entries":%d}`+"\n", n)
			return nil
		}
		if page, err = d.Entries.List(q.Context(), who, id, register.Query{Limit: mostLimit, Cursor: page.Next}); err != nil {
			d.Logger.WarnContext(q.Context(), "an export broke off", "database", string(id), "code", fault.Of(err).Code)
			return nil // no end line: the caller sees that it is not whole
		}
	}
}

const mostBody = 256 << 10

// enter takes the values of a form: {"values": {field: text}}.
func (d *Door) enter(w http.ResponseWriter, q *http.Request, who register.Reader) error {
	id := registry.ID(q.PathValue("database"))
	if _, err := d.Entries.Database(who, id); err != nil {
		return err
	}
	if kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return ErrRequest
	}
	var body struct {
		Values registry.Values `json:"values"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, q.Body, mostBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || len(body.Values) == 0 {
		return ErrRequest
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) { // one object, and nothing behind it
		return ErrRequest
	}
	written, err := d.Forms.Enter(q.Context(), steward.Who{Role: who.Role, Name: who.Name}, id, body.Values)
	if errors.Is(err, steward.ErrRefused) {
		return answer(w, http.StatusUnprocessableEntity, map[string]any{"code": steward.ErrRefused.Code, "title": steward.ErrRefused.Text, "findings": findingsOf(written.Findings)})
	}
	if err != nil {
		return err
	}
	status := http.StatusOK
	if written.Status == steward.Made {
		status = http.StatusCreated
	}
	return answer(w, status, map[string]any{"id": steward.EntryText(written.ID), "version": written.Version, "status": written.Status, "findings": findingsOf(written.Findings)})
}
