package hub

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bridge/insurer"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/inflow"
	"lienthong/internal/jsondoc"
	"lienthong/internal/web/gateway"
)

// insurerAdapter is the bridge whose destinations can be read.
const insurerAdapter = "insurer"

// inflowEvery is between two rounds over what destinations hold.
const inflowEvery = 10 * time.Minute

// openInflow wires what is read from destinations.
func (h *Hub) openInflow() (err error) {
	h.inflow, err = inflow.New(inflow.Deps{Outside: holdings{courier.NewAsker(h.Courier, 0)}, Intake: h.Intake, Feeds: h.Slices.Feeds, Records: h.Slices.Records,
		Notes: h.Slices.Revocations, Store: h.Slices.Inflow, Plan: h.delivery.plan.Load, Among: h.insurers,
		Directory: func() *facility.Directory { return h.Trust.Current().Directory }, Clock: h.cfg.Clock, Logger: h.cfg.Logger})
	return err
}

// insurers are the destinations in use whose lists can be read.
func (h *Hub) insurers() []string {
	var ids []string
	for _, d := range h.delivery.plan.Load().Destinations() {
		if d.Adapter == insurerAdapter && d.Paused.IsZero() {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// Inflow makes one round over what destinations hold.
func (h *Hub) Inflow(ctx context.Context) error { return h.inflow.Round(ctx) }

// holdings asks insurers what they hold.
type holdings struct{ ask *courier.Asker }

// insurerOf is the bridge behind an adapter.
type insurerOf interface {
	Holdings(ctx context.Context, p *courier.Parcel, facility, day, since string) (*insurer.Page, exchange.Answer)
	Bytes(ctx context.Context, p *courier.Parcel, digest [32]byte) ([]byte, exchange.Answer)
	Card(ctx context.Context, p *courier.Parcel, q insurer.CardQuery) (*insurer.Card, exchange.Answer)
}

// patience is how long a question waits for its turn.
const patience = 2 * time.Second

// patient asks again where the answer was only that it is not its turn yet.
func (x holdings) patient(ctx context.Context, destination string, code care.FacilityCode, call func(context.Context, insurerOf, *courier.Parcel) exchange.Answer) exchange.Answer {
	for {
		out := x.ask.Ask(ctx, destination, code, func(ctx context.Context, a courier.Adapter, p *courier.Parcel) exchange.Answer {
			of, ok := a.(insurerOf)
			if !ok {
				return exchange.Answer{Outcome: exchange.Refused, Code: courier.AskClosed}
			}
			return call(ctx, of, p)
		})
		if out.Code != courier.AskBraked || out.Wait >= patience {
			return out
		}
		select {
		case <-ctx.Done():
			return out
		case <-time.After(out.Wait):
		}
	}
}

// Holdings implements inflow.Outside.
func (x holdings) Holdings(ctx context.Context, destination string, code care.FacilityCode, day, since string) (inflow.Page, exchange.Answer) {
	var page inflow.Page
	out := x.patient(ctx, destination, code, func(ctx context.Context, a insurerOf, p *courier.Parcel) exchange.Answer {
		got, out := a.Holdings(ctx, p, string(code), day, since)
		if out.Outcome != exchange.Finalized {
			return out
		}
		page = inflow.Page{Next: got.Next, More: got.More}
		for _, i := range got.Items {
			d, err := strconv.Atoi(strings.ReplaceAll(i.Day, "-", ""))
			if err != nil {
				d = clock.Day(i.Received)
			}
			page.Items = append(page.Items, inflow.Held{Digest: i.Digest, Kind: i.Kind, Facility: care.FacilityCode(i.Facility), Episode: i.Episode, Day: d,
				Reference: i.Reference, Verdict: i.Verdict, Code: i.Code})
		}
		return out
	})
	return page, out
}

// Bytes implements inflow.Outside.
func (x holdings) Bytes(ctx context.Context, destination string, code care.FacilityCode, digest [32]byte) (raw []byte, out exchange.Answer) {
	out = x.patient(ctx, destination, code, func(ctx context.Context, a insurerOf, p *courier.Parcel) (o exchange.Answer) {
		raw, o = a.Bytes(ctx, p, digest)
		return o
	})
	return raw, out
}

// cards asks the insurer about cards in the name of a facility whose route to it
// is pull or relay and that has a credential there.
type cards struct {
	hub *Hub
	ask *courier.Asker
}

// Card implements gateway.Cards. Where nobody can be asked the answer is that of
// gateway.Unasked, so that no HIS takes a card for valid. Visits at other
// facilities are not told: only the card's own validity passes.
func (c cards) Card(ctx context.Context, from gateway.Sender, q gateway.Question) (gateway.Card, error) {
	plan := c.hub.delivery.plan.Load()
	ids := c.hub.insurers()
	i := slices.IndexFunc(ids, func(id string) bool {
		m := plan.Mode(id, from.Facility, "qd4750")
		return m == exchange.Pull || m == exchange.Relay
	})
	if i < 0 {
		return gateway.Unasked{}.Card(ctx, from, q)
	}
	var card *insurer.Card
	out := holdings{c.ask}.patient(ctx, ids[i], from.Facility, func(ctx context.Context, a insurerOf, p *courier.Parcel) (o exchange.Answer) {
		card, o = a.Card(ctx, p, insurer.CardQuery{Card: string(q.Number), Name: q.Name, Birth: q.Birth})
		return o
	})
	if out.Outcome != exchange.Finalized || card == nil {
		told, err := gateway.Unasked{}.Card(ctx, from, q)
		told.Note = "Chưa hỏi được cơ quan bảo hiểm xã hội nên chưa biết thẻ còn giá trị hay không. Tra lại sau, hoặc tra trên cổng giám định. [" + cmp.Or(out.Code, "card.not_asked") + "]"
		return told, err
	}
	return cardOf(card), nil
}

// noHistory is what is told beside a card until reading across facilities has
// its own decisions.
const noHistory = "Lịch sử khám ở cơ sở khác chưa được cung cấp qua hub."

// cardOf takes the card's own members out of the insurer's answer.
func cardOf(c *insurer.Card) gateway.Card {
	doc, err := jsondoc.Parse(c.Raw, jsondoc.Limits{})
	if err != nil {
		return gateway.Card{Code: c.Code, Note: noHistory}
	}
	text := func(name string) string { return strings.TrimSpace(doc.Get(name).String()) }
	return gateway.Card{Code: c.Code, Note: strings.TrimSpace(text("ghiChu") + " " + noHistory), Name: text("hoTen"), Birth: text("ngaySinh"), Sex: text("gioiTinh"),
		Address: text("diaChi"), Registered: text("maDKBD"), Office: text("cqBHXH"), From: text("gtTheTu"), To: text("gtTheDen"), Region: text("maKV"),
		FiveYears: text("ngayDu5Nam"), Social: text("maSoBHXH"), Old: text("maTheCu"), New: text("maTheMoi"), NewFrom: text("gtTheTuMoi"),
		NewTo: text("gtTheDenMoi"), Now: text("maThe")}
}

// Mode is how a facility's records of a kind reach a destination at this moment.
func (h *Hub) Mode(destination string, code care.FacilityCode, kind string) exchange.Mode {
	return h.delivery.plan.Load().Mode(destination, code, kind)
}
