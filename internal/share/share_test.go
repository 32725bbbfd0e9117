package share_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/matter"
	"lienthong/internal/share"
	"lienthong/internal/store"
)

// shares keeps links as an engine does, in memory.
type shares struct {
	mu   sync.Mutex
	rows map[[32]byte]consent.Share
}

func (s *shares) PutShare(_ context.Context, x consent.Share, _ store.Act) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[x.ID] = x
	return nil
}

func (s *shares) Share(_ context.Context, id [32]byte) (*consent.Share, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.rows[id]
	if !ok {
		return nil, store.ErrAbsent
	}
	return &x, nil
}

func (s *shares) Shares(_ context.Context, person store.PersonID) ([]consent.Share, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []consent.Share
	for _, x := range s.rows {
		if x.Person == care.Person(person) {
			out = append(out, x)
		}
	}
	return out, nil
}

func (s *shares) TryShare(_ context.Context, id [32]byte, right bool, _ time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.rows[id]
	if x.Tries == 0 || !x.Ended.IsZero() {
		return 0, store.ErrAbsent
	}
	if right {
		x.Tries, x.Opened = share.Tries, x.Opened+1
	} else {
		x.Tries = max(0, x.Tries-1)
	}
	s.rows[id] = x
	return x.Tries, nil
}

func (s *shares) EndShare(_ context.Context, id [32]byte, at time.Time, _ store.Act) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.rows[id]
	x.Ended = at
	s.rows[id] = x
	return nil
}

type quiet interface{ store.Notices } // what is not called here

type notices struct {
	quiet
	mu   sync.Mutex
	told []matter.Notice
}

func (n *notices) PutNotice(_ context.Context, x matter.Notice) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, x)
	return nil
}

// opener opens what lies in it; denied is decided at each opening of a link.
type opener struct {
	mu     sync.Mutex
	all    map[dossier.ID]*disclose.Opened
	denied map[dossier.ID]bool
	looks  []string
}

func (o *opener) Open(_ context.Context, _ disclose.Reader, id dossier.ID) (*disclose.Opened, error) {
	x, ok := o.all[id]
	if !ok {
		return nil, store.ErrAbsent
	}
	return x, nil
}

func (o *opener) Linked(_ context.Context, reader disclose.Reader, person store.PersonID, ids []dossier.ID) ([]dossier.ID, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []dossier.ID
	for _, id := range ids {
		if !o.denied[id] && store.PersonID(reader.Person) == person {
			out = append(out, id)
			o.looks = append(o.looks, reader.Name)
		}
	}
	return out, nil
}

type box struct{}

func (box) SealSecret(name string, plain []byte) ([]byte, error) {
	return []byte(name + "\x00" + string(plain)), nil
}

func (box) OpenSecret(name string, sealed []byte) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(sealed), name+"\x00")
	if !ok {
		return nil, errors.New("another name")
	}
	return []byte(rest), nil
}

type world struct {
	desk    *share.Desk
	shares  *shares
	notices *notices
	opener  *opener
	clock   *clock.Fake
	ids     []dossier.ID
}

var ha = care.Person{1}

