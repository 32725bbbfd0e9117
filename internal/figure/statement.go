package figure

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/cells"
	"lienthong/internal/clock"
	"lienthong/internal/insight"
	"lienthong/internal/ledger/jcs"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// statementV is the form of statements.
const statementV = 1

// mostDays is the longest span that is pinned.
const mostDays = 31

// mostStatement bounds the bytes of a statement: 13,000 facilities at 20 bytes, and room.
const mostStatement = 4 << 20

// Query is the question of a statement, as data: the measures are those of the
// figure when it was pinned. Members are in the order of their names.
type Query struct {
	By       string   `json:"by,omitempty"`       // what the value is split by: "province", "facility"
	Facility string   `json:"facility,omitempty"` // of the place at most one is set
	Figure   string   `json:"figure"`
	From     int      `json:"from"`            // yyyyMMdd in Hanoi, by day of receipt
	Least    int64    `json:"least,omitempty"` // smaller numbers are not told; 0: all are
	Measures []string `json:"measures"`
	// Parts are several numbers of each place: keys of the value are "24601/sent", and
	// what is 0 is left out. The value's n is the first part's.
	Parts     []insight.Part `json:"parts,omitempty"`
	Province  string         `json:"province,omitempty"`
	Provinces []string       `json:"provinces,omitempty"` // that have a cell, where small ones are not told
	Standing  bool           `json:"standing,omitempty"`
	To        int            `json:"to"`
	Unit      string         `json:"unit,omitempty"`
}

// Place is where a figure is counted: nothing is the country.
type Place struct{ Province, Unit, Facility string }

// Ask makes the question of a figure at a place over days, which may lie ahead: Pin
// refuses those. A figure with parts is split by facility, in the country too; of a
// public one the days are those of the whole month. Faults: ErrUnknown, ErrPlace, ErrSpan.
func Ask(figureID string, p Place, from, to int) (Query, error) {
	f, ok := insight.FigureByID(figureID)
	if !ok || !f.Pinned() {
		return Query{}, ErrUnknown
	}
	q := Query{Figure: f.ID, Measures: slices.Clone(f.Measures), Standing: f.Standing, From: from, To: to,
		Province: p.Province, Unit: p.Unit, Facility: p.Facility}
	switch {
	case p.Facility != "":
	case p.Province != "" || p.Unit != "":
		q.By = string(store.ByFacility)
	default:
		q.By = string(store.ByProvince)
	}
	for _, p := range f.Parts {
		q.Parts, q.By = append(q.Parts, insight.Part{Measures: slices.Clone(p.Measures), Name: p.Name, Standing: p.Standing}), string(store.ByFacility)
	}
	if f.Public {
		q.By, q.Least = string(store.ByProvince), cells.Least
		q.From, q.To = from/100*100+1, clock.Day(time.Date(from/10000, time.Month(from/100%100)+1, 0, 12, 0, 0, 0, clock.Hanoi))
		for _, p := range catalog.Provinces() {
			q.Provinces = append(q.Provinces, p.Code)
		}
		if to > q.To || to < from {
			return q, ErrSpan
		}
		if !q.lawful() {
			return q, ErrPlace
		}
	}
	return q, q.sound(lastDay)
}

// lastDay is a day after all others.
const lastDay = 99991230

// Place returns where it is counted.
func (q Query) Place() Place { return Place{q.Province, q.Unit, q.Facility} }

// Subject is what the question is about: "SL.04-20261121-p24".
func (q Query) Subject() string {
	days := strconv.Itoa(q.From)
	if q.To != q.From {
		days += "." + strconv.Itoa(q.To)
	}
	place := "vn"
	switch {
	case q.Province != "":
		place = "p" + q.Province
	case q.Unit != "":
		place = "u" + q.Unit
	case q.Facility != "":
		place = "f" + q.Facility
	}
	return q.Figure + "-" + days + "-" + place
}

