package edge

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/finding"
	"lienthong/internal/store"
	"lienthong/internal/web/squeeze"
)

// RecordItem is a record in a feed: its whole state now, to be put over what was
// known before.
type RecordItem struct {
	Type     string            `json:"type"` // "record"
	At       time.Time         `json:"at"`   // received
	Record   string            `json:"record"`
	File     *string           `json:"file_sha256"` // of the file it first came in; null: erased
	Index    int               `json:"index"`
	Facility string            `json:"facility"`
	Episode  *string           `json:"episode"` // null: erased
	Kind     string            `json:"kind"`
	Version  *int              `json:"version"`
	State    string            `json:"state"`
	Verdict  string            `json:"verdict"`
	Findings []finding.Finding `json:"findings"`
	Lane     string            `json:"lane"`
}

// LegItem is a delivery in a feed: its whole state now.
type LegItem struct {
	Type        string     `json:"type"` // "leg"
	At          time.Time  `json:"at"`   // changed
	Record      string     `json:"record"`
	Destination string     `json:"destination"`
	State       string     `json:"state"`
	Created     *time.Time `json:"created"`
	Sent        *time.Time `json:"sent"`
	Received    *time.Time `json:"received"`
	Finalized   *time.Time `json:"finalized"`
	Opened      *time.Time `json:"opened"`
	Code        string     `json:"code"`
	Reference   string     `json:"reference"`
	Attempts    int        `json:"attempts"`
}

// NoteItem is what was learned later about a record's seal; its verdict stays.
type NoteItem struct {
	Type        string     `json:"type"` // "annotation"
	At          time.Time  `json:"at"`
	Record      string     `json:"record"`
	What        string     `json:"what"` // seal_revoked, seal_disputed
	Certificate string     `json:"certificate_sha256"`
	Since       *time.Time `json:"since"`
}

// Cursor is a place in a feed: that of records, that of legs, and the moment of
// the last annotation, in microseconds.
type Cursor struct {
	Records, Legs string
	Notes         int64
}

// longestCursor is more than any needs.
const longestCursor = 8 << 10

// String returns the text that ParseCursor reads.
func (c Cursor) String() string {
	places := []string{c.Records, c.Legs}
	if c.Notes != 0 {
		places = append(places, strconv.FormatInt(c.Notes, 36))
	}
	b, err := json.Marshal(places)
	if err != nil {
		panic(err) // strings always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor, "" is the beginning. What the places say is the
// store's to judge. Fault: feed.cursor.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	if len(s) > longestCursor {
		return Cursor{}, store.ErrFeedPlace
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	var places []string
	if err == nil {
		err = json.Unmarshal(b, &places)
	}
	if err != nil || len(places) < 2 || len(places) > 3 {
		return Cursor{}, store.ErrFeedPlace.Because(err)
	}
	c := Cursor{Records: places[0], Legs: places[1]}
	if len(places) == 3 {
		c.Notes, err = strconv.ParseInt(places[2], 36, 64)
	}
	if err != nil || c.Notes < 0 || c.String() != s { // one spelling
		return Cursor{}, store.ErrFeedPlace
	}
	return c, nil
}

const (
	feedLimit = 500
	mostFeed  = 1000
)

// Feed answers GET /api/v1/feed?since=&limit=: what became of the facility's
// records since a place, in the order of commits, each at least once.
func (e *Edge) Feed(w http.ResponseWriter, r *http.Request, who Caller) error {
	code, err := who.facility()
	if err != nil {
		return err
	}
	at, err := ParseCursor(r.URL.Query().Get("since"))
	if err != nil {
		return err
	}
	limit := feedLimit
	if s := r.URL.Query().Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > mostFeed {
			return errFeedLimit
		}
	}
	records, next, err := e.Feeds.After(r.Context(), code, at.Records, limit)
	if err != nil {
		return err
	}
	items := make([]any, 0, len(records))
	for i := range records {
		items = append(items, e.recordItem(who, &records[i]))
	}
	at.Records = next
	if items, err = e.legs(r, code, &at, limit, items); err != nil {
		return err
	}
	if items, err = e.notes(r, code, &at, items); err != nil {
		return err
	}
	b, err := json.Marshal(map[string]any{"items": items, "next": at.String()})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	squeeze.Write(w, r, b)
	return nil
}

func (e *Edge) legs(r *http.Request, code care.FacilityCode, at *Cursor, limit int, items []any) ([]any, error) {
	if e.Legs == nil {
		return items, nil
	}
	legs, next, err := e.Legs.Changed(r.Context(), code, at.Legs, limit)
	if err != nil {
		return nil, err
	}
	for i := range legs {
		items = append(items, legItem(&legs[i]))
	}
	at.Legs = next
	return items, nil
}

const (
	// mostNotes is more than hubs write with one moment.
	mostNotes = 5_000
	// noteOverlap is how long an annotation may take from its moment to its
	// commit: so long it is given again.
	noteOverlap = 5 * time.Minute
)

// notes gives annotations. They are few and have no order of commits: those of
// the last minutes come again with every page.
func (e *Edge) notes(r *http.Request, code care.FacilityCode, at *Cursor, items []any) ([]any, error) {
	notes, err := e.Feeds.Annotations(r.Context(), code, time.UnixMicro(at.Notes), mostNotes)
	if err != nil {
		return nil, err
	}
	settled := e.Clock.Now().Add(-noteOverlap)
	for i := range notes {
		n := &notes[i]
		items = append(items, NoteItem{Type: "annotation", At: n.At, Record: n.Record.String(), What: n.What,
			Certificate: hex.EncodeToString(n.Fingerprint[:]), Since: moment(n.Since)})
		if n.At.Before(settled) {
			at.Notes = n.At.UnixMicro()
		}
	}
	if len(notes) == mostNotes { // go on, also within the minutes: others of this moment come again
		at.Notes = max(at.Notes, notes[mostNotes-1].At.UnixMicro()-1)
	}
	return items, nil
}

func (e *Edge) recordItem(who Caller, f *store.Fed) RecordItem {
	it := RecordItem{Type: "record", At: f.Received, Record: f.ID.String(), Index: f.Index, Facility: string(f.ID.Facility), Kind: f.Kind,
		State: string(f.State()), Verdict: string(f.Verdict.State), Findings: finding.Of(e.Pack(), f.Verdict.Findings), Lane: f.Lane.String()}
	if f.Digest != [32]byte{} {
		text := hex.EncodeToString(f.Digest[:])
		it.File = &text
	}
	if episode := e.Episode(who, &f.Record); episode != "" {
		it.Episode = &episode
	}
	if f.Version > 0 {
		it.Version = &f.Version
	}
	return it
}

func legItem(l *store.Leg) LegItem {
	return LegItem{Type: "leg", At: l.Changed, Record: l.Record.String(), Destination: l.Destination, State: string(l.State), Created: moment(l.Created),
		Sent: moment(l.Sent), Received: moment(l.Received), Finalized: moment(l.Finalized), Opened: moment(l.Opened),
		Code: l.Code, Reference: l.Reference, Attempts: l.Attempts}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
