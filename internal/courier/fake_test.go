package courier_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// legs keeps legs as store.Legs prescribes, in memory.
type legs struct {
	mu      sync.Mutex
	rows    map[store.LegKey]*row
	waiting map[string]map[*row]bool // by destination
	claims  int
	broken  bool // Settle fails
}

type row struct {
	store.Leg
	holder string
	until  time.Time
}

func (s *legs) add(l store.Leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows, s.waiting = map[store.LegKey]*row{}, map[string]map[*row]bool{}
	}
	r := &row{Leg: l}
	s.rows[l.LegKey] = r
	s.sort(r)
}

func (s *legs) sort(r *row) {
	if s.waiting[r.Destination] == nil {
		s.waiting[r.Destination] = map[*row]bool{}
	}
	if delete(s.waiting[r.Destination], r); r.State == exchange.Waiting {
		s.waiting[r.Destination][r] = true
	}
}

func (s *legs) carried(r *row, now time.Time) bool { return r.holder != "" && r.until.After(now) }

func (s *legs) Claim(_ context.Context, c store.LegClaim) ([]store.Leg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims++
	var due []*row
	oldest := map[string]time.Time{}
	episode := func(r *row) string { return string(r.Record.Facility) + string(r.Episode[:]) + r.Kind }
	for r := range s.waiting[c.Destination] {
		if at, ok := oldest[episode(r)]; !ok || r.Created.Before(at) {
			oldest[episode(r)] = r.Created
		}
	}
	for r := range s.waiting[c.Destination] {
		if !r.Due.After(c.Now) && !s.carried(r, c.Now) && !oldest[episode(r)].Before(r.Created) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.Lane, b.Lane), a.Due.Compare(b.Due), a.Created.Compare(b.Created), bytes.Compare(a.Record.Serial[:], b.Record.Serial[:]))
	})
	due = due[:min(len(due), c.Limit)]
	if c.Whole {
		for _, d := range slices.Clone(due) {
			for r := range s.waiting[c.Destination] {
				if r.File == d.File && r.Record.Facility == d.Record.Facility &&
					!s.carried(r, c.Now) && !slices.Contains(due, r) {
					due = append(due, r)
				}
			}
		}
	}
	out := make([]store.Leg, len(due))
	for i, r := range due {
		out[i] = r.Leg
		out[i].Lapsed = r.holder != ""
		r.holder, r.until = c.Holder, c.Until
	}
	return out, nil
}

func (s *legs) Settle(_ context.Context, holder string, now time.Time, results []store.LegResult) (lost []store.LegKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, errors.New("the store is gone")
	}
	set := func(to *time.Time, at time.Time) {
		if !at.IsZero() {
			*to = at
		}
	}
	for _, x := range results {
		r := s.rows[x.LegKey]
		if r == nil || r.holder != holder {
			lost = append(lost, x.LegKey)
			continue
		}
		r.State, r.Due, r.Attempts, r.Code, r.Reference, r.Changed, r.holder = x.State, x.Due, x.Attempts, x.Code, x.Reference, now, ""
		set(&r.Sent, x.Sent)
		set(&r.Received, x.Received)
		set(&r.Finalized, x.Finalized)
		s.sort(r)
	}
	return lost, nil
}

func (s *legs) Of(_ context.Context, ids ...dossier.ID) ([]store.Leg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.Leg
	for _, r := range s.rows {
		if slices.Contains(ids, r.Record) {
			out = append(out, r.Leg)
		}
	}
	return out, nil
}

func (s *legs) Queues(context.Context) ([]store.LegQueue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := map[string]*store.LegQueue{}
	for _, r := range s.rows {
		if by[r.Destination] == nil {
			by[r.Destination] = &store.LegQueue{Destination: r.Destination}
		}
		switch q := by[r.Destination]; r.State {
		case exchange.Waiting:
			q.Waiting++
		case exchange.Held:
			q.Held++
		case exchange.Parked:
			q.Parked++
		}
	}
	var out []store.LegQueue
	for _, q := range by {
		out = append(out, *q)
	}
	return out, nil
}

