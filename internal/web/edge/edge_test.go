package edge_test

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/enrol"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/manifest"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/edge"
)

var noon = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// stores is what the edge reads, by hand.
type stores struct {
	store.Feeds
	store.Enrolments
	store.Legs
	fed    []store.Fed
	legs   []store.Leg
	day    []store.Dispatched
	asked  []string
	notes  []store.Annotation
	kept   []store.Manifest
	room   int64
	closed bool
	during func() // while a day is read
}

func (s *stores) After(_ context.Context, _ care.FacilityCode, after string, limit int) ([]store.Fed, string, error) {
	s.asked = append(s.asked, "records "+after)
	if after == "0.2" {
		return nil, after, nil
	}
	return s.fed[:min(limit, len(s.fed))], "0.2", nil
}

func (s *stores) Changed(_ context.Context, _ care.FacilityCode, after string, _ int) ([]store.Leg, string, error) {
	s.asked = append(s.asked, "legs "+after)
	if after == "9" {
		return nil, after, nil
	}
	return s.legs, "9", nil
}

func (s *stores) Day(_ context.Context, _ care.FacilityCode, _, limit int) ([]store.Dispatched, error) {
	if s.during != nil {
		s.during()
	}
	return s.day[:min(limit, len(s.day))], nil
}

func (s *stores) Annotations(_ context.Context, _ care.FacilityCode, after time.Time, limit int) ([]store.Annotation, error) {
	var out []store.Annotation
	for _, n := range s.notes {
		if n.At.After(after) && len(out) < limit {
			out = append(out, n)
		}
	}
	return out, nil
}

func (s *stores) PutManifest(_ context.Context, m store.Manifest) error {
	s.kept = append(s.kept, m)
	return nil
}

func (s *stores) reserve(_ context.Context, n int64, _ bool) (func(), error) {
	if s.closed {
		return nil, fault.New(fault.Busy, "hub.busy", "Bận.", "Busy.")
	}
	s.room += n
	return func() { s.room -= n }, nil
}

