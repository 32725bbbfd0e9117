package casework_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// matters keeps matters as an engine does, in memory.
type matters struct {
	mu      sync.Mutex
	rows    map[string]matter.Matter
	notices []matter.Notice
	acts    []store.Act
}

func (m *matters) NextMatter(_ context.Context, at time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return matter.Number(at.Year(), int64(len(m.rows)+1)), nil
}

func (m *matters) PutMatter(_ context.Context, x matter.Matter, n *matter.Notice, act store.Act) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows[x.Number].Version != x.Version-1 {
		return store.ErrChanged
	}
	m.rows[x.Number] = x
	if n != nil {
		m.notices = append(m.notices, *n)
	}
	m.acts = append(m.acts, act)
	return nil
}

func (m *matters) Matter(_ context.Context, number string) (*matter.Matter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, ok := m.rows[number]
	if !ok {
		return nil, store.ErrAbsent
	}
	return &x, nil
}

func (m *matters) MatterHistory(context.Context, string) ([]matter.Matter, error) { return nil, nil }

func (m *matters) MattersWaiting(context.Context, matter.Filter) ([]matter.Waiting, error) {
	return nil, nil
}

func (m *matters) Matters(_ context.Context, f matter.Filter) ([]matter.Matter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []matter.Matter
	for _, x := range m.rows {
		if (f.Person == (care.Person{}) || f.Person == x.Person) && (f.Kind == "" || f.Kind == x.Kind) && (!f.Open || x.State != matter.Closed) && len(out) < f.Limit {
			out = append(out, x)
		}
	}
	return out, nil
}

type records struct {
	store.Records
	rows map[string]*store.Record
}

func (r records) Get(_ context.Context, _ role.Scope, id dossier.ID) (*store.Record, error) {
	x, ok := r.rows[id.String()]
	if !ok {
		return nil, store.ErrAbsent
	}
	c := *x
	return &c, nil
}

type looks struct {
	store.Disclosures
	rows []store.Disclosure // newest first
}

func (l looks) List(_ context.Context, _ role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	var out []store.Disclosure
	for _, x := range l.rows {
		if (f.Person == (store.PersonID{}) || x.Person == f.Person) && (f.Record == (dossier.ID{}) || x.Record == f.Record) &&
			(f.Before == 0 || x.ID < f.Before) && (f.Until.IsZero() || x.At.Before(f.Until)) && len(out) < f.Limit {
			out = append(out, x)
		}
	}
	return out, false, nil
}

func (l looks) OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	f.Person = person
	return l.List(ctx, all, f)
}

var all = role.Scope{All: true}

type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (o *once) Once(_ context.Context, client, jti string, _ time.Time) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[client+jti] {
		return false, nil
	}
	o.seen[client+jti] = true
	return true, nil
}

// boxes seals by turning bytes over: what matters here is the name.
type boxes struct{}

func (boxes) Seal(_ context.Context, name string, plain []byte) ([]byte, []byte, error) {
	return flip(plain), []byte(name), nil
}

func (boxes) Open(name string, sealed, wrapped []byte) ([]byte, error) {
	if name != string(wrapped) {
		return nil, errors.New("sealed under another name")
	}
	return flip(sealed), nil
}

func flip(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ 0xff
	}
	return out
}

type world struct {
	desk    *casework.Desk
	matters *matters
	records records
	clock   *clock.Fake
	ids     []dossier.ID
}

