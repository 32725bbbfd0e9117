package edge

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/manifest"
	"lienthong/internal/store"
)

var (
	errFeedLimit = fault.New(fault.Invalid, "request.filter", "Điều kiện lọc không đúng dạng.", "A filter is not in its prescribed form.")
	// errManifestRoom: too much is being compared.
	errManifestRoom = fault.New(fault.Busy, "hub.busy", "Hub đang bận. Gửi lại sau.", "The hub is busy. Send again later.")
)

// smallManifest is what is read without asking for room: sums, no elements.
const smallManifest = 64 << 10

// Manifest answers PUT /api/v1/manifests/{date}: a day compared with what the
// facility says it sent. What came out of it is kept.
func (e *Edge) Manifest(w http.ResponseWriter, r *http.Request, who Caller) error {
	code, err := who.facility()
	if err != nil {
		return err
	}
	day, err := parseDay(r.PathValue("date"), e.Clock.Now())
	if err != nil {
		return err
	}
	leave, err := e.room(r)
	if err != nil {
		return err
	}
	defer leave()
	b, err := body(w, r, manifest.MaxBytes, manifest.ErrLarge)
	if err != nil {
		return err
	}
	q, err := manifest.ParseRequest(b)
	if err != nil {
		return err
	}
	if !e.begin(code) {
		return errManifestRoom
	}
	defer e.end(code)
	here, err := e.day(r.Context(), code, day)
	if err != nil {
		return err
	}
	a := here.Answer(q)
	if err := e.Feeds.PutManifest(r.Context(), kept(code, day, e.Clock.Now(), who.Name, a)); err != nil {
		return err
	}
	return give(w, http.StatusOK, a)
}

// begin lets a facility compare one day at a time: a question of a few bytes has
// the whole day read, up to 200,000 dossiers.
func (e *Edge) begin(code care.FacilityCode) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.comparing[code] {
		return false
	}
	e.comparing[code] = true
	return true
}

func (e *Edge) end(code care.FacilityCode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.comparing, code)
}

// room makes sure that a long manifest finds memory: what is read of it takes
// about eight times its bytes.
func (e *Edge) room(r *http.Request) (func(), error) {
	n := r.ContentLength
	if n >= 0 && n <= smallManifest {
		return func() {}, nil
	}
	if n < 0 || n > manifest.MaxBytes {
		n = manifest.MaxBytes
	}
	leave, err := e.Reserve(r.Context(), 8*n, false)
	if err != nil {
		return nil, errManifestRoom.Because(err)
	}
	return leave, nil
}

// parseDay reads a day of Hanoi. Fault: manifest.date.
func parseDay(s string, now time.Time) (int, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, clock.Hanoi)
	if err != nil || t.Year() < 2000 || t.Format(time.DateOnly) != s || t.After(now) {
		return 0, manifest.ErrDate.Because(err)
	}
	return clock.Day(t), nil
}

func (e *Edge) day(ctx context.Context, code care.FacilityCode, day int) (*manifest.Here, error) {
	list, err := e.Feeds.Day(ctx, code, day, manifest.Limit+1)
	if err != nil {
		return nil, err
	}
	if len(list) > manifest.Limit {
		return nil, manifest.ErrLarge
	}
	held := make([]manifest.Held, len(list))
	for i, d := range list {
		held[i] = manifest.Held{Kind: d.Kind, File: d.Digest, Index: d.Index, Record: d.Record.String(), Accepted: d.State.IsAccepted()}
	}
	return manifest.NewHere(held), nil
}

func kept(code care.FacilityCode, day int, at time.Time, by string, a manifest.Answer) store.Manifest {
	m := store.Manifest{Facility: code, Day: day, At: at, By: by, Equal: a.Equal, Sent: a.Counts.Sent, Accepted: a.Counts.Accepted,
		Rejected: a.Counts.Rejected, Erased: a.Counts.Erased, Missing: -1, Extra: -1}
	if a.Counts.Pending != nil && a.Counts.Extra != nil {
		m.Missing, m.Extra = *a.Counts.Pending, *a.Counts.Extra
	}
	return m
}

// ManifestItem is how a day compared, as lists show it.
type ManifestItem struct {
	Facility string    `json:"facility"`
	Day      string    `json:"day"`
	At       time.Time `json:"at"`
	Equal    bool      `json:"equal"`
	Sent     int       `json:"sent"`
	Accepted int       `json:"accepted"`
	Rejected int       `json:"rejected"`
	Erased   int       `json:"erased"`
	Pending  *int      `json:"pending"` // sent and not here; null: not asked
	Extra    *int      `json:"extra"`   // here and not sent; null: not asked
}

// Manifests answers GET /api/v1/manifests?facility=&from=&to=: how days
// compared, newest first.
func (e *Edge) Manifests(w http.ResponseWriter, r *http.Request, who Caller) error {
	q := r.URL.Query()
	var code care.FacilityCode
	var err error
	if s := q.Get("facility"); s != "" {
		if code, err = care.ParseFacilityCode(s); err != nil {
			return errFeedLimit.Because(err)
		}
	}
	days := [2]int{}
	for i, name := range []string{"from", "to"} {
		if s := q.Get(name); s != "" {
			if days[i], err = parseDay(s, e.Clock.Now().AddDate(10, 0, 0)); err != nil {
				return err
			}
		}
	}
	list, err := e.Feeds.Manifests(r.Context(), who.Role.Scope(), code, days[0], days[1])
	if err != nil {
		return err
	}
	items := make([]ManifestItem, len(list))
	for i, m := range list {
		items[i] = ManifestItem{Facility: string(m.Facility), Day: dayText(m.Day), At: m.At, Equal: m.Equal, Sent: m.Sent, Accepted: m.Accepted,
			Rejected: m.Rejected, Erased: m.Erased, Pending: known(m.Missing), Extra: known(m.Extra)}
	}
	return give(w, http.StatusOK, map[string]any{"items": items, "next": nil})
}

func dayText(day int) string {
	s := strconv.Itoa(day)
	return s[:4] + "-" + s[4:6] + "-" + s[6:]
}

func known(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}