func (s *legs) leg(n int, to string) store.Leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[store.LegKey{Record: id(n), Destination: to}]
	if r == nil {
		return store.Leg{}
	}
	return r.Leg
}

func (s *legs) count(state exchange.State) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.State == state {
			n++
		}
	}
	return n
}

func id(n int) dossier.ID {
	return dossier.ID{Facility: "79901", Serial: [16]byte{1, byte(n >> 16), byte(n >> 8), byte(n)}}
}

func keyed(kind byte, n int) vault.Keyed {
	return vault.Keyed{1, kind, byte(n >> 16), byte(n >> 8), byte(n)}
}

// records are accepted and current unless a test says otherwise; files hold
// their records in order.
type records struct {
	mu    sync.Mutex
	as    map[dossier.ID]store.Record
	files map[vault.Keyed][]int
}

func (s *records) change(n int, f func(*store.Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.as == nil {
		s.as = map[dossier.ID]store.Record{}
	}
	r := s.record(id(n))
	f(&r)
	s.as[id(n)] = r
}

func (s *records) record(of dossier.ID) store.Record {
	if r, ok := s.as[of]; ok {
		return r
	}
	return store.Record{ID: of, Version: 1, Current: true, Verdict: dossier.Verdict{State: dossier.Accepted}}
}

func (s *records) Get(_ context.Context, _ role.Scope, of dossier.ID) (*store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record(of)
	return &r, nil
}

func (s *records) File(_ context.Context, _ care.FacilityCode, file vault.Keyed) (*store.File, []store.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.Stored
	for i, n := range s.files[file] {
		out = append(out, store.Stored{Record: s.record(id(n)), Index: i})
	}
	return &store.File{Hash: file, Dossiers: len(out)}, out, nil
}

// opener notes what was opened; fail says what is answered instead.
type opener struct {
	mu     sync.Mutex
	opened map[dossier.ID]int
	forms  map[disclose.Form]int
	fail   func(disclose.Destination, dossier.ID) error
}

func (o *opener) Deliver(_ context.Context, to disclose.Destination, form disclose.Form, of dossier.ID) (*disclose.Delivery, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		if err := o.fail(to, of); err != nil {
			return nil, err
		}
	}
	if o.opened == nil {
		o.opened, o.forms = map[dossier.ID]int{}, map[disclose.Form]int{}
	}
	o.opened[of]++
	o.forms[form]++
	return &disclose.Delivery{Receipt: []byte("biên nhận"), Reason: "nhập nhầm"}, nil
}

// destination is a simulated one: it keeps what it was handed, and answers as the test says.
type destination struct {
	mu       sync.Mutex
	wants    courier.Wants
	got      map[dossier.ID]int // times recorded
	order    []dossier.ID
	at       []time.Time
	repeated map[dossier.ID]int
	secrets  []string
	running  int
	most     int // at once
	// answer decides; it is called with the lock held. recorded: it keeps the record.
	answer func(p *courier.Parcel) (a exchange.Answer, recorded bool)
	takes  time.Duration
}

func (d *destination) Wants() courier.Wants { return d.wants }

func (d *destination) Check(e exchange.Destination) error {
	if e.URL == "bad" {
		return fault.New(fault.Invalid, "webhook.options", "Sai.", "Wrong.")
	}
	return nil
}

func (d *destination) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	d.mu.Lock()
	d.running++
	d.most = max(d.most, d.running)
	takes := d.takes
	d.mu.Unlock()
	if takes > 0 {
		t := time.NewTimer(takes)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if takes > 0 && ctx.Err() != nil {
		return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "outbound.unreachable"}
	}
	d.secrets = append(d.secrets, string(p.Secret))
	a, recorded := exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: "GD-1"}, true
	if d.answer != nil {
		a, recorded = d.answer(p)
	}
	if d.got == nil {
		d.got, d.repeated = map[dossier.ID]int{}, map[dossier.ID]int{}
	}
	for _, l := range p.Legs {
		if p.Repeated {
			d.repeated[l.Record]++
		}
		if recorded {
			d.got[l.Record]++
			d.order = append(d.order, l.Record)
			d.at = append(d.at, time.Now())
		}
	}
	return a
}