var (
	ha   = care.Person{1}
	minh = care.Person{2}
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{matters: &matters{rows: map[string]matter.Matter{}}, records: records{rows: map[string]*store.Record{}},
		clock: clock.NewFake(time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC))}
	for i, owner := range []care.Person{ha, ha, minh} {
		id := dossier.ID{Facility: "79901", Serial: [16]byte{byte(i + 1)}}
		w.ids = append(w.ids, id)
		w.records.rows[id.String()] = &store.Record{ID: id, Person: store.PersonID(owner), Version: 1, Current: true, Verdict: dossier.Verdict{State: dossier.Accepted}}
	}
	l := looks{rows: []store.Disclosure{
		{ID: 3, Person: store.PersonID(minh), Record: w.ids[2], Role: "clinician:79903", At: w.clock.Now()},
		{ID: 2, Person: store.PersonID(ha), Record: w.ids[0], Role: "clinician:79903", At: w.clock.Now(), Opening: [16]byte{9}},
		{ID: 1, Person: store.PersonID(ha), Record: w.ids[0], Role: "citizen", At: w.clock.Now()},
	}}
	var err error
	w.desk, err = casework.New(casework.Deps{Matters: w.matters, Records: w.records, Looks: l, Once: &once{seen: map[string]bool{}}, Sealer: boxes{}, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) correct(form string) casework.Ask {
	return casework.Ask{Person: ha, Kind: matter.RequestCorrect, Records: w.ids[:1], Text: "Ngày sinh ghi sai", Channel: "portal", Actor: "citizen 1", Form: form}
}

func TestARequestHasANumberADayAndARoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, err := w.desk.Open(t.Context(), w.correct("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := matter.ParseNumber(m.Number); err != nil || m.Facility != "79901" || m.Due.In(clock.Hanoi).Format(time.DateOnly) != "2026-11-30" {
		t.Errorf("opened %+v, %v", m, err)
	}
	if strings.Contains(string(m.Sealed), "Ngày sinh") || strings.Contains(fmt.Sprint(w.matters.acts, w.matters.notices), "Ngày sinh") {
		t.Error("the citizen's words lie open")
	}
	step := func(seen int, v casework.Move) *matter.Matter {
		t.Helper()
		m, err := w.desk.Step(t.Context(), m.Number, seen, v)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	step(1, casework.Move{To: matter.Acknowledged, Owner: "privacy 1"})
	if _, err := w.desk.Step(t.Context(), m.Number, 1, casework.Move{To: matter.InWork}); !errors.Is(err, casework.ErrStep) {
		t.Errorf("a step from a state that is past: %v", err)
	}
	longer := step(2, casework.Move{To: matter.InWork, Prolong: true, Text: "Chờ cơ sở tra lại sổ"})
	if longer.Due.In(clock.Hanoi).Format(time.DateOnly) != "2026-12-05" {
		t.Errorf("prolonged until %s", longer.Due)
	}
	if _, err := w.desk.Step(t.Context(), m.Number, 3, casework.Move{To: matter.InWork, Prolong: true, Text: "nữa"}); !errors.Is(err, casework.ErrStep) {
		t.Errorf("prolonged twice: %v", err)
	}
	if _, err := w.desk.Step(t.Context(), m.Number, 3, casework.Move{To: matter.Answered, Outcome: casework.Refused}); !errors.Is(err, casework.ErrText) {
		t.Errorf("refused without a word: %v", err)
	}
	step(3, casework.Move{To: matter.Answered, Outcome: casework.Granted, Text: "Đã sửa"})
	end := step(4, casework.Move{To: matter.Closed})
	words, err := w.desk.Words(end)
	if err != nil || words.Asked != "Ngày sinh ghi sai" || len(words.Steps) != 4 || end.Outcome != casework.Granted || end.Acked.IsZero() || end.Closed.IsZero() {
		t.Errorf("at the end %+v, %+v, %v", end, words, err)
	}
	if len(w.matters.notices) != 5 || w.matters.notices[3].Kind != "matter.decided" {
		t.Errorf("told %+v", w.matters.notices)
	}
}

func TestAFormSentTwiceIsOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	numbers := make([]string, 8)
	for i := range numbers {
		wg.Go(func() {
			if m, err := w.desk.Open(t.Context(), w.correct("same")); err == nil {
				numbers[i] = m.Number
			}
		})
	}
	wg.Wait()
	for _, n := range numbers {
		if n == "" || n != numbers[0] {
			t.Fatalf("numbers %v", numbers)
		}
	}
	other := w.correct("same")
	other.Text = "Chuyện khác"
	if _, err := w.desk.Open(t.Context(), other); !errors.Is(err, casework.ErrTwice) {
		t.Errorf("the same form with other words: %v", err)
	}
	other.Form = "new"
	if m, err := w.desk.Open(t.Context(), other); err != nil || m.Number == numbers[0] {
		t.Errorf("another request: %v, %v", m, err)
	}
	if len(w.matters.rows) != 2 {
		t.Errorf("%d requests kept", len(w.matters.rows))
	}
}

func TestNobodyAsksAboutAnothersRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, a := range map[string]casework.Ask{
		"record":      {Person: ha, Kind: matter.RequestCorrect, Records: w.ids[2:], Text: "x"},
		"absent":      {Person: ha, Kind: matter.RequestCorrect, Records: []dossier.ID{{Facility: "79999"}}, Text: "x"},
		"look":        {Person: ha, Kind: matter.LookUnrecognised, Looks: []int64{3}},
		"no look":     {Person: ha, Kind: matter.LookUnrecognised},
		"absent look": {Person: ha, Kind: matter.LookUnrecognised, Looks: []int64{99}},
	} {
		if _, err := w.desk.Open(t.Context(), a); !errors.Is(err, casework.ErrSubject) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, a := range map[string]casework.Ask{
		"no kind": {Person: ha, Text: "x"}, "review": {Person: ha, Kind: matter.EmergencyReview, Text: "x"},
	} {
		if _, err := w.desk.Open(t.Context(), a); !errors.Is(err, casework.ErrKind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "  ", strings.Repeat("a", 2001), "\xff"} {
		if _, err := w.desk.Open(t.Context(), casework.Ask{Person: ha, Kind: matter.RequestSee, Text: text}); !errors.Is(err, casework.ErrText) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	m, err := w.desk.Open(t.Context(), casework.Ask{Person: ha, Kind: matter.LookUnrecognised, Looks: []int64{2}, Form: "x"})
	if err != nil || m.Facility != "79903" || m.Opening != [16]byte{9} {
		t.Fatalf("a look: %+v, %v", m, err)
	}
	if _, err := w.desk.Mine(t.Context(), minh, m.Number); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another's matter: %v", err)
	}
	if _, err := w.desk.Mine(t.Context(), ha, "VV-2026-999999-0"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("no matter: %v", err)
	}
	if list, err := w.desk.Of(t.Context(), minh, 10); err != nil || len(list) != 0 {
		t.Errorf("another's list: %v, %v", list, err)
	}
	gone, err := w.desk.Withdraw(t.Context(), ha, m.Number, "citizen 1")
	if err != nil || gone.State != matter.Closed || gone.Outcome != casework.Withdrawn {
		t.Errorf("withdrawn: %+v, %v", gone, err)
	}
}

func TestANewVersionClosesACorrectionWithWhoSawTheWrongOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, err := w.desk.Open(t.Context(), w.correct("a"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.desk.Corrected(t.Context()); n != 0 || err != nil {
		t.Fatalf("closed %d before the facility did anything, %v", n, err)
	}
	w.clock.Advance(time.Hour)
	r := w.records.rows[w.ids[0].String()]
	r.Current, r.SupersededBy = false, w.ids[1]
	if n, err := w.desk.Corrected(t.Context()); n != 1 || err != nil {
		t.Fatalf("closed %d, %v", n, err)
	}
	m, err = w.desk.Mine(t.Context(), ha, m.Number)
	if err != nil || m.State != matter.Closed || m.Outcome != casework.Corrected || fmt.Sprint(m.Looks) != "[2]" {
		t.Fatalf("%+v, %v", m, err)
	}
	saw, err := w.desk.Saw(t.Context(), m)
	if err != nil || len(saw) != 1 || saw[0].ID != 2 {
		t.Errorf("who saw it: %+v, %v", saw, err)
	}
	if n, err := w.desk.Corrected(t.Context()); n != 0 || err != nil {
		t.Errorf("closed again: %d, %v", n, err)
	}
}
