package simulator_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	insurer "lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/bridge/vneid/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

type book struct {
	t     *testing.T
	url   string
	clock *clock.Fake
	sim   *simulator.Simulator
	token string
}

func setup(t *testing.T, c simulator.Config) *book {
	t.Helper()
	b := &book{t: t, clock: clock.NewFake(time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC))}
	c.Clock = b.clock
	sim, err := simulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	b.url, b.sim = srv.URL, sim
	var a struct {
		Token string `json:"access_token"`
		Ends  int    `json:"expires_in"`
	}
	if status := b.call("POST", "/api/token", `{"client_id":"hub","client_secret":"s"}`, &a); status != 200 || a.Ends != 3600 {
		t.Fatalf("%d %+v", status, a)
	}
	b.token = a.Token
	return b
}

// call returns the status; v gets the body.
func (b *book) call(method, path, body string, v any) int {
	b.t.Helper()
	r, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	r.Header.Set("Facility", "79901")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if v != nil {
		if err := json.Unmarshal(raw, v); err != nil {
			b.t.Fatalf("%s: %v", raw, err)
		}
	}
	return res.StatusCode
}

const pathEntry = "/api/so-suc-khoe/muc"

func entry(facility, episode string, version int, citizen string) string {
	return fmt.Sprintf(`{"ma_cskcb":%q,"ma_lk":%q,"phien_ban":%d,"nguon":"lienthong","hanh_chinh":{"so_cccd":%q,"ho_ten":"TRẦN THỊ LAN"},"tom_tat":{"x":1}}`,
		facility, episode, version, citizen)
}

type result struct {
	Number string `json:"ma_muc"`
	State  string `json:"trang_thai"`
	Book   string `json:"ma_so"`
	Had    bool   `json:"so_da_co"`
	Ways   int    `json:"so_duong"`
	Code   string `json:"ma_loi"`
	Text   string `json:"thong_diep"`
}

func (b *book) enter(body string) result {
	b.t.Helper()
	var r result
	if status := b.call("POST", pathEntry, body, &r); status != 200 {
		b.t.Fatalf("%d %+v", status, r)
	}
	return r
}

type page struct {
	Book    simulator.Book `json:"so"`
	Entries []struct {
		Episode string                     `json:"ma_lk"`
		Version int                        `json:"phien_ban"`
		Ways    []string                   `json:"duong"`
		Content map[string]json.RawMessage `json:"noi_dung"`
	} `json:"muc"`
}

func (b *book) show(number string) page {
	b.t.Helper()
	var p page
	if status := b.call("GET", "/simulator/books/"+number, "", &p); status != 200 {
		b.t.Fatalf("%d", status)
	}
	return p
}

const lan = "079985000001"

func dossier(episode, citizen, card string) string {
	xml1 := `<TONG_HOP><MA_LK>` + episode + `</MA_LK><SO_CCCD>` + citizen + `</SO_CCCD><MA_THE_BHYT>` + card + `</MA_THE_BHYT></TONG_HOP>`
	xml8 := `<A><MA_LK>` + episode + `</MA_LK><TOMTAT_KQ>x</TOMTAT_KQ></A>`
	part := func(name, inner string) string {
		return `<FILEHOSO><LOAIHOSO>` + name + `</LOAIHOSO><NOIDUNGFILE>` + base64.StdEncoding.EncodeToString([]byte(inner)) + `</NOIDUNGFILE></FILEHOSO>`
	}
	return `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO>` +
		part("XML1", xml1) + part("XML8", xml8) + `</HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>`
}

func (b *book) counts() tally.Counts {
	b.t.Helper()
	var c tally.Counts
	b.call("GET", "/simulator/counts", "", &c)
	return c
}

