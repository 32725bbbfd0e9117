package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/hub"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/api"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/session"
)

// whoHolds is who holds a citizen number.
func (w *world) whoHolds(number string) store.PersonID {
	w.t.Helper()
	found := must(w.hub.Slices.People.Find(w.ctx, w.hub.Vault.HashAll(vault.Citizen, []byte(number))))
	if len(found) != 1 {
		w.t.Fatalf("%d persons hold the number", len(found))
	}
	return found[0]
}

var openings atomic.Int64

// opening begins a basis of a facility for a person, as package reading would.
func (w *world) opening(person store.PersonID, facility string, change func(*consent.Opening)) consent.OpeningID {
	w.t.Helper()
	n, at := openings.Add(1), w.clock.Now()
	o := consent.Opening{ID: consent.OpeningID{byte(n >> 8), byte(n), 1}, Person: person, Facility: care.FacilityCode(facility), Basis: string(policy.Presence),
		Purpose: consent.Treatment, Staff: care.Staff{9}, How: "phone_code", From: at, Until: at.Add(24 * time.Hour)}
	if change != nil {
		change(&o)
	}
	w.check(w.hub.Slices.Openings.Begin(w.ctx, o, matter.Notice{Person: person, At: at, Kind: "opening.presence", About: "00", Detail: "{}"}, nil,
		store.Act{At: at, Actor: "test", Action: "opening.begin", Object: facility, Detail: "{}"}))
	return o.ID
}

func clinicianAt(facility string, o consent.OpeningID) disclose.Reader {
	return disclose.Reader{Role: role.Role{Kind: role.Clinician, ID: facility}, Name: "session:" + facility, Route: "test", Staff: care.Staff{9}, Opening: o}
}

// TestANameAndANumberOpenNothing: a facility's credential with the true name,
// number and date of birth of everybody, and no other basis: nothing of others.
func TestANameAndANumberOpenNothing(t *testing.T) {
	t.Parallel()
	const people = 200
	engines(t, func(t *testing.T, w *world) {
		numbers := make([]string, people)
		files := make([]member, people)
		for i := range numbers {
			numbers[i] = fmt.Sprintf("0799909%05d", i)
			files[i] = member{numbers[i] + ".xml", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", numbers[i])))}
		}
		for name, a := range w.sendTar("79901", false, files...) {
			if !strings.HasPrefix(a[0].State, "accepted") {
				t.Fatalf("%s: %s", name, a[0].State)
			}
		}
		his := w.gatewayAccount("79902", "79902_BV", "Mật khẩu 2", false)
		if a := his.take(); a.Key == nil {
			t.Fatalf("login: %+v", a)
		}
		before := w.rowsOf(store.DisclosureFilter{Limit: 1000})
		told := func(number, name string) int { return len(his.history(number, name, "03/02/1990")) }
		for _, n := range numbers {
			if got := told(n, "NGUYỄN THỊ ĐÀO"); got != 0 {
				t.Fatalf("%d documents for a name and a number", got)
			}
		}
		if rows := w.rowsOf(store.DisclosureFilter{Limit: 1000}); len(rows) != len(before) {
			t.Errorf("%d rows of looks that nobody had", len(rows)-len(before))
		}
		person := w.whoHolds(numbers[0])
		o := w.opening(person, "79902", nil)
		if got := told(numbers[0], "Nguyễn Thị Đào"); got != 1 {
			t.Errorf("the control: of a person who is there, %d visits", got)
		}
		if got := told(numbers[0], "TRẦN VĂN KHÁC"); got != 0 {
			t.Errorf("another's name: %d visits", got)
		}
		rows := w.rowsOf(store.DisclosureFilter{Person: person, Limit: 10})
		if len(rows) == 0 || rows[0].Opening != o || rows[0].Basis != string(policy.Presence) || rows[0].Facts == "" || !strings.Contains(rows[0].Route, "KQNhanLichSuKCB2024") {
			t.Errorf("what was told is not written down: %+v", rows)
		}
		w.check(w.hub.Slices.Openings.EndOpening(w.ctx, o, w.clock.Now(), "discharge", store.Act{}))
		if got := told(numbers[0], "NGUYỄN THỊ ĐÀO"); got != 0 {
			t.Errorf("after the discharge: %d visits", got)
		}
	}, fastGateway)
}

func fastGateway(c *hub.Config) { c.Gateway = gateway.Config{RatePerS: 1e6, Burst: 1e6} }

// history asks for the visits of a card.
func (s *his) history(number, name, birth string) []json.RawMessage {
	s.w.t.Helper()
	q := url.Values{"token": {s.access}, "id_token": {s.id}, "username": {s.user}, "password": {s.password}}
	res, err := s.w.server.Client().Post(s.w.server.URL+"/api/egw/KQNhanLichSuKCB2024?"+q.Encode(), "application/json",
		bytes.NewReader(must(json.Marshal(map[string]string{"maThe": number, "hoTen": name, "ngaySinh": birth}))))
	s.w.check(err)
	defer res.Body.Close()
	var a struct {
		Code   string            `json:"maKetQua"`
		Visits []json.RawMessage `json:"dsLichSuKCB2018"`
	}
	body := must(io.ReadAll(res.Body))
	if err := json.Unmarshal(body, &a); err != nil || a.Visits == nil || a.Code != "100" {
		s.w.t.Fatalf("not an answer about a card: %d %s", res.StatusCode, body)
	}
	return a.Visits
}

func (w *world) rowsOf(f store.DisclosureFilter) []store.Disclosure {
	w.t.Helper()
	rows, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, f)
	w.check(err)
	return rows
}