func setup(t testing.TB) (*edge.Edge, *stores) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.NewReceiptKey(k)
	if err != nil {
		t.Fatal(err)
	}
	s, c := &stores{}, clock.NewFake(noon)
	desk, err := enrol.New(enrol.Deps{Store: s, Refresh: func(context.Context) error { return nil }, Clock: c, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	q, err := enrol.NewSequencer(enrol.SequencerDeps{Store: s, Secret: []byte("s"), Clock: c, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	dir := facility.NewDirectory(facility.Contents{Versions: []facility.Version{{Code: "79901", Name: "Bệnh viện"}}})
	e, err := edge.New(edge.Deps{Hub: "hub.test", Key: key, LogKeys: func(context.Context) ([]string, error) { return []string{"l"}, nil },
		Directory: func() *facility.Directory { return dir }, Pack: quality.V1, Enrol: desk, Sequence: q, Feeds: s, Legs: s,
		Episode: func(_ edge.Caller, r *store.Record) string { return strings.TrimPrefix(string(r.Head), "episode ") }, Reserve: s.reserve, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return e, s
}

var hospital = edge.Caller{Role: role.Role{Kind: role.Facility, ID: "79901"}, Client: "79901-1", Name: "client:79901-1"}

type page struct {
	Items []map[string]any `json:"items"`
	Next  string           `json:"next"`
}

func feed(t testing.TB, e *edge.Edge, query string) (page, error) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := e.Feed(rec, httptest.NewRequest("GET", "/api/v1/feed?"+query, nil), hospital); err != nil {
		return page{}, err
	}
	var p page
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p, nil
}

func TestAFeedIsRecordsAndDeliveries(t *testing.T) {
	t.Parallel()
	e, s := setup(t)
	id := dossier.ID{Facility: "79901", Serial: [16]byte{1}}
	r := store.Record{ID: id, Kind: "qd4750", Received: noon, Version: 2, Current: true, Head: []byte("episode LK1"), Index: 3,
		Verdict: dossier.Verdict{State: dossier.AcceptedWithWarnings, Findings: []dossier.Finding{{Code: "XML1.MA_BN.missing", Severity: dossier.Error, Table: "XML1"}}}}
	s.fed = []store.Fed{{Record: r, Digest: [32]byte{0xab}}, {Record: store.Record{ID: id, Kind: "qd4750", Received: noon, Erased: noon}}}
	s.legs = []store.Leg{{LegKey: store.LegKey{Record: id, Destination: "bhxh"}, State: exchange.Done, Changed: noon, Created: noon, Sent: noon, Code: "insurer.200", Reference: "GD1", Attempts: 2}}
	p, err := feed(t, e, "")
	if err != nil || len(p.Items) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	if it := p.Items[0]; it["type"] != "record" || it["episode"] != "LK1" || it["file_sha256"] != "ab"+strings.Repeat("00", 31) || it["index"] != 3.0 ||
		it["version"] != 2.0 || it["state"] != "accepted_with_warnings" && it["state"] != string(dossier.AcceptedWithWarnings) || len(it["findings"].([]any)) != 1 || it["lane"] != "urgent" {
		t.Errorf("%v", it)
	}
	if it := p.Items[1]; it["file_sha256"] != nil || it["episode"] != nil || it["state"] != "erased" || it["version"] != nil {
		t.Errorf("erased: %v", it)
	}
	if it := p.Items[2]; it["type"] != "leg" || it["destination"] != "bhxh" || it["state"] != "done" || it["received"] != nil || it["sent"] != "2026-11-22T05:00:00Z" || it["reference"] != "GD1" {
		t.Errorf("leg: %v", it)
	}
	idle, err := feed(t, e, "since="+p.Next+"&limit=7")
	if err != nil || len(idle.Items) != 0 || idle.Next != p.Next {
		t.Errorf("%+v, %v", idle, err)
	}
	if got := strings.Join(s.asked, "; "); got != "records ; legs ; records 0.2; legs 9" {
		t.Errorf("%s", got)
	}
	e.Legs = nil // a hub without deliveries
	if p, err = feed(t, e, ""); err != nil || len(p.Items) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

// An annotation is given again for some minutes, and then no more.
func TestAFeedTellsWhatWasLearnedLater(t *testing.T) {
	t.Parallel()
	e, s := setup(t)
	c := e.Clock.(*clock.Fake)
	note := store.Annotation{Record: dossier.ID{Facility: "79901", Serial: [16]byte{1}}, What: store.SealRevoked, Fingerprint: [32]byte{0xcd}, At: noon, Since: noon.Add(-time.Hour)}
	s.notes = []store.Annotation{note}
	p, err := feed(t, e, "")
	if err != nil || len(p.Items) != 1 || p.Items[0]["type"] != "annotation" || p.Items[0]["what"] != "seal_revoked" || p.Items[0]["since"] != "2026-11-22T04:00:00Z" {
		t.Fatalf("%+v, %v", p, err)
	}
	c.Advance(6 * time.Minute)
	late := note
	late.At, late.Fingerprint = noon.Add(time.Minute), [32]byte{0xce}
	s.notes = append(s.notes, late) // committed minutes after its moment
	if p, err = feed(t, e, "since="+p.Next); err != nil || len(p.Items) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	c.Advance(time.Minute)
	for i, want := range []int{1, 0, 0} {
		before := p.Next
		if p, err = feed(t, e, "since="+p.Next); err != nil || len(p.Items) != want || want == 0 && p.Next != before {
			t.Errorf("page %d: %+v, %v", i, p, err)
		}
		c.Advance(time.Minute)
	}
	// more of one moment than a page takes, and others behind them
	s.notes = nil
	for i := range 12_000 {
		n := note
		n.Record.Serial, n.At = [16]byte{byte(i >> 8), byte(i)}, c.Now().Add(time.Duration(i/3_000)*time.Microsecond)
		s.notes = append(s.notes, n)
	}
	seen := map[any]bool{}
	for range 6 {
		if p, err = feed(t, e, "since="+p.Next); err != nil {
			t.Fatal(err)
		}
		for _, it := range p.Items {
			seen[it["record"]] = true
		}
	}
	if len(seen) != 12_000 {
		t.Errorf("%d of 12,000 were given", len(seen))
	}
}

func TestOnlyFacilitiesAsk(t *testing.T) {
	t.Parallel()
	e, _ := setup(t)
	for _, who := range []edge.Caller{{}, {Role: role.Role{Kind: role.Operator}}, {Role: role.Role{Kind: role.Province, ID: "79"}}} {
		for name, door := range map[string]func(http.ResponseWriter, *http.Request, edge.Caller) error{"rules": e.Rules, "feed": e.Feed, "manifest": e.Manifest} {
			if err := door(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), who); fault.KindOf(err) != fault.Withheld {
				t.Errorf("%v at %s: %v", who.Role, name, err)
			}
		}
	}
}

func put(e *edge.Edge, date, body string) (*httptest.ResponseRecorder, error) {
	r, rec := httptest.NewRequest("PUT", "/api/v1/manifests/x", strings.NewReader(body)), httptest.NewRecorder()
	r.SetPathValue("date", date)
	return rec, e.Manifest(rec, r, hospital)
}

func TestAManifestIsBounded(t *testing.T) {
	t.Parallel()
	e, s := setup(t)
	if _, err := put(e, "2026-11-22", `{"kinds":[]}`); err != nil || s.room != 0 || len(s.kept) != 1 || !s.kept[0].Equal || s.kept[0].Day != 20261122 || s.kept[0].By != hospital.Name {
		t.Errorf("%+v, %v", s.kept, err)
	}
	long := `{"kinds":[]}` + strings.Repeat(" ", 100<<10)
	if _, err := put(e, "2026-11-22", long); err != nil || s.room != 0 {
		t.Errorf("room %d, %v", s.room, err)
	}
	s.closed = true
	if _, err := put(e, "2026-11-22", long); fault.Of(err).Code != "hub.busy" || len(s.kept) != 2 {
		t.Errorf("no room: %v", err)
	}
	if _, err := put(e, "2026-11-22", `{"kinds":[]}`); err != nil {
		t.Errorf("sums need none: %v", err)
	}
	s.day = make([]store.Dispatched, manifest.Limit+1)
	if _, err := put(e, "2026-11-22", `{"kinds":[]}`); !errors.Is(err, manifest.ErrLarge) {
		t.Errorf("a day too large: %v", err)
	}
	for _, date := range []string{"", "2026-11-23", "2026-1-1", "2026-02-30", "1999-12-31", "99999-01-01"} {
		if _, err := put(e, date, `{"kinds":[]}`); !errors.Is(err, manifest.ErrDate) {
			t.Errorf("%q: %v", date, err)
		}
	}
}

// A question of a few bytes reads a whole day: of one facility, one at a time.
func TestAFacilityComparesOneDayAtATime(t *testing.T) {
	t.Parallel()
	e, s := setup(t)
	s.during = func() {
		s.during = nil
		if _, err := put(e, "2026-11-21", `{"kinds":[]}`); fault.Of(err).Code != "hub.busy" {
			t.Errorf("a second one meanwhile: %v", err)
		}
	}
	for range 2 {
		if _, err := put(e, "2026-11-22", `{"kinds":[]}`); err != nil {
			t.Error(err)
		}
	}
	if len(s.kept) != 2 || s.during != nil {
		t.Errorf("%d kept", len(s.kept))
	}
}

func TestRulesComeCompressedToWhoAsks(t *testing.T) {
	t.Parallel()
	e, _ := setup(t)
	sizes := map[string]int{}
	for _, said := range []string{"", "gzip", "gzip;q=0", "br, gzip;q=0.5"} {
		r, rec := httptest.NewRequest("GET", "/api/v1/rules", nil), httptest.NewRecorder()
		r.Header.Set("Accept-Encoding", said)
		if err := e.Rules(rec, r, hospital); err != nil {
			t.Fatal(err)
		}
		sizes[said] = rec.Body.Len()
		body := io.Reader(rec.Body)
		if rec.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(rec.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		if b, err := io.ReadAll(body); err != nil || strings.Count(string(b), ".") != 2 {
			t.Errorf("%q: %d bytes, %v", said, len(b), err)
		}
	}
	if sizes["gzip"] >= sizes[""] || sizes["gzip;q=0"] != sizes[""] || sizes["br, gzip;q=0.5"] != sizes["gzip"] {
		t.Errorf("%v", sizes)
	}
}

func TestAnEdgeNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := edge.New(edge.Deps{}); err == nil {
		t.Error("an edge of nothing")
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(edge.Cursor{Records: "0.2-1.5", Legs: "9"}.String())
	f.Add("WyIiLCIiXQ")
	f.Add("%%")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := edge.ParseCursor(s)
		if err != nil {
			if !errors.Is(err, store.ErrFeedPlace) {
				t.Errorf("%v", err)
			}
			return
		}
		if s != "" && c.String() != s {
			t.Errorf("%q is read as %q", s, c)
		}
	})
}

func FuzzParseFeedPlace(f *testing.F) {
	for _, s := range []string{"", "0.0", "0.17-2.5", "00.1", "1.1-0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := store.ParseFeedPlace(s); err == nil && p.String() != s {
			t.Errorf("%q is read as %q", s, p)
		}
	})
}