func TestVersionsOfAnEntry(t *testing.T) {
	t.Parallel()
	b := setup(t, simulator.Config{})
	first := b.enter(entry("79901", "A1", 1, lan))
	if first.State != "moi" || first.Had || first.Book == "" {
		t.Fatalf("%+v", first)
	}
	for _, c := range []struct {
		body, state string
		shown       int
		version     int
	}{
		{entry("79901", "A1", 1, lan), "da_co", 1, 1},
		{entry("79901", "A1", 3, lan), "thay_the", 1, 3},
		{entry("79901", "A1", 2, lan), "da_co", 1, 3},
		{`{"ma_cskcb":"79901","ma_lk":"A1","phien_ban":4,"thu_hoi":true}`, "thu_hoi", 0, 0},
		{entry("79901", "A1", 3, lan), "da_co", 0, 0},
		{entry("79901", "A1", 5, lan), "thay_the", 1, 5},
		{`{"ma_cskcb":"79901","ma_lk":"A1","phien_ban":6,"thu_hoi":{"ly_do":"x"}}`, "thu_hoi", 0, 0},
	} {
		r := b.enter(c.body)
		if r.State != c.state || r.Number != first.Number || r.Book != first.Book || !r.Had {
			t.Errorf("%s: %+v", c.body, r)
		}
		p := b.show(lan)
		if len(p.Entries) != c.shown || c.shown == 1 && p.Entries[0].Version != c.version {
			t.Errorf("%s: %+v", c.body, p.Entries)
		}
	}
	if c := b.counts(); c.Recorded != 8 || c.Held != 1 || c.Duplicates != 2 || c.Extra["books"] != 1 || c.Extra["entries_shown"] != 0 || c.Answers["200"] != 9 {
		t.Errorf("%+v", c)
	}
	if r := b.enter(`{"ma_cskcb":"79901","ma_lk":"never","phien_ban":1,"thu_hoi":true}`); r.State != "thu_hoi" || r.Book != "" || r.Had {
		t.Errorf("the withdrawal of what never came: %+v", r)
	}
}

// Both the hub and the insurer deliver: one entry, shown once.
func TestBothWaysAreOneEntry(t *testing.T) {
	t.Parallel()
	b := setup(t, simulator.Config{})
	gate, err := insurer.New(insurer.Config{PassOn: b.sim.PassedOn})
	if err != nil {
		t.Fatal(err)
	}
	passOn := insurer.PassOnTo(http.DefaultClient, b.url+"/")
	if err := passOn(context.Background(), "79901", []byte(dossier("A1", lan, "DN4799812345678"))); err != nil {
		t.Fatal(err)
	}
	if p := b.show(lan); len(p.Entries) != 1 || p.Entries[0].Ways[0] != "insurer" || len(p.Entries[0].Content) != 2 || p.Book.Source != "insurer" {
		t.Fatalf("%+v", p)
	}
	if r := b.enter(entry("79901", "A1", 1, lan)); r.State != "thay_the" || r.Ways != 2 || !r.Had {
		t.Errorf("%+v", r)
	}
	b.enter(entry("79901", "A2", 1, lan))
	if err := passOn(context.Background(), "79901", []byte(dossier("A2", lan, ""))); err != nil {
		t.Fatal(err)
	}
	if _, err := b.sim.Counts(), gate.Hold([]byte(dossier("A3", lan, ""))); err != nil {
		t.Fatal(err)
	}
	p := b.show("9812345678") // by the insurance number too
	if len(p.Entries) != 2 || p.Entries[0].Version != 1 || len(p.Entries[0].Ways) != 2 || len(p.Entries[1].Ways) != 2 || p.Entries[1].Version != 1 {
		t.Errorf("%+v", p)
	}
	if c := b.counts(); c.Extra["entries_by_both"] != 2 || c.Extra["entries_direct"] != 2 || c.Extra["entries_insurer"] != 2 || c.Extra["entries_shown"] != 2 || c.Held != 2 || c.Recorded != 4 {
		t.Errorf("%+v", c)
	}
	for doc, want := range map[string]int{"x": 400, dossier("A1", "", ""): 422, strings.ReplaceAll(dossier("A1", lan, ""), "79901", "79902"): 422} {
		var r result
		if status := b.call("POST", "/api/lienthong/passed-on", doc, &r); status != want {
			t.Errorf("%d %+v", status, r)
		}
		if err := passOn(context.Background(), "79901", []byte(doc)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("what is never taken is tried again: %v", err)
		}
	}
}

