package review

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The acts of an auditor. Their object is the query's id.
const (
	Queried  = "audit.query"
	Read     = "audit.read"
	Exported = "audit.export"
)

// Query is what an auditor asks of the log of looks. A person is named by a case
// about them, never by a number of theirs.
type Query struct {
	Case     string            `json:"case"` // number of the inspection or matter it is for
	About    string            `json:"about,omitempty"`
	Staff    string            `json:"staff,omitempty"` // id in the roster, hexadecimal
	Facility care.FacilityCode `json:"facility,omitempty"`
	Opening  string            `json:"opening,omitempty"` // hexadecimal
	Basis    string            `json:"basis,omitempty"`
	From     time.Time         `json:"from"`
	To       time.Time         `json:"to"`
}

// Asked is a query that was made.
type Asked struct {
	ID    string // 128 random bits, hexadecimal
	At    time.Time
	Actor string
	Query Query
}

// Faults of a query.
var (
	// ErrCase: a query without the number of its case.
	ErrCase = fault.New(fault.Invalid, "audit.case",
		"Ghi số quyết định hoặc số vụ việc của lần kiểm tra, từ 3 đến 60 ký tự.", "Give the number of the case this is for, 3 to 60 characters.")
	// ErrQuery: a part of the query cannot be read, or no time is given.
	ErrQuery = fault.New(fault.Invalid, "audit.query",
		"Xem lại điều kiện: cần từ ngày đến ngày (nhiều nhất 400 ngày); mã cán bộ và mã lần mở gồm 32 ký tự; số vụ việc phải có thật.",
		"Look at the conditions again: a time of at most 400 days is needed; ids of staff and openings have 32 characters; a matter must exist.")
)

const (
	longestQuery = 400 * 24 * time.Hour
	mostRows     = 50_000  // of the log that one page reads
	mostExported = 500_000 // of the log that one export reads
	// PageRows is how many rows a page of results has.
	PageRows = 100
)

// Ask makes a query: the act is kept before a row is read. It returns its id.
// Faults: audit.case, audit.query, review.absent for who is no auditor.
func (d *Desk) Ask(ctx context.Context, o Officer, q Query) (string, error) {
	if !o.Role.May(role.Audit) {
		return "", ErrAbsent
	}
	q.Case = strings.TrimSpace(q.Case)
	if n := utf8.RuneCountInString(q.Case); n < 3 || n > 60 || strings.IndexFunc(q.Case, unicode.IsControl) >= 0 {
		return "", ErrCase
	}
	if _, err := d.filterOf(ctx, &q); err != nil {
		return "", err
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", fmt.Errorf("review: naming a query: %w", err)
	}
	detail, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("review: %w", err)
	}
	name := hex.EncodeToString(id[:])
	if err := d.Acts.Act(ctx, d.act(o, Queried, name, string(detail))); err != nil {
		return "", fmt.Errorf("review: keeping a query: %w", err)
	}
	return name, nil
}

// filterOf is a query for the store; what the store does not select, matches does.
func (d *Desk) filterOf(ctx context.Context, q *Query) (store.DisclosureFilter, error) {
	f := store.DisclosureFilter{Since: q.From, Until: q.To}
	if q.From.IsZero() || !q.To.After(q.From) || q.To.Sub(q.From) > longestQuery || len(q.Basis) > 40 {
		return f, ErrQuery
	}
	if q.Facility != "" {
		if _, err := care.ParseFacilityCode(string(q.Facility)); err != nil {
			return f, ErrQuery
		}
	}
	for text, into := range map[string]*[16]byte{q.Staff: (*[16]byte)(&f.Staff), q.Opening: (*[16]byte)(&f.Opening)} {
		b, err := hex.DecodeString(text)
		if err != nil || text != "" && len(b) != len(into) {
			return f, ErrQuery
		}
		copy(into[:], b)
	}
	if q.About == "" {
		return f, nil
	}
	number, err := matter.ParseNumber(q.About)
	if err != nil {
		return f, ErrQuery
	}
	m, err := d.Matters.Matter(ctx, number)
	switch {
	case errors.Is(err, store.ErrAbsent), err == nil && m.Person == care.Person{}:
		return f, ErrQuery
	case err != nil:
		return f, fmt.Errorf("review: %w", err)
	}
	q.About, f.Person = number, store.PersonID(m.Person)
	return f, nil
}

// matches is what the store does not select: the facility of who looked or of what
// was looked at, and the basis.
func (q *Query) matches(row *store.Disclosure) bool {
	return (q.Basis == "" || row.Basis == q.Basis) && (q.Facility == "" || row.Facility == q.Facility || readerAt(row) == q.Facility)
}

// Queries lists the queries made, newest first, at most so many.
func (d *Desk) Queries(ctx context.Context, o Officer, limit int) ([]Asked, error) {
	if !o.Role.May(role.Audit) {
		return nil, ErrAbsent
	}
	var out []Asked
	_, err := d.acts(ctx, func(a *store.Act) bool {
		if a.Action == Queried {
			out = append(out, askedOf(a))
		}
		return len(out) >= limit
	})
	return out, err
}

func askedOf(a *store.Act) Asked {
	x := Asked{ID: a.Object, At: a.At, Actor: a.Actor}
	if json.Unmarshal([]byte(a.Detail), &x.Query) != nil {
		x.Query = Query{} // the act itself is shown
	}
	return x
}

// mostActs is how far back acts are looked through.
const mostActs = 100_000

