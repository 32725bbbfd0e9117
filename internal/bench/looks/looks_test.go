package looks_test

import (
	"context"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/bench"
	"lienthong/internal/bench/looks"
	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	realhub "lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/role"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/synth"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/session"
)

// stage is a whole hub on the embedded store with dossiers of a small nation.
type stage struct {
	t    testing.TB
	hub  *realhub.Hub
	look looks.Hub
	line looks.Line
}

const password = "mật khẩu thử"

func newStage(t testing.TB, dossiers int, build func(n *synth.Nation, i int) (synth.Submission, error), change ...func(*realhub.Config)) *stage {
	t.Helper()
	n, err := synth.New(synth.Config{Seed: 5, Profile: synth.Small, People: 40, DefectShare: -1})
	check(t, err)
	keys, err := keyring.New(nil)
	check(t, err)
	dir := t.TempDir()
	cfg := realhub.Config{Name: "bench.test", Keys: keys, Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return sqlite.Open(ctx, dir, sqlite.Config{Clock: clock.System{}, OpenLog: open, HubName: "bench.test", Owner: "test"})
	}}
	cfg.API.RatePerS, cfg.API.Burst, cfg.Gateway.RatePerS, cfg.Gateway.Burst = 1e6, 1e6, 1e6, 1e6
	for _, f := range change {
		f(&cfg)
	}
	h, err := realhub.Start(t.Context(), cfg)
	check(t, err)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(func() {
		server.Close()
		check(t, h.Close())
	})
	check(t, h.Office.AddAnchor(t.Context(), "test", string(n.Root())))
	var list []admin.Facility
	for _, f := range n.Facilities() {
		list = append(list, f.Registration())
	}
	check(t, h.Office.AddFacility(t.Context(), "test", list...))
	s := &stage{t: t, hub: h, look: looks.Hub{Slices: h.Slices, Disclose: h.Disclose, Reading: h.Reading, Choices: h.Choices, URL: server.URL}}
	corpus, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir(), Label: "test", Dossiers: dossiers, Make: func(i int) (bench.Dossier, error) {
		sub, err := build(n, i)
		return bench.Dossier{Facility: sub.Facility, Name: sub.FileName, XML: sub.XML}, err
	}})
	check(t, err)
	senders := strings.Join(corpus.Facilities(), " ")
	target := bench.Target{URL: server.URL, Credentials: map[string]*agent.Credential{}}
	for _, f := range list {
		key, spki, err := agent.NewKey()
		check(t, err)
		id, kid, err := h.Office.AddClient(t.Context(), "test", f.Code, spki)
		check(t, err)
		b, err := agent.MakeCredential("bench.test", f.Code, id, kid, key)
		check(t, err)
		target.Credentials[f.Code], err = agent.ParseCredential(b)
		check(t, err)
		if !strings.Contains(senders, f.Code) {
			s.look.System = looks.System{Facility: care.FacilityCode(f.Code), Client: id, KeyID: kid, Key: key}
		}
	}
	at := string(s.look.System.Facility)
	if at == "" {
		t.Fatal("every facility of the nation sends")
	}
	hash, err := gateway.Hash(password, gateway.Cost{Memory: 64, Time: 1, Lanes: 1})
	check(t, err)
	check(t, h.Office.SetGateway(t.Context(), "test", admin.Gateway{Code: at, User: at + "_BV", Hash: hash}))
	check(t, h.Trust.Refresh(t.Context()))
	r, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: target, Corpus: corpus})
	check(t, err)
	if int(r.Accepted) != dossiers {
		t.Fatalf("%d of %d dossiers accepted", r.Accepted, dossiers)
	}
	clients, err := bench.Connect(t.Context(), target, at)
	check(t, err)
	t.Cleanup(clients.Close)
	s.look.System.Token = func(ctx context.Context) (string, error) { return clients.Token(ctx, at) }
	s.line = looks.Line{URL: server.URL, Bearer: clients.Token, Close: func() {}}
	return s
}