func id(subject string, version int) string { return subject + "-v" + strconv.Itoa(version) }

// split reads an id; without a version it is the newest.
func split(id string) (subject string, version int) {
	if i := strings.LastIndex(id, "-v"); i > 0 {
		if n, err := strconv.Atoi(id[i+2:]); err == nil && n > 0 && n < 1_000_000 {
			return id[:i], n
		}
	}
	return id, 0
}

// check refuses a question that nobody may ask, and returns its figure.
func (q Query) check(now time.Time) (string, error) {
	f, ok := insight.FigureByID(q.Figure)
	if !ok || !f.Pinned() || !slices.Equal(f.Measures, q.Measures) || f.Standing != q.Standing || len(f.Parts) != len(q.Parts) || f.Public != (q.Least > 0) {
		return "", ErrUnknown
	}
	if q.Least > 0 && q.To >= clock.Day(now) { // the month is not over
		return "", ErrSpan
	}
	return f.ID, q.sound(clock.Day(now))
}

// Public reports whether anybody may read the statement: small numbers are not in it.
func (q Query) Public() bool { return q.Least > 0 }

// lawful checks the members that only some questions have.
func (q Query) lawful() bool {
	if len(q.Parts) > 10 || len(q.Provinces) > 100 || q.Least < 0 || q.Least > 1000 || q.Least > 0 && (q.By != string(store.ByProvince) || q.Place() != Place{} || len(q.Parts) == 0) {
		return false
	}
	for _, p := range q.Parts {
		if p.Name == "" || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz_") != "" || len(p.Measures) == 0 || len(p.Measures) > 20 {
			return false
		}
	}
	return len(q.Parts) == 0 || q.By != "" || q.Facility != ""
}

// sound checks days and place.
func (q Query) sound(today int) error {
	from, ok := noon(q.From)
	to, also := noon(q.To)
	if !ok || !also || to.Before(from) || to.Sub(from) > (mostDays-1)*24*time.Hour || q.To > today {
		return ErrSpan
	}
	places := 0
	for _, p := range []string{q.Province, q.Unit, q.Facility} {
		if p != "" {
			places++
		}
	}
	if places > 1 {
		return ErrPlace
	}
	if _, known := catalog.ProvinceByCode(q.Province); q.Province != "" && !known {
		return ErrPlace
	}
	if _, err := care.ParseFacilityCode(q.Facility); q.Facility != "" && err != nil {
		return ErrPlace
	}
	if q.Unit != "" {
		if r, err := role.Parse("unit:" + q.Unit); err != nil || r.ID != q.Unit || strings.ContainsAny(q.Unit, "/?#%") {
			return ErrPlace
		}
	}
	return nil
}

func noon(day int) (time.Time, bool) {
	t := time.Date(day/10000, time.Month(day/100%100), day%100, 12, 0, 0, 0, clock.Hanoi)
	return t, day > 19000101 && day < 99991231 && clock.Day(t) == day
}

// Log is where a log stood, with the checkpoint that it signed there.
type Log struct {
	Checkpoint string `json:"checkpoint"`
	Log        int    `json:"log"`
	Size       uint64 `json:"size"`
}

// Change is what a version says of the one before it. Late, Withdrawn and
// Superseded are records; Erased is how much the older version has lost since
// because records were erased.
type Change struct {
	Before     int64 `json:"before"`
	Erased     int64 `json:"erased,omitempty"`
	Late       int64 `json:"late,omitempty"` // received on those days, known only now
	Now        int64 `json:"now"`
	Superseded int64 `json:"superseded,omitempty"`
	Withdrawn  int64 `json:"withdrawn,omitempty"`
}