// principal asks as somebody.
type principal struct {
	name string
	ask  func(method, path string) (int, http.Header, []byte)
}

// foreigners are everybody who has no basis for a record of 79901: by session
// and by credential.
func (w *world) foreigners() []principal {
	out := []principal{{"system of 79902", func(method, path string) (int, http.Header, []byte) {
		return w.do("79902", method, path, "", nil)
	}}}
	stranger := w.whoHolds("079990888002")
	for _, s := range []staff.Staff{{ID: care.Staff{9}, Facility: "79902", Roles: []string{"clinician:79902", "privacy:79902", "counter:79902"}}, {ID: care.Staff{8}, Roles: []string{"auditor"}}} {
		s.Since, s.Version = w.clock.Now(), 1 // without a row their sessions are none, and every door is shut alike
		w.check(w.hub.Slices.Staffs.PutStaff(w.ctx, s, store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}))
	}
	for _, e := range []session.Entry{
		{Role: role.Role{Kind: role.Facility, ID: "79902"}},
		{Role: role.Role{Kind: role.Clinician, ID: "79902"}, Staff: care.Staff{9}, Level: 2, SteppedUp: w.clock.Now()},
		{Role: role.Role{Kind: role.Privacy, ID: "79902"}, Staff: care.Staff{9}, Level: 2, SteppedUp: w.clock.Now()},
		{Role: role.Role{Kind: role.Counter, ID: "79902"}, Staff: care.Staff{9}, Level: 2, SteppedUp: w.clock.Now()},
		{Role: role.Role{Kind: role.Citizen}, Person: stranger, Level: 2, SteppedUp: w.clock.Now()},
		{Role: role.Role{Kind: role.Insurer}},
		{Role: role.Role{Kind: role.Partner, ID: "p1"}},
		{Role: role.Role{Kind: role.Auditor}, Staff: care.Staff{8}, Level: 2, SteppedUp: w.clock.Now()},
		{Role: role.Role{Kind: role.Province, ID: "01"}},
		{Role: role.Role{Kind: role.Unit, ID: "KCB"}},
	} {
		e.Name = "thử"
		cookie := must(w.hub.Sessions.Grant(w.ctx, e))
		out = append(out, principal{e.Role.String(), func(method, path string) (int, http.Header, []byte) {
			req := must(http.NewRequest(method, w.server.URL+path, nil))
			req.AddCookie(cookie)
			client := *w.server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			res, err := client.Do(req)
			w.check(err)
			body := must(io.ReadAll(res.Body))
			w.check(res.Body.Close())
			return res.StatusCode, res.Header, body
		}})
	}
	return out
}

// TestEveryIDForEveryForeigner: each route that names a record, out of the tables
// of routes, for each record and each reader without a basis: nothing of it, and
// the answer of an id that does not exist, byte for byte.
func TestEveryIDForEveryForeigner(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const secret = "SỔ MŨI BÍ MẬT"
		records := []string{
			w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", "079990888001").set("XML1", "LY_DO_VV", secret))), "accepted").Record,
			w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "LY_DO_VV", secret).set("XML1", "MA_BENH_CHINH", "B20"))), "accepted").Record,
		}
		w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", "079990888002")), "accepted")
		type door struct{ method, pattern string }
		var doors []door
		for _, r := range api.Routes() {
			doors = append(doors, door{r.Method, r.Pattern})
		}
		for _, r := range portal.Routes() {
			doors = append(doors, door{r.Method, r.Pattern})
		}
		asked := 0
		for _, who := range w.foreigners() {
			for _, d := range doors {
				if !strings.Contains(d.pattern, "/records/{id}") {
					continue
				}
				for _, id := range records {
					unknown := id[:len(id)-8] + "00000000"
					path := func(id string) string {
						return strings.NewReplacer("{id}", id, "{n}", "1", "{destination}", "bhxh", "{opening}", strings.Repeat("0", 32)).Replace(d.pattern)
					}
					status, _, body := who.ask(d.method, path(id))
					status2, _, body2 := who.ask(d.method, path(unknown))
					asked++
					same := bytes.Equal(bytes.ReplaceAll(body, []byte(id), []byte("ID")), bytes.ReplaceAll(body2, []byte(unknown), []byte("ID")))
					if status != status2 || !same || bytes.Contains(body, []byte(secret)) || status == http.StatusOK {
						t.Errorf("%s at %s %s: %d, of an unknown one %d: %.200s\n%.200s", who.name, d.method, d.pattern, status, status2, body, body2)
					}
				}
			}
		}
		if asked < 100 {
			t.Errorf("only %d questions: the tables of routes are not walked", asked)
		}
		if status, body := w.get("79901", "/api/v1/records/"+records[0]+"/content"); status != 200 || !bytes.Contains(body, []byte(secret)) {
			t.Errorf("the control: its own facility reads %d %.200s", status, body)
		}
	})
}