// acts goes through acts, newest first, until fn says it has enough.
func (d *Desk) acts(ctx context.Context, fn func(*store.Act) bool) (bool, error) {
	for before, n := int64(0), 0; n < mostActs; {
		list, err := d.Acts.Acts(ctx, before, 1000)
		if err != nil {
			return false, fmt.Errorf("review: reading acts: %w", err)
		}
		for i := range list {
			if fn(&list[i]) {
				return true, nil
			}
		}
		if len(list) < 1000 {
			return false, nil
		}
		before, n = list[len(list)-1].ID, n+len(list)
	}
	return false, nil
}

// asked finds a query by its id.
func (d *Desk) asked(ctx context.Context, o Officer, id string) (*Asked, error) {
	if b, err := hex.DecodeString(id); !o.Role.May(role.Audit) || err != nil || len(b) != 16 {
		return nil, ErrAbsent
	}
	var x *Asked
	_, err := d.acts(ctx, func(a *store.Act) bool {
		if a.Action == Queried && a.Object == id {
			found := askedOf(a)
			x = &found
		}
		return x != nil
	})
	if err == nil && x == nil {
		err = ErrAbsent
	}
	return x, err
}

// Result is a page of what a query found.
type Result struct {
	Asked Asked
	Rows  []store.Disclosure
	Next  int64 // id to go on before; 0: that was all
}

// Page returns results of a query, newest first, before a row (0: the newest). Each
// page is an act of its own. Faults: review.absent.
func (d *Desk) Page(ctx context.Context, o Officer, id string, before int64) (*Result, error) {
	x, err := d.asked(ctx, o, id)
	if err != nil {
		return nil, err
	}
	f, err := d.filterOf(ctx, &x.Query)
	if err != nil {
		return nil, err
	}
	if err := d.Acts.Act(ctx, d.act(o, Read, id, `{"before":`+strconv.FormatInt(before, 10)+`}`)); err != nil {
		return nil, fmt.Errorf("review: keeping that it is read: %w", err)
	}
	f.Before = before
	r := &Result{Asked: *x}
	last, err := d.walk(ctx, f, &x.Query, mostRows, func(row *store.Disclosure) bool {
		if len(r.Rows) == PageRows {
			r.Next = r.Rows[PageRows-1].ID
			return false
		}
		r.Rows = append(r.Rows, *row)
		return true
	})
	if r.Next == 0 {
		r.Next = last // many rows were read that do not fit: the next page goes on there
	}
	return r, err
}

// walk gives the rows of a query, newest first, until fn has enough. Where it read
// so many rows of the log and there are more it returns the id to go on before.
func (d *Desk) walk(ctx context.Context, f store.DisclosureFilter, q *Query, most int, fn func(*store.Disclosure) bool) (int64, error) {
	f.Limit = 1000
	for n := 0; n < most; {
		page, more, err := d.pageOf(ctx, f)
		if err != nil {
			return 0, fmt.Errorf("review: reading looks: %w", err)
		}
		for i := range page {
			n++
			if q.matches(&page[i]) && !fn(&page[i]) {
				return 0, nil
			}
		}
		if !more || len(page) == 0 {
			return 0, nil
		}
		f.Before = page[len(page)-1].ID
	}
	return f.Before, nil
}

// pageOf reads rows; of a person also those at records that are theirs now.
func (d *Desk) pageOf(ctx context.Context, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	if f.Person != (store.PersonID{}) {
		return d.Looks.OfPerson(ctx, f.Person, f)
	}
	return d.Looks.List(ctx, all, f)
}

// columns are those of the CSV.
var columns = []string{"id", "at", "reader", "role", "staff", "record", "facility", "basis", "purpose", "opening", "policy", "route", "count", "log", "leaf", "checkpoint_size"}

// CSV returns what a query found as a table (UTF-8, comma, RFC 4180), each row with
// the leaf of the log that covers it, empty where none does yet. One that was cut
// (partial) says so in its last line.
func (d *Desk) CSV(ctx context.Context, o Officer, id string) (table []byte, partial bool, err error) {
	e, err := d.Export(ctx, o, id)
	if err != nil {
		return nil, false, err
	}
	table, err = e.Table()
	return table, e.Partial, err
}

// Table is the export as CSV.
func (e *Export) Table() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{columns}
	for _, x := range e.Rows {
		r := x.row
		line := []string{strconv.FormatInt(x.ID, 10), r.At.UTC().Format(time.RFC3339Nano), r.Reader, r.Role, named(r.Staff), x.Record, string(r.Facility), r.Basis, r.Purpose, named(r.Opening), r.Policy, r.Route, strconv.Itoa(r.Count), "", "", ""}
		if x.Leaf != nil {
			line[13], line[14] = strconv.Itoa(x.Leaf.Log), strconv.FormatUint(x.Leaf.Index, 10)
			i := slices.IndexFunc(e.Logs, func(l LogProof) bool { return l.Log == x.Leaf.Log })
			line[15] = strconv.FormatUint(e.Logs[i].Size, 10)
		}
		for i := range line {
			line[i] = plain(line[i])
		}
		rows = append(rows, line)
	}
	if e.Partial {
		last := make([]string, len(columns))
		last[0] = "KHÔNG ĐỦ: nhật ký dài hơn phần đã đọc, hãy hỏi khoảng thời gian ngắn hơn / PARTIAL: the log is longer than what was read, ask for less time"
		rows = append(rows, last)
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("review: writing a table: %w", err)
	}
	return b.Bytes(), nil
}

// plain keeps a spreadsheet from taking a cell for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func named(b [16]byte) string {
	if b == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(b[:])
}