// Statement is a pinned figure. Members are in the order of their names, so that
// its JSON is one text.
type Statement struct {
	At      string          `json:"at"` // RFC 3339, UTC
	Changed *Change         `json:"changed,omitempty"`
	Figure  string          `json:"figure"`
	Hub     string          `json:"hub"`
	ID      string          `json:"id"`
	Logs    []Log           `json:"logs"`
	Pack    string          `json:"pack,omitempty"`
	Query   Query           `json:"query"`
	SHA256  string          `json:"sha256"` // of value
	Sheet   string          `json:"sheet,omitempty"`
	V       int             `json:"v"`
	Value   json.RawMessage `json:"value"`
	Version int             `json:"version"`
}

// Value is a number, and its parts where it is split.
type Value struct {
	By   map[string]int64      // "" stands for what lies nowhere; nil where it is not split
	Hide map[string]cells.Hide // what is not told, and why; "vn/…" is a total
	N    int64
}

// bytes is the value as a statement holds it: canonical JSON (RFC 8785).
func (v Value) bytes() []byte {
	b := []byte{'{'}
	if v.By != nil {
		b = append(b, `"by":{`...)
		for i, k := range slices.Sorted(maps.Keys(v.By)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jcs.AppendString(b, k), ':')
			b = strconv.AppendInt(b, v.By[k], 10)
		}
		b = append(b, `},`...)
	}
	if len(v.Hide) > 0 {
		b = append(b, `"hide":{`...)
		for i, k := range slices.Sorted(maps.Keys(v.Hide)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = jcs.AppendString(append(jcs.AppendString(b, k), ':'), string(v.Hide[k]))
		}
		b = append(b, `},`...)
	}
	return append(strconv.AppendInt(append(b, `"n":`...), v.N, 10), '}')
}

func (s *Statement) setValue(v Value) {
	s.Value = v.bytes()
	sum := sha256.Sum256(s.Value)
	s.SHA256 = hex.EncodeToString(sum[:])
}

// Read returns the value.
func (s *Statement) Read() Value {
	v, err := s.read()
	if err != nil { // Parse has read it already
		return Value{}
	}
	return v
}

func (s *Statement) read() (Value, error) {
	var v struct {
		By   map[string]int64      `json:"by"`
		Hide map[string]cells.Hide `json:"hide"`
		N    int64                 `json:"n"`
	}
	err := json.Unmarshal(s.Value, &v)
	return Value{By: v.By, Hide: v.Hide, N: v.N}, err
}

// Moment is when it was pinned.
func (s *Statement) Moment() time.Time {
	t, err := time.Parse(time.RFC3339Nano, s.At)
	if err != nil { // Parse has read it already
		return time.Time{}
	}
	return t
}

// Bytes is the statement as it is kept and given out.
func (s *Statement) Bytes() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // texts, numbers and a value made above always encode
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Parse reads a statement, as it was given out. Fault: ErrStatement.
func Parse(b []byte) (*Statement, error) {
	if len(b) > mostStatement {
		return nil, ErrStatement
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	s := &Statement{}
	if err := d.Decode(s); err != nil || d.More() {
		return nil, ErrStatement
	}
	if s.V != statementV || s.Version < 1 || s.ID != id(s.Query.Subject(), s.Version) || s.Figure != s.Query.Figure || len(s.Logs) > 1000 {
		return nil, ErrStatement
	}
	if s.Query.sound(lastDay) != nil || !s.Query.lawful() || len(s.Query.Measures) == 0 || len(s.Query.Measures) > 20 ||
		(s.Query.By != "" && s.Query.By != string(store.ByProvince) && s.Query.By != string(store.ByFacility)) {
		return nil, ErrStatement
	}
	if _, err := time.Parse(time.RFC3339Nano, s.At); err != nil {
		return nil, ErrStatement
	}
	_, err := s.read()
	sum := sha256.Sum256(s.Value)
	if err != nil || s.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, ErrStatement
	}
	return s, nil
}

// digest is over several statements, in order: what their act says of them.
func digest(list []*Statement) string {
	h := sha256.New()
	for _, s := range list {
		sum := sha256.Sum256(s.Bytes())
		fmt.Fprintf(h, "%s %x\n", s.ID, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}