// closedWords tell of a closed class wherever they stand.
var closedWords = []string{"B20", "HIV", "Lamivudin", "CD4", "A15.0", "Rifampicin", "lao phổi", "F20.0", "tâm thần phân liệt", "O04.9", "phá thai"}

// TestNothingOfClosedClassesReachesAReader: patients with what is closed, and a
// reader with a basis for the person but not for the class; whatever they ask.
func TestNothingOfClosedClassesReachesAReader(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		number := "079990888010"
		same := func() *visit { return newVisit().set("XML1", "SO_CCCD", number) }
		closed := []*visit{
			same().set("XML1", "MA_BENH_CHINH", "B20").set("XML1", "CHAN_DOAN_RV", "Bệnh HIV"),
			same().set("XML2", "TEN_THUOC", "Lamivudin 150 mg"),
			same().add("XML4", "MA_LK", "x", "STT", "1", "MA_DICH_VU", "x", "TEN_CHI_SO", "CD4", "GIA_TRI", "210"),
			same().set("XML1", "MA_BENH_CHINH", "A15.0").set("XML1", "CHAN_DOAN_RV", "lao phổi"),
			same().set("XML1", "MA_BENH_CHINH", "F20.0").set("XML1", "CHAN_DOAN_RV", "tâm thần phân liệt"),
			same().set("XML1", "MA_BENH_CHINH", "O04.9").set("XML1", "CHAN_DOAN_RV", "phá thai"),
		}
		var ids []string
		for _, v := range closed {
			v.episode(v.lk)
			a, _ := w.send("79901", ours(pairs().ec, envelope(v)))
			ids = append(ids, a[0].Record)
		}
		open := w.one("79901", ours(pairs().ec, envelope(same())), "accepted").Record
		own := w.one("79902", elsewhere(same()), "accepted").Record
		person := w.whoHolds(number)
		presence := clinicianAt("79902", w.opening(person, "79902", nil))
		glass := clinicianAt("79902", w.opening(person, "79902", func(o *consent.Opening) {
			o.Basis, o.Reason, o.How = string(policy.BreakGlass), "bất tỉnh", "break_glass"
		}))
		var got bytes.Buffer
		keep := func(what string, v any, err error) {
			t.Helper()
			if err != nil && !errors.Is(err, store.ErrAbsent) && !errors.Is(err, disclose.ErrCompartment) {
				t.Fatalf("%s: %v", what, err)
			}
			if err == nil {
				fmt.Fprintf(&got, "\n%s: %s", what, textOf(v))
			}
		}
		d := w.hub.Disclose
		readers := map[string]disclose.Reader{"presence": presence, "emergency": glass, "operator": operatorOf("tìm lỗi gửi nhận"),
			"citizen": {Role: role.Role{Kind: role.Citizen}, Person: person}}
		for name, r := range readers {
			list, err := d.Person(w.ctx, r, person, store.Filter{Limit: 100})
			keep(name+" list", list, err)
			chart, err := d.Chart(w.ctx, r, person, 100)
			keep(name+" chart", chart, err)
			set, err := d.EmergencySet(w.ctx, r, person)
			keep(name+" set", set, err)
			for _, id := range append(ids, open, own) {
				id := must(dossier.ParseID(id))
				o, err := d.Open(w.ctx, r, id)
				keep(name+" open", o, err)
				raw, _, err := d.Original(w.ctx, r, id)
				keep(name+" original", raw, err)
				doc, err := d.Receipt(w.ctx, r, id)
				keep(name+" receipt", doc, err)
				rel, err := d.Related(w.ctx, r, id, 50)
				keep(name+" related", rel, err)
				book, err := d.Book(w.ctx, r, id, 50)
				keep(name+" book", book, err)
				zip, _, err := w.hub.Bundles.Bundle(w.ctx, r, id)
				keep(name+" evidence", zip, err)
			}
		}
		if len(must(d.Chart(w.ctx, presence, person, 100))) != 2 {
			t.Error("the control: who is there does not read what is open")
		}
		for _, word := range closedWords {
			if i := bytes.Index(got.Bytes(), []byte(word)); i >= 0 {
				t.Errorf("%q reached a reader: %.300s", word, got.Bytes()[max(0, i-150):])
			}
		}
		for _, id := range ids {
			if bytes.Contains(got.Bytes(), []byte(id)) {
				t.Errorf("the closed record %s is named", id)
			}
		}
		self := readers["citizen"]
		self.SteppedUp = w.clock.Now()
		if book := must(d.Chart(w.ctx, self, person, 100)); len(book) != len(ids)+2 || !strings.Contains(textOf(book), "Lamivudin") {
			t.Errorf("the control: the citizen, who proved it again, reads %d records", len(book))
		}
	})
}

