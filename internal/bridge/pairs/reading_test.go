package pairs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/bridge/axis"
	"lienthong/internal/bridge/insurer"
	insurersim "lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/vneid"
	vneidsim "lienthong/internal/bridge/vneid/simulator"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

func only(t *testing.T, name string) *running {
	t.Helper()
	all := pairs()
	return run(t, all[slices.IndexFunc(all, func(p pair) bool { return p.name == name })])
}

// TestAnAnswerOfSomebodyElseProvesNothing: the axis's key is another's.
func TestAnAnswerOfSomebodyElseProvesNothing(t *testing.T) {
	t.Parallel()
	other := made[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	pub := made[[]byte](t)(x509.MarshalPKIXPublicKey(&other.PublicKey))
	r := only(t, "axis")
	r.p.Destination.Options = encode(t, axis.Options{Sender: gln, ReceiverKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))})
	if got := r.deliver(false); got.Outcome != exchange.Again || got.Code != "axis.answer_signature" || !got.Sent || !got.Whole {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"x", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}))} {
		r.p.Destination.Options = encode(t, axis.Options{Sender: gln, ReceiverKey: bad})
		if err := r.a.Check(r.p.Destination); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}

// TestACodeOfAnother: a prescription code that somebody else sent is not ours.
func TestACodeOfAnother(t *testing.T) {
	t.Parallel()
	r := only(t, "prescription")
	r.arrives(false)
	r.p.Sent = &evidence.Sent{Bytes: []byte(strings.Replace(script, "LAN", "HOA", 1))}
	if got := r.deliver(false); got.Outcome != exchange.Refused || got.Code != "prescription.DA_TON_TAI" {
		t.Errorf("%+v", got)
	}
}

// TestWhatTheInsurerHolds is read back to the byte, page by page and with
// verdicts that came later.
func TestWhatTheInsurerHolds(t *testing.T) {
	t.Parallel()
	r := only(t, "insurer")
	r.p.Destination.Options = encode(t, insurer.Options{Dossier: "/api/qd130/guiHoSoXmlQD3176", CheckIn: "/api/qd130/checkInKcbQd3176", Holdings: "/api/lienthong/holdings"})
	sim, ok := r.sim.(*insurersim.Simulator)
	a, ok2 := r.a.(*insurer.Adapter)
	if !ok || !ok2 {
		t.Fatal("other types")
	}
	doc := dossierFile("LK1")
	r.good = exchange.Received // its verdict can be asked for
	r.p.Legs[0].Reference, r.p.Legs[0].Received = r.arrives(false).Reference, r.clock.Now()
	follow := func(want exchange.Outcome, code string) {
		t.Helper()
		r.clock.Advance(31 * time.Second)
		if got := a.Follow(context.Background(), r.p); got.Outcome != want || got.Code != code {
			t.Errorf("followed: %+v, want %s", got, code)
		}
	}
	follow(exchange.Finalized, "insurer.200")
	sim.Judged("79901", "LK1", insurersim.Verdict{State: "pending"})
	follow(exchange.Received, "insurer.pending")
	sim.Judged("79901", "LK1", insurersim.Verdict{State: "accepted", Code: "200"})
	known := *r.p
	known.Legs = []store.Leg{r.p.Legs[0]}
	known.Legs[0].Reference = "never-given"
	if got := a.Follow(context.Background(), &known); got.Outcome != exchange.Again || got.Code != "insurer.not_listed" {
		t.Errorf("a number nobody gave: %+v", got)
	}
	page, out := a.Holdings(context.Background(), r.p, "79901", "2026-11-22", "")
	if out.Outcome != exchange.Finalized || len(page.Items) != 1 {
		t.Fatalf("%+v %+v", page, out)
	}
	h := page.Items[0]
	if h.Digest != sha256.Sum256(doc) || h.Episode != "LK1" || h.Kind != "qd4750" || h.Verdict != "accepted" || h.Day != "2026-11-22" || h.Reference == "" {
		t.Errorf("%+v", h)
	}
	if b, out := a.Bytes(context.Background(), r.p, h.Digest); string(b) != string(doc) {
		t.Errorf("%d bytes, %+v", len(b), out)
	}
	if _, out := a.Bytes(context.Background(), r.p, [32]byte{1}); out.Outcome != exchange.Refused {
		t.Errorf("bytes nobody holds: %+v", out)
	}
	if p2, _ := a.Holdings(context.Background(), r.p, "79901", "", page.Next); len(p2.Items) != 0 {
		t.Errorf("behind the last: %+v", p2)
	}
	sim.Judged("79901", "LK1", insurersim.Verdict{State: "rejected", Code: "C07"})
	p2, _ := a.Holdings(context.Background(), r.p, "79901", "", page.Next)
	if len(p2.Items) != 1 || p2.Items[0].Verdict != "rejected" || p2.Items[0].Code != "C07" {
		t.Errorf("judged later: %+v", p2)
	}
	follow(exchange.Refused, "insurer.C07")
	r.faults("401:count=1:path=holdings")
	if _, out := a.Holdings(context.Background(), r.p, "79901", "", ""); out.Outcome != exchange.Finalized {
		t.Errorf("a session that ended: %+v", out)
	}
	r.clock.Advance(11 * time.Minute)
	if _, out := a.Bytes(context.Background(), r.p, h.Digest); out.Outcome != exchange.Finalized {
		t.Errorf("a session whose time was over: %+v", out)
	}
}

