package looks

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
)

// NamesConfig says what a facility's credential is tried with.
type NamesConfig struct {
	Hub            Hub
	Patients       []Patient
	User, Password string // of the facility at the gateway
	Controls       int    // people with a basis, afterwards; default 20
}

// NamesResult is what was told to who knows names, numbers and dates of birth.
type NamesResult struct {
	Machine  bench.Machine `json:"machine"`
	People   int           `json:"people"`
	Visits   int           `json:"gateway_visits"`  // asked: 0
	Summary  int           `json:"door_records"`    // asked: 0
	Charts   int           `json:"look_up_records"` // asked: 0
	Named    int           `json:"answers_that_name_a_record"`
	Controls int           `json:"controls"`
	Shown    [3]int        `json:"controls_shown"` // by gateway, door and look-up
}

// Names asks by the gateway (card and history), the door of systems and a
// clinician's look-up about everybody by true number, name and date of birth,
// with no basis; then, as a control, about some who are there.
func Names(ctx context.Context, c NamesConfig) (NamesResult, error) {
	r := NamesResult{Machine: bench.ThisMachine(), People: len(c.Patients)}
	if c.Controls <= 0 {
		c.Controls = 20
	}
	c.Controls = min(c.Controls, len(c.Patients))
	r.Controls = c.Controls
	g := &gatewayUser{hub: &c.Hub, user: c.User, password: c.Password}
	if err := g.login(ctx); err != nil {
		return r, err
	}
	for i := range c.Patients {
		told, err := c.told(ctx, g, i, consent.OpeningID{})
		if err != nil {
			return r, err
		}
		r.Visits, r.Summary, r.Charts, r.Named = r.Visits+told.shown[0], r.Summary+told.shown[1], r.Charts+told.shown[2], r.Named+told.named
	}
	for i := range c.Controls {
		o, err := c.Hub.begin(ctx, c.Patients[i].Person, policy.Presence, staffOf(i), consent.ID{})
		if err != nil {
			return r, err
		}
		told, err := c.told(ctx, g, i, o)
		if err != nil {
			return r, err
		}
		for k, n := range told.shown {
			r.Shown[k] += min(n, 1)
		}
	}
	return r, nil
}

// said is what three doors told of one person.
type said struct {
	shown [3]int
	named int // answers with the number of a record in them
}

func (c *NamesConfig) told(ctx context.Context, g *gatewayUser, i int, o consent.OpeningID) (t said, err error) {
	p := &c.Patients[i]
	body, visits, err := g.history(ctx, p)
	if err != nil {
		return t, err
	}
	t.shown[0] = visits
	t.names(body, p)
	if body, err = c.Hub.ask(ctx, fmt.Sprintf("%06d/TEN", i/100), p.Number); err != nil {
		return t, err
	}
	var a struct {
		Others int `json:"other_records"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return t, bench.ErrHub.Because(err)
	}
	t.shown[1] = a.Others
	t.names(body, p)
	staff := staffOf(1<<21 + i/100)
	found, err := c.Hub.Reading.Find(ctx, reading.Who{Facility: c.Hub.System.Facility, Staff: staff}, p.Number)
	if err != nil {
		return t, err
	}
	list, err := c.Hub.Disclose.Chart(ctx, c.Hub.clinician(staff, o), found.Person, 10)
	t.shown[2] = len(list)
	return t, err
}

func (t *said) names(body []byte, p *Patient) {
	for _, id := range p.Records {
		if strings.Contains(string(body), id.String()) {
			t.named++
			return
		}
	}
}

// gatewayUser is a facility's software at the drop-in gateway.
type gatewayUser struct {
	hub            *Hub
	user, password string
	access, id     string
}

func (g *gatewayUser) hash() string {
	sum := md5.Sum([]byte(g.password)) // as the insurer's interface has it
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func (g *gatewayUser) login(ctx context.Context) error {
	body := url.Values{"username": {g.user}, "password": {g.hash()}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.hub.URL+"/api/token/take", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b, err := answered(http.DefaultClient.Do(req))
	if err != nil {
		return err
	}
	var a struct {
		Key *struct {
			Access string `json:"access_token"`
			ID     string `json:"id_token"`
		} `json:"APIKey"`
	}
	if err := json.Unmarshal(b, &a); err != nil || a.Key == nil {
		return bench.ErrHub.Because(fmt.Errorf("no token of the gateway: %.200s", b))
	}
	g.access, g.id = a.Key.Access, a.Key.ID
	return nil
}

const historyPath = "/api/egw/KQNhanLichSuKCB2024"

// history asks for a card and its visits.
func (g *gatewayUser) history(ctx context.Context, p *Patient) (body []byte, visits int, err error) {
	asked, err := json.Marshal(map[string]string{"maThe": p.Number, "hoTen": p.Name, "ngaySinh": bornAs(p.Birth)})
	if err != nil {
		return nil, 0, fmt.Errorf("bench: %w", err)
	}
	q := url.Values{"token": {g.access}, "id_token": {g.id}, "username": {g.user}, "password": {g.hash()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.hub.URL+historyPath+"?"+q.Encode(), strings.NewReader(string(asked)))
	if err != nil {
		return nil, 0, fmt.Errorf("bench: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if body, err = answered(http.DefaultClient.Do(req)); err != nil {
		return nil, 0, err
	}
	var a struct {
		Code   string            `json:"maKetQua"`
		Visits []json.RawMessage `json:"dsLichSuKCB2018"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.Visits == nil {
		return nil, 0, bench.ErrHub.Because(fmt.Errorf("no answer about a card: %.200s", body))
	}
	return body, len(a.Visits), nil
}

// bornAs is yyyyMMddHHmm as cards have it.
func bornAs(s string) string {
	m, err := care.ParseMoment(s)
	if err != nil {
		return s
	}
	return m.Time().Format("02/01/2006")
}

// Print writes the result as a table for people.
func (r NamesResult) Print(w io.Writer) error {
	return bench.PrintTable(w, "Biết tên, ngày sinh, số định danh mà không có căn cứ", "True names, births and numbers, and no basis", r.Machine, []bench.Row{
		{VI: "số người", EN: "people", Value: fmt.Sprint(r.People)},
		{VI: "cổng: thẻ và lịch sử, số lần khám được trả", EN: "gateway: card and history, visits told", Value: fmt.Sprint(r.Visits)},
		{VI: "cửa HIS, hồ sơ của nơi khác", EN: "door of the HIS, records of others", Value: fmt.Sprint(r.Summary)},
		{VI: "tra cứu, hồ sơ của nơi khác", EN: "look-up, records of others", Value: fmt.Sprint(r.Charts)},
		{VI: "câu trả lời có số hồ sơ", EN: "answers that name a record", Value: fmt.Sprint(r.Named)},
		{VI: "đối chứng có căn cứ: cổng, cửa HIS, tra cứu", EN: "controls with a basis: gateway, door, look-up", Value: fmt.Sprintf("%v / %d", r.Shown, r.Controls)},
	})
}