func TestTheInsurersListIsEmptiedIntoTheBook(t *testing.T) {
	t.Parallel()
	b := setup(t, simulator.Config{})
	b.call("PUT", "/simulator/faults", "DANG_BAO_TRI:path=passed-on:count=1", nil)
	passOn := insurer.PassOnTo(http.DefaultClient, b.url)
	if err := passOn(context.Background(), "79901", []byte(dossier("A1", lan, ""))); err == nil || fault.KindOf(err) == fault.Invalid {
		t.Errorf("a book closed for now: %v", err)
	}
	if err := passOn(context.Background(), "79901", []byte(dossier("A1", lan, ""))); err != nil {
		t.Errorf("%v", err)
	}
}

func TestBooksThatExist(t *testing.T) {
	t.Parallel()
	b := setup(t, simulator.Config{Books: []simulator.Book{{Number: "S1", Citizen: lan}, {Number: "S2", Citizen: "079985000002", Facilities: []string{"79902"}}}})
	type list struct {
		Items []simulator.Book `json:"items"`
		Next  string           `json:"next"`
	}
	var all, mine, rest list
	b.call("GET", "/api/so-suc-khoe/da-co?since=", "", &all)
	b.call("GET", "/api/so-suc-khoe/da-co?facility=79901", "", &mine)
	if len(all.Items) != 2 || len(mine.Items) != 1 || mine.Items[0].Number != "S1" || mine.Items[0].Source != "da_co" || mine.Items[0].UpdatedAt.IsZero() {
		t.Fatalf("%+v %+v", all, mine)
	}
	if r := b.enter(entry("79901", "A1", 1, lan)); !r.Had || r.Book != "S1" || r.State != "moi" {
		t.Errorf("the book that is there is not used: %+v", r)
	}
	if r := b.enter(entry("79901", "A2", 1, "079985000003")); r.Had {
		t.Errorf("%+v", r)
	}
	b.call("GET", "/api/so-suc-khoe/da-co?limit=1&since="+all.Next, "", &rest)
	if len(rest.Items) != 1 || rest.Items[0].Number != "S1" {
		t.Errorf("%+v", rest)
	}
	if c := b.counts(); c.Extra["books"] != 3 || c.Extra["books_reused"] != 1 {
		t.Errorf("%+v", c.Extra)
	}
	if _, err := simulator.New(simulator.Config{Books: []simulator.Book{{Number: "S1"}}}); err == nil {
		t.Error("a book of nobody")
	}
	if status := b.call("GET", "/simulator/books/none", "", nil); status != 404 {
		t.Errorf("%d", status)
	}
}