func (d *destination) count(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.got[id(n)]
}

// arrived is how many records it keeps.
func (d *destination) arrived() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.order)
}

// follower gives its verdict later.
type follower struct {
	*destination
	follow func(p *courier.Parcel) exchange.Answer
}

func (f follower) Follow(_ context.Context, p *courier.Parcel) exchange.Answer { return f.follow(p) }

// world is a courier over fakes.
type world struct {
	t       *testing.T
	legs    *legs
	records *records
	opener  *opener
	secrets *secretStore
	vault   *vault.Vault
	courier *courier.Courier
	opens   int
}

type secretStore struct {
	sync.Mutex
	of map[string][]byte
}

func (s *secretStore) Secret(_ context.Context, to string, code care.FacilityCode) ([]byte, error) {
	s.Lock()
	defer s.Unlock()
	if b, ok := s.of[to+"/"+string(code)]; ok {
		return b, nil
	}
	return nil, store.ErrAbsent
}

func (w *world) Attempted(string, string, time.Duration) {}
func (w *world) SecretOpened(string)                     { w.opens++ }

func setup(t *testing.T, adapters map[string]courier.Adapter, change ...func(*courier.Config)) *world {
	t.Helper()
	v, err := vault.New(vault.Config{Master: make([]byte, 32), Peppers: map[int][]byte{1: make([]byte, 32)}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, legs: &legs{}, records: &records{files: map[vault.Keyed][]int{}}, opener: &opener{}, secrets: &secretStore{of: map[string][]byte{}}, vault: v}
	w.courier = w.another(adapters, change...)
	return w
}

// another is a second courier over the same store.
func (w *world) another(adapters map[string]courier.Adapter, change ...func(*courier.Config)) *courier.Courier {
	w.t.Helper()
	var cfg courier.Config
	for _, f := range change {
		f(&cfg)
	}
	c, err := courier.New(courier.Deps{Legs: w.legs, Records: w.records, Secrets: w.secrets, Disclose: w.opener, Vault: w.vault, Adapters: adapters,
		Facility: func(code care.FacilityCode) (facility.Version, bool) { return facility.Version{Code: code}, true },
		Clock:    clock.System{}, Logger: slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelError + 1})), Observer: w}, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// begin begins a leg as intake does.
func (w *world) begin(n int, to string, change ...func(*store.Leg)) {
	now := clock.System{}.Now()
	l := store.Leg{LegKey: store.LegKey{Record: id(n), Destination: to}, Kind: "qd4750", Episode: keyed(1, n), File: keyed(2, n), State: exchange.Waiting,
		Lane: store.Routine, Due: now, Created: now, Changed: now}
	for _, f := range change {
		f(&l)
	}
	w.records.mu.Lock()
	w.records.files[l.File] = append(w.records.files[l.File], n)
	w.records.mu.Unlock()
	w.legs.add(l)
}

func (w *world) want(n int, to string, state exchange.State, code string) store.Leg {
	w.t.Helper()
	l := w.legs.leg(n, to)
	if l.State != state || l.Code != code {
		w.t.Errorf("leg %d to %s is %s %q after %d attempts, want %s %q", n, to, l.State, l.Code, l.Attempts, state, code)
	}
	return l
}

func dest(name string, change ...func(*exchange.Destination)) exchange.Destination {
	d := exchange.Destination{ID: name, Adapter: name, URL: "http://localhost/" + name, Parallel: 4, Name: fault.Text{VI: name, EN: name}}
	for _, f := range change {
		f(&d)
	}
	return d
}

func says(a exchange.Answer, recorded bool) func(*courier.Parcel) (exchange.Answer, bool) {
	return func(*courier.Parcel) (exchange.Answer, bool) { return a, recorded }
}

var errBroken = fmt.Errorf("the log of looks is gone")
