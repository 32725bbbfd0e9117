package gateway_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

func TestTheFormOfACardIsChecked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	const name, birth = "NGUYỄN VĂN THỬ", "01/02/1990"
	for what, c := range map[string]struct{ number, name, birth, want string }{
		"a card":               {"DN4790000000001", name, birth, "100"},
		"in small letters":     {"dn4 79 0000000001", name, birth, "100"},
		"a social number":      {"7900000001", name, birth, "100"},
		"a citizen number":     {"079990000001", name, birth, "100"},
		"a newborn":            {"TE1790000000001", name, birth, "100"},
		"a newborn, temporary": {"TE179KT00000001", name, birth, "100"},
		"a year":               {"DN4790000000001", name, "1990", "100"},
		"a month":              {"DN4790000000001", name, "02/1990", "100"},
		"of the army":          {"QN5970000000001", name, birth, "001"},
		"of the cipher branch": {"CY5970000000001", name, birth, "001"},
		"of the police":        {"CA5980000000001", name, birth, "002"},
		"no number":            {"", name, birth, "205"},
		"too short":            {"DN479", name, birth, "051"},
		"letters at the end":   {"DN479000000000X", name, birth, "051"},
		"eleven digits":        {"12345678901", name, birth, "051"},
		"an unknown province":  {"DN4030000000001", name, birth, "052"},
		"a wrong benefit":      {"DN9790000000001", name, birth, "053"},
		"no name":              {"DN4790000000001", " ", birth, "060"},
		"no birth":             {"DN4790000000001", name, "", "070"},
		"another form of date": {"DN4790000000001", name, "1990-02-01", "070"},
		"an impossible date":   {"DN4790000000001", name, "31/02/1990", "070"},
		"a future date":        {"DN4790000000001", name, "23/11/2026", "070"},
	} {
		a := d.card(c.number, c.name, c.birth)
		if a.Code != c.want || a.Note == "" || a.Visits == nil || len(*a.Visits) != 0 {
			t.Errorf("%s: %s, want %s: %s", what, a.Code, c.want, a.raw)
		}
		if c.want != "205" && !strings.HasPrefix(a.raw, `{"maKetQua":"`+c.want+`","ghiChu":"`) {
			t.Errorf("%s: %s", what, a.raw)
		}
	}
	if a := d.card("DN4790000000001", name, birth); a.Number != "DN4790000000001" || !strings.Contains(a.Note, "card.not_asked") {
		t.Errorf("%s", a.raw)
	}
}

// insurer answers what a courier would bring.
type insurer struct{ err error }

func (x insurer) Card(_ context.Context, from gateway.Sender, q gateway.Question) (gateway.Card, error) {
	if from.Facility != facility || q.Number != "DN4790000000001" || strings.Contains(fmt.Sprintf("%v %+v %#v", q, q, q), "THỬ") {
		return gateway.Card{Code: "100"}, nil
	}
	return gateway.Card{Code: "003", Note: "Thẻ cũ hết giá trị.", Sex: "Nam", From: "01/01/2026", To: "31/12/2026", Registered: "79901", Now: "DN4790000000002"}, x.err
}

func TestACardThatWasLookedUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(_ *gateway.Config, deps *gateway.Deps, _ *store.GatewayAccount) { deps.Cards = insurer{} })
	d.take()
	a := d.card("DN4790000000001", "NGUYỄN VĂN THỬ", "1990")
	for _, want := range []string{`"maKetQua":"003"`, `"maThe":"DN4790000000002"`, `"gioiTinh":"Nam"`, `"gtTheTu":"01/01/2026"`, `"gtTheDen":"31/12/2026"`, `"maDKBD":"79901"`, `"hoTen":"NGUYỄN VĂN THỬ"`} {
		if !strings.Contains(a.raw, want) {
			t.Errorf("%s is not in %s", want, a.raw)
		}
	}
	busy := newDesk(t, func(_ *gateway.Config, deps *gateway.Deps, _ *store.GatewayAccount) {
		deps.Cards = insurer{store.ErrStopping}
	})
	busy.take()
	if a := busy.card("DN4790000000001", "A", "1990"); a.Code != "500" || a.retry == "" || !strings.Contains(a.Note, "hub.stopping") {
		t.Errorf("%s", a.raw)
	}
}

func TestACardNeedsASession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	good := d.query()
	for what, query := range map[string]string{"nothing": "", "a broken escape": "token=%zz", "another password": strings.Replace(good, md5Of(password), md5Of("x"), 1),
		"another user": strings.Replace(good, user, "79902_BV", 1), "a token twice": good + "&token=x", "no id": strings.Replace(good, "id_token", "x", 1)} {
		if a := d.post("/api/egw/KQNhanLichSuKCB2024?"+query, "application/json", "{}"); a.Code != "401" || !strings.Contains(a.Note, "gateway.session") {
			t.Errorf("%s: %s", what, a.raw)
		}
	}
	if a := d.post("/api/egw/KQNhanLichSuKCB2024?"+good, "application/json", "{"); a.Code != "205" {
		t.Errorf("no JSON: %s", a.raw)
	}
}

// What the insurer's interface puts into an address, and what it asks about a
// person, is nowhere in the log, whatever goes wrong.
func TestNothingPersonalReachesTheLog(t *testing.T) {
	t.Parallel()
	for name, cards := range map[string]gateway.Cards{"unasked": nil, "broken": insurer{fmt.Errorf("a defect")}, "panics": panics{}} {
		d := newDesk(t, func(_ *gateway.Config, deps *gateway.Deps, _ *store.GatewayAccount) { deps.Cards = cards })
		d.take()
		d.to.panics = true
		planted := []string{d.access, d.id, md5Of(password), "DN4790000000001", "PLANTED", "19/09/1979", user, "BASE64PLANTED"}
		d.card("DN4790000000001", "PLANTED NAME", "19/09/1979")
		d.card("DN4790000000001 PLANTED", "PLANTED NAME", "19/09/1979")
		d.post("/api/egw/KQNhanLichSuKCB2024?"+d.query()+"&%zzPLANTED", "application/json", `{"maThe":"PLANTED`)
		d.post("/api/egw/PLANTED/DN4790000000001?"+d.query(), "application/json", `{}`)
		d.post(submitPath, "application/json", bodyOf("130", facility, "BASE64PLANTED==="), d.headers()...)
		d.send("PLANTED")
		r := httptest.NewRequest("GET", "/api/kcb/tra-cuu-trang-thai/79901-x?"+d.query(), nil)
		for i := 0; i < 6; i += 2 {
			r.Header.Set(d.headers()[i], d.headers()[i+1])
		}
		d.to.err = fmt.Errorf("a defect")
		d.do(r)
		log := d.log.String()
		for _, p := range planted {
			if strings.Contains(log, p) {
				t.Errorf("%s: %q is in the log:\n%s", name, p, log)
			}
		}
		if !strings.Contains(log, "a defect") {
			t.Errorf("%s: nothing was logged at all: the test proves nothing", name)
		}
	}
}

type panics struct{}

func (panics) Card(context.Context, gateway.Sender, gateway.Question) (gateway.Card, error) {
	panic("a defect")
}