// textOf is all that a caller is handed, as text.
func textOf(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case *disclose.Opened:
		return openedText(v)
	case []*disclose.Opened:
		var b strings.Builder
		for _, o := range v {
			b.WriteString(openedText(o))
		}
		return b.String()
	case []store.Record:
		var b strings.Builder
		for _, r := range v {
			fmt.Fprintf(&b, "%s %s %+v\n", r.ID, r.Kind, r.Verdict)
		}
		return b.String()
	}
	return fmt.Sprintf("%+v", v)
}

func openedText(o *disclose.Opened) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %+v %v\n", o.Record.ID, o.Episode, o.Read.Patient, o.Papers)
	for _, inner := range o.Read.Inner {
		fmt.Fprintf(&b, "%s\n", inner)
	}
	if o.Read.Content == nil {
		return b.String()
	}
	for _, t := range o.Read.Content.Tables() {
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				b.WriteString(c.Text + "\n")
			}
			for _, x := range r.Extra {
				b.WriteString(x.Name + " " + x.Cell.Text + "\n")
			}
		}
	}
	return b.String()
}

// TestRevocationActsOnTheNextRequest: a thousand readers while a consent is
// revoked; nothing that begins after the revocation's receipt discloses anything.
func TestRevocationActsOnTheNextRequest(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		number := "079990888020"
		w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", number))), "accepted")
		person := w.whoHolds(number)
		c := consent.Consent{ID: consent.ID{7}, Person: person, Version: 1, Effect: consent.Permit, State: consent.Active, Purpose: consent.Treatment,
			Scope: consent.Scope{Readers: []care.FacilityCode{"79902"}}, Since: w.clock.Now(), Until: w.clock.Now().Add(time.Hour), Asked: w.clock.Now(), Decided: w.clock.Now(),
			Signer: consent.Self, Channel: "portal", Law: "law-91-2025-art-9"}
		act := store.Act{At: w.clock.Now(), Actor: "test", Action: "consent.put", Object: "consent", Detail: "{}"}
		w.check(w.hub.Slices.Consents.PutConsent(w.ctx, c, nil, act))
		o := w.opening(person, "79902", func(o *consent.Opening) { o.Basis, o.How, o.Consent = string(policy.ByConsent), "consent", c.ID })
		reader := clinicianAt("79902", o)
		if got := must(w.hub.Disclose.Chart(w.ctx, reader, person, 10)); len(got) != 1 {
			t.Fatalf("the control: %d records under a consent that holds", len(got))
		}
		var revoked, late, seen atomic.Int64
		var wait, half sync.WaitGroup
		half.Add(20)
		look := func() {
			begun := revoked.Load() == 1 // the receipt was out before this look began
			got, err := w.hub.Disclose.Person(context.Background(), reader, person, store.Filter{Limit: 10})
			switch {
			case err != nil:
				t.Error(err)
			case len(got) > 0 && begun:
				late.Add(1)
			case len(got) > 0:
				seen.Add(1)
			}
		}
		for range 20 { // fifty looks each: a thousand, twenty at a time
			wait.Go(func() {
				for n := range 50 {
					look()
					if n == 10 {
						half.Done()
					}
				}
			})
		}
		half.Wait()
		c.Version, c.State, c.Ended = 2, consent.Revoked, w.clock.Now()
		w.check(w.hub.Slices.Consents.PutConsent(w.ctx, c, nil, act))
		revoked.Store(1)
		wait.Wait()
		if late.Load() != 0 || seen.Load() == 0 {
			t.Errorf("%d disclosures begun after the revocation, %d before", late.Load(), seen.Load())
		}
	})
}