const pin = "482913"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{shares: &shares{rows: map[[32]byte]consent.Share{}}, notices: &notices{}, clock: clock.NewFake(time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)),
		opener: &opener{all: map[dossier.ID]*disclose.Opened{}, denied: map[dossier.ID]bool{}}}
	for i := range 2 {
		id := dossier.ID{Facility: "79901", Serial: [16]byte{byte(i + 1)}}
		w.ids = append(w.ids, id)
		w.opener.all[id] = &disclose.Opened{Record: store.Record{ID: id, Kind: "qd4750", Received: w.clock.Now(), Current: true, Version: 1, Verdict: dossier.Verdict{State: dossier.Accepted}},
			Read: kind.Dossier{Patient: kind.Patient{Name: "TRẦN THỊ THU HÀ", Birth: "196103120000", Sex: "2", CitizenID: "001861000001"}, Content: &dossier.Content{}}}
	}
	var err error
	w.desk, err = share.New(share.Deps{Shares: w.shares, Notices: w.notices, Opener: w.opener, Box: box{}, Clock: w.clock, Base: "https://hub.example"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// link is what a viewer reads out of the QR code.
type link struct {
	URL, Key, Flag, Label string
	Exp                   int64
	V                     int
}

func (w *world) make(t *testing.T) (link, string) {
	t.Helper()
	made, err := w.desk.Make(t.Context(), disclose.Reader{Person: ha}, share.Ask{Person: ha, Records: w.ids, Label: "Cho bác sĩ Lan", PIN: pin, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(made.URI, "shlink:/")
	b, err := base64.RawURLEncoding.DecodeString(rest)
	var l link
	if !ok || err != nil || json.Unmarshal(b, &l) != nil {
		t.Fatalf("the link is no link: %q, %v", made.URI, err)
	}
	return l, strings.TrimPrefix(l.URL, "https://hub.example/s/")
}

// What a viewer gets is decrypted here by go-jose with the link's key, which the
// hub does not have.
func TestALinkOpensWithItsPINAndIsReadWithItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, path := w.make(t)
	if len(l.Key) != 43 || len(path) != 43 || len(l.URL) > 128 || l.Flag != "P" || l.V != 1 || l.Exp != w.clock.Now().Add(time.Hour).Unix() || l.Label != "Cho bác sĩ Lan" {
		t.Errorf("link %+v", l)
	}
	m, err := w.desk.Open(t.Context(), path, share.Request{Recipient: "BS Lan 0912345678", Passcode: pin})
	if err != nil || len(m.Files) != 2 || m.Status != "finalized" {
		t.Fatalf("%+v, %v", m, err)
	}
	key, _ := base64.RawURLEncoding.DecodeString(l.Key)
	for _, f := range m.Files {
		parsed, err := jose.ParseEncryptedCompact(f.Embedded, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := parsed.Decrypt(key)
		if err != nil {
			t.Fatal(err)
		}
		var bundle struct {
			Type  string
			Entry []struct{ Resource map[string]any }
		}
		if err := json.Unmarshal(plain, &bundle); err != nil || bundle.Type != "document" || bundle.Entry[0].Resource["resourceType"] != "Composition" {
			t.Errorf("%s", plain)
		}
		if !strings.Contains(string(plain), `"birthDate":"1961-03-12"`) || !strings.Contains(string(plain), `"gender":"female"`) || strings.Contains(string(plain), "001861000001") {
			t.Errorf("%s", plain)
		}
		if parsed.Header.ExtraHeaders["cty"] != share.FHIRDocument {
			t.Errorf("header %+v", parsed.Header)
		}
	}
	for id, s := range w.shares.rows {
		if strings.Contains(string(s.Payload), "THU H") || strings.Contains(string(s.Payload), l.Key) || strings.Contains(string(id[:])+string(s.PIN), pin) {
			t.Error("what is kept can be read without the link")
		}
	}
	if len(w.notices.told) != 1 || w.notices.told[0].Person != ha || len(w.opener.looks) != 2 || !strings.Contains(w.opener.looks[0], "BS Lan") || strings.Contains(w.opener.looks[0], "0912345678") {
		t.Errorf("told %+v, looks %q", w.notices.told, w.opener.looks)
	}
}

func TestAWrongPINIsCountedAndLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, path := w.make(t)
	open := func(pin string) error {
		_, err := w.desk.Open(t.Context(), path, share.Request{Recipient: "x", Passcode: pin})
		return err
	}
	var wrong *share.WrongPIN
	for left := 4; left >= 3; left-- {
		if err := open("000000"); !errors.As(err, &wrong) || wrong.Left != left {
			t.Fatalf("want %d left: %v", left, err)
		}
	}
	if err := open(pin); err != nil {
		t.Fatalf("the right one: %v", err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := open("111222"); err == nil {
				t.Error("a wrong PIN opens")
			}
		})
	}
	wg.Wait()
	if err := open(pin); !errors.Is(err, share.ErrLink) {
		t.Errorf("a locked link: %v", err)
	}
	if len(w.notices.told) != 1 {
		t.Errorf("told %d times", len(w.notices.told))
	}
}

func TestADenialOrAnEndActsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, path := w.make(t)
	few := 10
	open := func() (*share.Manifest, error) {
		return w.desk.Open(t.Context(), path, share.Request{Recipient: "x", Passcode: pin, Embedded: &few})
	}
	m, err := open()
	if err != nil || len(m.Files) != 2 || m.Files[0].Embedded != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	at := func(f share.File) (string, string) {
		rest := strings.TrimPrefix(f.Location, "https://hub.example/s/")
		path, ticket, _ := strings.Cut(rest, "/files/")
		return path, ticket
	}
	p, ticket := at(m.Files[0])
	if jwe, err := w.desk.File(t.Context(), p, ticket); err != nil || strings.Count(jwe, ".") != 4 {
		t.Fatalf("%q, %v", jwe, err)
	}
	w.opener.mu.Lock()
	w.opener.denied[w.ids[0]] = true
	w.opener.mu.Unlock()
	if _, err := w.desk.File(t.Context(), p, ticket); !errors.Is(err, share.ErrLink) {
		t.Errorf("a file that was denied: %v", err)
	}
	if m, err := open(); err != nil || len(m.Files) != 1 {
		t.Errorf("after the denial %+v, %v", m, err)
	}
	_, other := at(m.Files[1])
	if _, err := w.desk.File(t.Context(), "A"+p[1:], other); !errors.Is(err, share.ErrLink) {
		t.Errorf("a ticket of another link: %v", err)
	}
	w.clock.Advance(6 * time.Minute)
	if _, err := w.desk.File(t.Context(), p, other); !errors.Is(err, share.ErrLink) {
		t.Errorf("an old ticket: %v", err)
	}
	list, err := w.desk.Of(t.Context(), ha)
	if err != nil || len(list) != 1 || list[0].Payload != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := w.desk.End(t.Context(), care.Person{2}, share.Mark(&list[0]), "x"); !errors.Is(err, share.ErrLink) {
		t.Errorf("somebody else ends it: %v", err)
	}
	if err := w.desk.End(t.Context(), ha, share.Mark(&list[0]), "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := open(); !errors.Is(err, share.ErrLink) {
		t.Errorf("an ended link: %v", err)
	}
	_, path = w.make(t)
	w.clock.Advance(time.Hour)
	if _, err := open(); !errors.Is(err, share.ErrLink) {
		t.Errorf("a link that is over: %v", err)
	}
}

func TestBadChoicesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := share.Ask{Person: ha, Records: w.ids, PIN: pin, Life: time.Hour}
	for name, c := range map[string]struct {
		change func(*share.Ask)
		want   error
	}{
		"none":  {func(a *share.Ask) { a.Records = nil }, share.ErrChoice},
		"many":  {func(a *share.Ask) { a.Records = make([]dossier.ID, 51) }, share.ErrChoice},
		"short": {func(a *share.Ask) { a.PIN = "12849" }, share.ErrPIN},
		"words": {func(a *share.Ask) { a.PIN = "abcdef" }, share.ErrPIN},
		"same":  {func(a *share.Ask) { a.PIN = "777777" }, share.ErrPIN},
		"row":   {func(a *share.Ask) { a.PIN = "345678" }, share.ErrPIN},
		"down":  {func(a *share.Ask) { a.PIN = "987654" }, share.ErrPIN},
		"never": {func(a *share.Ask) { a.Life = 0 }, share.ErrLife},
		"long":  {func(a *share.Ask) { a.Life = 31 * 24 * time.Hour }, share.ErrLife},
		"label": {func(a *share.Ask) { a.Label = strings.Repeat("ă", 81) }, share.ErrLabel},
		"other": {func(a *share.Ask) { a.Records = []dossier.ID{{Facility: "79902"}} }, store.ErrAbsent},
	} {
		a := good
		c.change(&a)
		if _, err := w.desk.Make(t.Context(), disclose.Reader{Person: ha}, a); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 5000)} {
		if _, err := w.desk.Open(t.Context(), path, share.Request{Recipient: "x", Passcode: pin}); !errors.Is(err, share.ErrLink) {
			t.Errorf("%.10q: %v", path, err)
		}
	}
	if len(w.shares.rows) != 0 {
		t.Error("something was kept")
	}
}