func TestAPersonCorrected(t *testing.T) {
	t.Parallel()
	b := setup(t, simulator.Config{})
	b.enter(entry("79901", "A1", 1, lan))
	b.enter(entry("79901", "A1", 2, "079985000002"))
	if p := b.show(lan); len(p.Entries) != 0 {
		t.Errorf("still in the first person's book: %+v", p)
	}
	if p := b.show("079985000002"); len(p.Entries) != 1 {
		t.Errorf("%+v", p)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config simulator.Config
		path   string
		body   string
		code   string
		status int
	}{
		"no JSON":        {simulator.Config{}, pathEntry, "{", "SAI_CAU_TRUC", 400},
		"a list":         {simulator.Config{}, pathEntry, "[]", "SAI_CAU_TRUC", 400},
		"null":           {simulator.Config{}, pathEntry, "null", "SAI_CAU_TRUC", 400},
		"no facility":    {simulator.Config{}, pathEntry, entry("", "A1", 1, lan), "SAI_DU_LIEU", 422},
		"no episode":     {simulator.Config{}, pathEntry, entry("79901", "", 1, lan), "SAI_DU_LIEU", 422},
		"no person":      {simulator.Config{}, pathEntry, entry("79901", "A1", 1, "1"), "SAI_DU_LIEU", 422},
		"less than 0":    {simulator.Config{}, pathEntry, entry("79901", "A1", -1, lan), "SAI_DU_LIEU", 422},
		"another's":      {simulator.Config{Clients: []simulator.Client{{ID: "hub", Secret: "s", Facilities: []string{"79902"}}}}, pathEntry, entry("79901", "A1", 1, lan), "KHONG_QUYEN", 403},
		"journal full":   {simulator.Config{Journal: full{}}, pathEntry, entry("79901", "A1", 1, lan), "LOI_HE_THONG", 500},
		"passed, full":   {simulator.Config{Journal: full{}}, "/api/lienthong/passed-on", dossier("A1", lan, ""), "LOI_HE_THONG", 500},
		"login no JSON":  {simulator.Config{}, "/api/token", "x", "SAI_CAU_TRUC", 400},
		"login nobody":   {simulator.Config{}, "/api/token", "{}", "XAC_THUC", 401},
		"login unknown":  {simulator.Config{Clients: []simulator.Client{{ID: "hub", Secret: "s"}}}, "/api/token", `{"client_id":"hub","client_secret":"x"}`, "XAC_THUC", 401},
		"entry no token": {simulator.Config{}, "-" + pathEntry, entry("79901", "A1", 1, lan), "XAC_THUC", 401},
		"entry late":     {simulator.Config{}, "+" + pathEntry, entry("79901", "A1", 1, lan), "HET_HAN", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, c.config)
			path := c.path
			switch {
			case strings.HasPrefix(path, "-"):
				b.token, path = "", path[1:]
			case strings.HasPrefix(path, "+"):
				b.clock.Advance(time.Hour)
				path = path[1:]
			}
			var r result
			if status := b.call("POST", path, c.body, &r); status != c.status || r.Code != c.code || r.Text == "" {
				t.Errorf("%d %+v", status, r)
			}
			if got := b.counts(); got.Recorded != 0 || got.Answers[c.code] != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
	b := setup(t, simulator.Config{Clients: []simulator.Client{{ID: "hub", Secret: "s", Facilities: []string{"79901"}}}})
	for path, want := range map[string]int{"?facility=79902": 403, "?since=x": 400, "?limit=0": 400, "": 200} {
		if status := b.call("GET", "/api/so-suc-khoe/da-co"+path, "", nil); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	b.token = "x"
	if status := b.call("GET", "/api/so-suc-khoe/da-co", "", nil); status != 401 {
		t.Errorf("%d", status)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for spec, c := range map[string]struct{ status, held int }{
		"SAI_CAU_TRUC": {400, 0}, "XAC_THUC": {401, 0}, "HET_HAN": {401, 0}, "KHONG_QUYEN": {403, 0}, "SAI_DU_LIEU": {422, 0}, "LOI_HE_THONG": {500, 0}, "DANG_BAO_TRI": {503, 0},
		"500": {500, 0}, "503": {503, 0}, "unrecorded-success": {200, 0}, "lost-answer": {0, 1}, "half-answer": {200, 1}, "reset": {0, 0}, "down": {0, 0},
		"garbage": {200, 0}, "redirect": {307, 0}, "slow=1ms": {200, 1}, "drip=1us": {200, 1},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			b := setup(t, simulator.Config{})
			if status := b.call("PUT", "/simulator/faults", spec, nil); status != 204 {
				t.Fatal(status)
			}
			r, err := http.NewRequest("POST", b.url+pathEntry, strings.NewReader(entry("79901", "A1", 1, lan)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+b.token)
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			status := 0
			if res, err := client.Do(r); err == nil {
				status = res.StatusCode
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if got := b.counts(); status != c.status || got.Held != c.held || got.Extra["entries_shown"] != c.held {
				t.Errorf("%d %+v", status, got)
			}
		})
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(entry("79901", "A1", 1, lan)))
	f.Add([]byte(`{"ma_cskcb":"79901","ma_lk":"A1","phien_ban":4,"thu_hoi":true}`))
	f.Add([]byte(`{"ma_cskcb":"79901","ma_lk":"A1","hanh_chinh":{"ma_the_bhyt":"DN4799812345678"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := simulator.ParseEntry(body)
		switch {
		case err == nil && (e.Episode == "" || len(e.Facility) != 5 || !e.Withdrawn && e.Citizen == "" && e.Insurance == ""):
			t.Fatalf("%+v", e)
		case err != nil && !errors.Is(err, simulator.ErrUnreadable) && !errors.Is(err, simulator.ErrData):
			t.Fatal(err)
		}
	})
}

func FuzzFromDossiers(f *testing.F) {
	f.Add([]byte(dossier("A1", lan, "DN4799812345678")))
	f.Fuzz(func(t *testing.T, doc []byte) {
		entries, err := simulator.FromDossiers(doc)
		if err == nil && (len(entries) == 0 || bytes.Equal(doc, nil)) || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatalf("%v %v", entries, err)
		}
	})
}
