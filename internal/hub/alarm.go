package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/admission"
	"lienthong/internal/alarm"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/mail"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/webhook"
	"lienthong/internal/facility"
	"lienthong/internal/masked"
	"lienthong/internal/store"
	rooms "lienthong/internal/web/portal/delivery"
)

// Alarms is how a hub tells of alarms.
type Alarms struct {
	// Secret reads a file that only the hub may read: MailPassword, WebhookKey. nil:
	// there is none.
	Secret  func(name string) ([]byte, error)
	Timeout time.Duration // of one telling; default 30 seconds
}

// Names of the files with secrets of alarms, beside the hub's keys.
const (
	MailPassword = "alarm-mail.password"
	WebhookKey   = "alarm-webhook.key"
)

// openAlarms wires who looks after alarms.
func (h *Hub) openAlarms() error {
	var err error
	h.Alarms, err = alarm.New(alarm.Deps{Store: h.Slices.Alarms, Counters: h.Slices.Counters, Seen: h.Slices.Facilities, Forks: h.Slices.Enrolments.Forks,
		Ways: h.alarmWays, Looks: h.lookAlarms, Rates: h.delivery.rates, Tellers: h.tellers, Acts: h.Slices.Keys, Clock: h.cfg.Clock})
	return err
}

// alarmWays is how destinations in use stand, as alarms look at them.
func (h *Hub) alarmWays(ctx context.Context) ([]alarm.Way, error) {
	states, err := h.Courier.Status(ctx)
	var out []alarm.Way
	for _, s := range states {
		if s.Ended.IsZero() {
			out = append(out, alarm.Way{Destination: s.ID, Name: s.Name, Legs: s.Adapter != eid.AdapterName, Paused: !s.Paused.IsZero(), Oldest: s.Queue.Oldest,
				Waiting: s.Queue.Waiting + s.Queue.Carried, Sent24h: s.Queue.Sent24h, Breaker: s.Breaker, Since: s.Since, Code: s.Code})
		}
	}
	return out, err
}

// tellers are the ways by which settings say that alarms go.
func (h *Hub) tellers(l alarm.Limits) []alarm.Teller {
	var out []alarm.Teller
	if l.Webhook != nil {
		out = append(out, posted{h, *l.Webhook})
	}
	if l.Mail != nil {
		out = append(out, mailed{h, *l.Mail})
	}
	return out
}

var errNoSecret = errors.New("hub: no file with this secret of alarms")

func (h *Hub) alarmSecret(name string) ([]byte, error) {
	if h.cfg.Alarms.Secret == nil {
		return nil, errNoSecret
	}
	b, err := h.cfg.Alarms.Secret(name)
	return bytes.TrimRight(b, "\r\n"), err
}

// posted tells by webhook.
type posted struct {
	hub *Hub
	to  alarm.Webhook
}

// Tell posts an alarm, signed.
func (t posted) Tell(ctx context.Context, m alarm.Message) error {
	key, err := t.hub.alarmSecret(WebhookKey)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Type string        `json:"type"`
		At   time.Time     `json:"timestamp"`
		Data alarm.Message `json:"data"`
	}{"alarm.opened", m.At, m})
	if err != nil {
		return err
	}
	n := webhook.Notice{Client: outbound.New(t.hub.cfg.Alarms.Timeout), Clock: t.hub.cfg.Clock}
	return n.Post(ctx, t.to.URL, t.to.Private, key, m.ID, body)
}

// mailed tells by mail.
type mailed struct {
	hub *Hub
	by  alarm.Mail
}

// Tell mails an alarm in both languages.
func (t mailed) Tell(ctx context.Context, m alarm.Message) error {
	var password []byte
	if t.by.User != "" {
		var err error
		if password, err = t.hub.alarmSecret(MailPassword); err != nil {
			return err
		}
	}
	text := m.Text.VI + "\n\n" + m.Text.EN + "\n\n" + t.hub.cfg.Name + "\n" + m.Cause + "\n"
	if t.hub.cfg.PublicURL != "" {
		text += t.hub.cfg.PublicURL + "/alarms\n"
	}
	return mail.Send(ctx, mail.Server{Address: t.by.Server, TLS: t.by.TLS, User: t.by.User, Timeout: t.hub.cfg.Alarms.Timeout}, password,
		mail.Letter{From: t.by.From, To: t.by.To, Subject: "[Liên Thông] " + m.Cause, Text: text, At: m.At})
}

// deliveryRooms is what the portal's pages about ways out ask.
func (h *Hub) deliveryRooms() *rooms.Deps {
	return &rooms.Deps{
		Legs: masked.Legs{Legs: h.Slices.Legs}, Office: h.Office, Moves: h.Moves, Survey: masked.Surveys{Surveys: h.Slices.Surveys}, Days: days{h.Slices.Feeds, h.Slices.Inflow}, Alarms: h.Alarms,
		Ways: ways{h.Courier}.Ways, Flow: func() admission.State { return h.Intake.Flow() },
		Directory: func() *facility.Directory { return h.Trust.Current().Directory }, Kinds: h.Kinds.Names(),
	}
}

// days is both comparisons of days.
type days struct {
	store.Feeds
	store.Inflow
}

// unended notes, when a hub begins, acts on many legs whose end nobody noted: the
// hub that did them was killed. What they had moved stays moved.
func (h *Hub) unended(ctx context.Context) error {
	acts, err := h.Slices.Keys.Acts(ctx, 0, 500)
	if err != nil {
		return err
	}
	ended := map[string]int{}
	for _, a := range acts { // newest first
		do, isEnd := bytes.CutSuffix([]byte(a.Action), []byte(".ended"))
		if !isEnd {
			do, isEnd = bytes.CutSuffix([]byte(a.Action), []byte(".unended"))
		}
		name := string(do)
		if name != "legs."+admin.LegRetry && name != "legs."+admin.LegSkip {
			continue
		}
		key := name + " " + a.Actor + " " + a.Object
		if isEnd {
			ended[key]++
			continue
		}
		if ended[key] > 0 {
			ended[key]--
			continue
		}
		if err := h.Office.NoteUnended(ctx, a); err != nil {
			return err
		}
	}
	return nil
}