func (s *stage) patients(want, least int) []looks.Patient {
	s.t.Helper()
	p, err := s.look.Patients(s.t.Context(), 1000, want, least)
	check(s.t, err)
	return p
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func outpatients(n *synth.Nation, i int) (synth.Submission, error) { return n.Outpatient(i) }

// TestQuick: everything is timed as often as asked, with the says asked for.
func TestQuick(t *testing.T) {
	t.Parallel()
	s := newStage(t, 60, outpatients)
	r, err := looks.Quick(t.Context(), looks.QuickConfig{Hub: s.look, Patients: s.patients(5, 1), Each: 6})
	check(t, err)
	if len(r.Decided) != 3 || r.Decided[2].Says != 30 || r.Decided[2].Whole.Count != 6 || r.LookUp.Count != 6 || r.Document.Count != 6 || r.Door.Count != 6 || r.Records < 1 || r.Open.Count != 5 {
		t.Errorf("%+v", r)
	}
	var b strings.Builder
	if check(t, r.Print(&b)); !strings.Contains(b.String(), "30 says") {
		t.Error(b.String())
	}
}

// TestRevoke: readers are shown records before the receipt, and none after.
func TestRevoke(t *testing.T) {
	t.Parallel()
	s := newStage(t, 40, outpatients)
	r, err := looks.Revoke(t.Context(), looks.RevokeConfig{Hub: s.look, Patient: s.patients(1, 1)[0], Rounds: 2, Readers: 4, Before: 200 * time.Millisecond, After: 100 * time.Millisecond})
	check(t, err)
	if r.Shown == 0 || r.Refused == 0 || r.Begun != 0 || r.Stray != 0 || r.Revoke.Count != 2 {
		t.Errorf("%+v", r)
	}
}

// TestNamesAndScrape: a name tells nothing, a basis does; and an account is cut
// off at the limit it was given.
func TestNamesAndScrape(t *testing.T) {
	t.Parallel()
	s := newStage(t, 60, outpatients, func(c *realhub.Config) {
		few := []brake.Limit{{Within: time.Hour, Persons: 4}}
		c.Brake = brake.Config{Account: few, System: few}
	})
	patients := s.patients(12, 1)
	at := string(s.look.System.Facility)
	names, err := looks.Names(t.Context(), looks.NamesConfig{Hub: s.look, Patients: patients, User: at + "_BV", Password: password, Controls: 2})
	check(t, err)
	if names.Visits+names.Summary+names.Charts+names.Named != 0 || names.Shown != [3]int{2, 2, 2} || names.People != 12 {
		t.Errorf("%+v", names)
	}
	r, err := looks.Scrape(t.Context(), looks.ScrapeConfig{Hub: s.look, Patients: patients})
	check(t, err)
	for _, x := range r.Accounts {
		if x.At == 0 || x.Persons > 4 || x.Later != 0 || x.Tried != 12 {
			t.Errorf("%+v", x)
		}
	}
}

// TestAuditFindsWhatIsMissing: with its log whole nothing is missing; with rows
// taken out as many are.
func TestAuditFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newStage(t, 60, outpatients)
	at := string(s.look.System.Facility)
	id, err := s.hub.Login.Roster.Add(t.Context(), "test", roster.Addition{Facility: at, Roles: []string{"clinician:" + at}, Name: "Thử", Licence: "000001/T"})
	check(t, err)
	raw, err := hex.DecodeString(id)
	check(t, err)
	entry := session.Entry{Role: role.Role{Kind: role.Clinician, ID: at}, Staff: care.Staff(raw), Level: 2, SteppedUp: time.Now(), Name: "Thử"}
	cookie, err := s.hub.Sessions.Grant(t.Context(), entry)
	check(t, err)
	cast := looks.Cast{System: s.look.System, User: at + "_BV", Password: password, Clinician: cookie, Urgent: cookie}
	for _, p := range s.patients(5, 1) {
		book, err := s.hub.Sessions.Grant(t.Context(), session.Entry{Role: role.Role{Kind: role.Citizen}, Person: p.Person, Level: 2, Name: "Thử"})
		check(t, err)
		part, err := s.look.PartOf(t.Context(), p, care.Staff(raw), book)
		check(t, err)
		cast.People, cast.Own = append(cast.People, part), append(cast.Own, p.Records...)
	}
	since := time.Now()
	taken, err := looks.Audit(t.Context(), looks.AuditConfig{Cast: cast, Reads: 150, For: time.Minute, KillEvery: time.Minute, Workers: 3,
		Start: func(context.Context, *looks.Cast) (looks.Line, error) { return s.line, nil }, Kill: func() error { return nil }})
	check(t, err)
	whole, err := looks.Compare(t.Context(), s.hub.Slices.Disclosures, taken, since)
	check(t, err)
	if whole.Missing != 0 || whole.Bodies < 100 || whole.Entries < whole.Bodies {
		t.Errorf("%+v", whole)
	}
	torn, err := looks.Compare(t.Context(), &without{Disclosures: s.hub.Slices.Disclosures, every: 5}, taken, since)
	check(t, err)
	if torn.Missing == 0 {
		t.Error("the control: every fifth row was taken out of the log, and none is missed")
	}
}