func TestACardIsAsked(t *testing.T) {
	t.Parallel()
	r := only(t, "insurer")
	a, ok := r.a.(*insurer.Adapter)
	if !ok {
		t.Fatal("another type")
	}
	q := insurer.CardQuery{Card: "DN4799900000000", Name: "NGUYỄN VĂN THỬ", Birth: "01/01/1990", StaffName: "TRẦN THỊ CÁN BỘ", StaffCitizen: "079890000009"}
	card, out := a.Card(context.Background(), r.p, q)
	if out.Outcome != exchange.Finalized || card == nil || card.Code != "000" {
		t.Fatalf("%+v %+v", card, out)
	}
	var body struct {
		Code string `json:"maKetQua"`
	}
	if err := json.Unmarshal(card.Raw, &body); err != nil || body.Code != "000" {
		t.Errorf("%s %v", card.Raw, err)
	}
	r.clock.Advance(11 * time.Minute) // the session ended
	q.Card = "DN4799900000010"
	if card, out := a.Card(context.Background(), r.p, q); card == nil || card.Code != "010" {
		t.Errorf("an expired card: %+v %+v", card, out)
	}
	r.faults("lost-answer:count=1:path=KQNhanLichSu")
	if _, out := a.Card(context.Background(), r.p, q); out.Outcome != exchange.Again || strings.Contains(out.Code, q.Card) {
		t.Errorf("%+v", out)
	}
}

// TestBothWaysAreOneEntry: the insurer passes on what the hub sends to the book
// too; its citizen sees the visit once. A book that was there is used.
func TestBothWaysAreOneEntry(t *testing.T) {
	t.Parallel()
	r := only(t, "vneid")
	sim := made[*vneidsim.Simulator](t)(vneidsim.New(vneidsim.Config{Clock: r.clock, Books: []vneidsim.Book{{Number: "SO-1", Citizen: "079890000001"}}}))
	s := httptest.NewServer(sim)
	t.Cleanup(s.Close)
	r.p.Destination.URL = s.URL
	gate := made[*insurersim.Simulator](t)(insurersim.New(insurersim.Config{Clock: r.clock, PassOn: sim.PassedOn}))
	if err := gate.Hold(dossierFile("LK1")); err != nil {
		t.Fatal(err)
	}
	if err := sim.PassedOn(context.Background(), "79901", dossierFile("LK1")); err != nil {
		t.Fatal(err)
	}
	r.deliver(false)
	var page struct {
		Entries []struct {
			Episode string   `json:"ma_lk"`
			Ways    []string `json:"duong"`
		} `json:"muc"`
	}
	res := made[*http.Response](t)(http.Get(s.URL + "/simulator/books/079890000001"))
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&page); err != nil || len(page.Entries) != 1 || !slices.Equal(page.Entries[0].Ways, []string{"direct", "insurer"}) {
		t.Errorf("%+v %v", page, err)
	}
	r.p.Opened = opened("LK2", 1)
	if got := r.deliver(false); got.Code != vneid.ReusedBook || got.Outcome != exchange.Finalized {
		t.Errorf("a book that was there: %+v", got)
	}
	r.p.Opened = opened("LK2", 2)
	if got := r.deliver(false); got.Code != "vneid.thay_the" {
		t.Errorf("a newer version: %+v", got)
	}
	r.p.Opened = opened("LK2", 1)
	if got := r.deliver(true); got.Code != "vneid.da_co" {
		t.Errorf("an older version, late: %+v", got)
	}
	r.p.Withdraws, r.p.Legs[0].Kind, r.p.Reason = &store.Leg{}, "withdrawal", "nhầm người bệnh"
	r.p.Opened = opened("LK2", 3)
	if got := r.deliver(false); got.Code != "vneid.thu_hoi" {
		t.Errorf("taken back: %+v", got)
	}
}
