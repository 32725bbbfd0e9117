package looks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// QuickConfig says what is timed.
type QuickConfig struct {
	Hub      Hub
	Patients []Patient // with their records of other facilities
	Each     int       // how often each thing is timed; default 1,000
	Records  int       // that a look opens; default 10
	Stored   int       // records in the store, for the printout
}

// Decided is one line about decisions.
type Decided struct {
	Says  int           `json:"says"`
	Facts bench.Latency `json:"facts"` // Standing, from the store
	Whole bench.Latency `json:"whole"` // and what they say of a record, and the rules
}

// QuickResult is how long everything took, one after the other on an idle hub.
type QuickResult struct {
	Machine  bench.Machine `json:"machine"`
	Load     string        `json:"load"`
	Stored   int           `json:"stored"`
	Decided  []Decided     `json:"decided"`
	Open     bench.Latency `json:"open"` // an opening made, the person told
	LookUp   bench.Latency `json:"look_up"`
	Records  float64       `json:"records_a_look"`
	Document bench.Latency `json:"document"` // look-up to one record, readable
	Door     bench.Latency `json:"door"`     // the summary by HTTP, JSON
	Says     int           `json:"says_of_each"`
}

// persons an account may see before it is cut off, with room.
const eachAccount = 30

// Quick times decisions with 0, 3 and 30 says of each person, then looks.
func Quick(ctx context.Context, c QuickConfig) (r QuickResult, err error) {
	if c.Each <= 0 {
		c.Each = 1000
	}
	if c.Records <= 0 {
		c.Records = 10
	}
	r.Machine, r.Load, r.Stored = bench.ThisMachine(), bench.LoadAverage(), c.Stored
	openings := make([]consent.OpeningID, len(c.Patients))
	var took []time.Duration
	for i, p := range c.Patients {
		at := time.Now()
		if openings[i], err = c.Hub.begin(ctx, p.Person, policy.Presence, staffOf(i/eachAccount), consent.ID{}); err != nil {
			return r, err
		}
		took = append(took, time.Since(at))
	}
	r.Open = bench.LatencyOf(took)
	said := 0
	for _, says := range []int{0, 3, 30} {
		for ; said < says; said++ {
			for _, p := range c.Patients {
				if err := c.Hub.deny(ctx, p.Person, said); err != nil {
					return r, err
				}
			}
		}
		d, err := c.decisions(ctx, openings, says)
		if err != nil {
			return r, err
		}
		r.Decided = append(r.Decided, d)
	}
	r.Says = said
	if err := c.lookUps(ctx, &r); err != nil {
		return r, err
	}
	return r, c.door(ctx, &r)
}

// deny is the nth say of a person, about what is not looked at here.
func (h *Hub) deny(ctx context.Context, person store.PersonID, n int) error {
	now := time.Now().UTC()
	c := consent.Consent{ID: consent.ID(append(append([]byte{0xbe, byte(n), 0, 0}, person[:8]...), 0, 0, 0, byte(n))), Person: person, Version: 1, Effect: consent.Deny, State: consent.Active,
		Signer: consent.Self, Channel: "portal", Law: "law-91-2025-art-10", Scope: consent.Scope{Kinds: []string{"checkup"}, Readers: []care.FacilityCode{h.System.Facility}},
		Asked: now, Decided: now}
	return h.Slices.Consents.PutConsent(ctx, c, nil, store.Act{At: now, Actor: "bench", Action: "consent.put", Object: "consent", Detail: "{}"})
}

// decisions asks what holds and decides, as disclose does for one record.
func (c *QuickConfig) decisions(ctx context.Context, openings []consent.OpeningID, says int) (Decided, error) {
	var facts, whole []time.Duration
	at := role.Role{Kind: role.Clinician, ID: string(c.Hub.System.Facility)}
	for n := range c.Each {
		p, id := &c.Patients[n%len(c.Patients)], openings[n%len(c.Patients)]
		begun := time.Now()
		st, err := c.Hub.Slices.Consents.Standing(ctx, p.Person, id, begun)
		if err != nil {
			return Decided{}, err
		}
		facts = append(facts, time.Since(begun))
		f := consent.Facts(st, &consent.Record{Author: p.Records[0].Facility, Kind: "qd4750", Received: begun}, consent.Asker{Facility: c.Hub.System.Facility, Purpose: consent.Treatment}, begun)
		a, err := c.Hub.Disclose.Policies.Decide(policy.Question{Action: policy.Read, Role: at, Purpose: consent.Treatment, Staff: true, Author: p.Records[0].Facility, Kind: "qd4750",
			Basis: policy.Presence, Permitted: f.Permitted, Opened: f.Opened, Denied: f.Denied, DeniedToo: f.DeniedToo})
		whole = append(whole, time.Since(begun))
		if err != nil {
			return Decided{}, err
		}
		if !a.Permit || st.Opening == nil || len(st.Consents) != says {
			return Decided{}, bench.ErrHub.Because(fmt.Errorf("permit %t with %d says: %w", a.Permit, len(st.Consents), errNone))
		}
	}
	return Decided{says, bench.LatencyOf(facts), bench.LatencyOf(whole)}, nil
}