// without is a log that lost rows.
type without struct {
	store.Disclosures
	every, n int
}

func (w *without) List(ctx context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	rows, more, err := w.Disclosures.List(ctx, scope, f)
	var out []store.Disclosure
	for i := range rows {
		if w.n++; w.n%w.every != 0 || i == len(rows)-1 {
			out = append(out, rows[i])
		}
	}
	return out, more, err
}

// TestClosed: nothing of HIV patients is found in what others receive, and
// the patients themselves find it; a planted word is found.
func TestClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t, 12, func(n *synth.Nation, i int) (synth.Submission, error) {
		if i%2 == 0 {
			return n.Beside(5 + 10*i)
		}
		return n.Outpatient(i)
	}, func(c *realhub.Config) {
		all := []brake.Limit{{Within: time.Hour, Persons: 1 << 30}}
		c.Brake = brake.Config{Account: all, System: all}
	})
	s.look.Closed = true
	at := string(s.look.System.Facility)
	cfg := looks.ClosedConfig{Hub: s.look, Patients: s.patients(3, 1), Bundle: s.hub.Bundles.Bundle, User: at + "_BV", Password: password,
		Events: func(context.Context) ([]byte, error) { return []byte("{}"), nil }}
	r, err := looks.Closed(t.Context(), cfg)
	check(t, err)
	if r.Found != 0 || r.Controls != len(cfg.Patients) || r.Records < len(cfg.Patients) || r.Words < 50 {
		t.Errorf("%+v", r)
	}
	cfg.Events = func(context.Context) ([]byte, error) { return []byte(`{"text":"Lamivudin 150 mg"}`), nil }
	if r, err = looks.Closed(t.Context(), cfg); err != nil || r.Found != 1 || r.Chance != 0 {
		t.Errorf("a planted word: %v %+v", err, r)
	}
	cfg.Events = func(context.Context) ([]byte, error) {
		return []byte("\x8b\xffaRV\xef\x01 and then, điều trị bằng ARV, bậc 1"), nil
	}
	if r, err = looks.Closed(t.Context(), cfg); err != nil || r.Found != 1 || r.Chance != 1 {
		t.Errorf("a planted word behind the letters of a key: %v %+v", err, r)
	}
}

// TestNextPage reads the link of a Bundle.
func TestNextPage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"link":[{"relation":"self","url":"/a"},{"relation":"next","url":"/b"}]}`: "/b", `{"link":[]}`: "", `x`: "",
	} {
		if got := looks.NextPage([]byte(in)); got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}