// lookUps goes from a number typed to the page: the person, the opening that
// stands, the records opened and written down, the summary; and to one document.
func (c *QuickConfig) lookUps(ctx context.Context, r *QuickResult) error {
	var took, one []time.Duration
	shown := 0
	for n := range c.Each {
		i := n % len(c.Patients)
		p, who := &c.Patients[i], reading.Who{Facility: c.Hub.System.Facility, Staff: staffOf(i/eachAccount + n/len(c.Patients)*1000)}
		begun := time.Now()
		reader, err := c.find(ctx, who, p)
		if err != nil {
			return err
		}
		list, err := c.Hub.Disclose.Chart(ctx, reader, p.Person, c.Records)
		if err != nil {
			return err
		}
		if s := chart.MakeSummary(entries(list), begun); s == nil || len(list) == 0 {
			return bench.ErrHub.Because(fmt.Errorf("%w: %d records", errNone, len(list)))
		}
		took = append(took, time.Since(begun))
		shown += len(list)

		begun = time.Now()
		if reader, err = c.find(ctx, who, p); err != nil {
			return err
		}
		o, err := c.Hub.Disclose.Open(ctx, reader, list[n%len(list)].Record.ID)
		if err != nil {
			return err
		}
		e := entries([]*disclose.Opened{o})[0]
		if len(e.Sections()) == 0 {
			return bench.ErrHub.Because(errNone)
		}
		one = append(one, time.Since(begun))
	}
	r.LookUp, r.Document, r.Records = bench.LatencyOf(took), bench.LatencyOf(one), float64(shown)/float64(c.Each)
	return nil
}

// find is a number typed, and the opening that stands.
func (c *QuickConfig) find(ctx context.Context, who reading.Who, p *Patient) (disclose.Reader, error) {
	found, err := c.Hub.Reading.Find(ctx, who, p.Number)
	if err != nil {
		return disclose.Reader{}, err
	}
	live, err := c.Hub.Slices.Openings.Openings(ctx, consent.OpeningFilter{Person: found.Person, Facility: who.Facility, LiveAt: time.Now(), Limit: 10})
	if err != nil {
		return disclose.Reader{}, err
	}
	if found.Person != p.Person || len(live) == 0 {
		return disclose.Reader{}, bench.ErrHub.Because(fmt.Errorf("%w: %t, %d openings", errNone, found.Person == p.Person, len(live)))
	}
	o, err := c.Hub.Reading.Use(ctx, who, live[0].ID)
	if err != nil {
		return disclose.Reader{}, err
	}
	return c.Hub.clinician(who.Staff, o.ID), nil
}

func entries(list []*disclose.Opened) []chart.Entry {
	out := make([]chart.Entry, len(list))
	for i, x := range list {
		out[i] = chart.Entry{ID: x.Record.ID, Kind: x.Record.Kind, Received: x.Record.Received, Version: x.Record.Version, State: x.Record.State(), Read: x.Read, View: x.View}
	}
	return out
}

// door asks for summaries by HTTP, as a facility's system does.
func (c *QuickConfig) door(ctx context.Context, r *QuickResult) error {
	var took []time.Duration
	for n := range c.Each {
		i := n % len(c.Patients)
		licence := fmt.Sprintf("%06d/DO-%d", i/eachAccount, n/len(c.Patients))
		begun := time.Now()
		body, err := c.Hub.ask(ctx, licence, c.Patients[i].Number)
		if err != nil {
			return err
		}
		took = append(took, time.Since(begun))
		var a struct {
			Others int `json:"other_records"`
		}
		if err := json.Unmarshal(body, &a); err != nil || a.Others == 0 {
			return bench.ErrHub.Because(fmt.Errorf("%w: %.200s", errNone, body))
		}
	}
	r.Door = bench.LatencyOf(took)
	return nil
}

// Print writes the result as a table for people.
func (r QuickResult) Print(w io.Writer) error {
	rows := []bench.Row{
		{VI: "tải máy lúc bắt đầu", EN: "load average at the start", Value: r.Load},
		{VI: "hồ sơ trong kho", EN: "records stored", Value: fmt.Sprint(r.Stored)},
	}
	for _, d := range r.Decided {
		rows = append(rows,
			bench.Row{VI: fmt.Sprintf("quyết định, %d lựa chọn", d.Says), EN: fmt.Sprintf("a decision with its facts, %d says", d.Says), Value: fine(d.Whole)},
			bench.Row{VI: "  trong đó đọc dữ kiện", EN: "of it the facts", Value: fine(d.Facts)})
	}
	rows = append(rows,
		bench.Row{VI: "mở một lần tra cứu", EN: "an opening made", Value: r.Open.String()},
		bench.Row{VI: "tra cứu đến bản tóm tắt", EN: "look-up to the summary", Value: r.LookUp.String()},
		bench.Row{VI: "  hồ sơ mỗi lần", EN: "records of each", Value: fmt.Sprintf("%.1f", r.Records)},
		bench.Row{VI: "tra cứu đến một hồ sơ", EN: "look-up to one document", Value: r.Document.String()},
		bench.Row{VI: "cửa HIS: bản tóm tắt qua HTTP", EN: "door of the HIS: summary by HTTP", Value: r.Door.String()})
	return bench.PrintTable(w, "Xem hồ sơ", "Looking", r.Machine, rows)
}

func fine(l bench.Latency) string {
	return fmt.Sprintf("p50 %.3f ms, p99 %.3f ms, max %.3f ms (%d)", l.P50, l.P99, l.Max, l.Count)
}
