package page

import (
	"net/http"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// dayView is what the first page shows.
type dayView struct {
	Today    station.Today
	Waiting  station.Waiting
	Line     station.Connection
	Notices  []station.Notice
	Causes   []spool.Cause
	ToMend   int // dossiers under all causes
	Held     int
	Unsealed int
	Seal     sealView
	Compared *compared // yesterday's
}

// Sent is how many dossiers were answered today.
func (d dayView) Sent() int { return d.Today.Accepted + d.Today.Rejected + d.Today.Refused }

// sealView is the sealing key and its certificate.
type sealView struct {
	Present   bool
	State     signer.State
	Subject   string
	Ends      time.Time
	Type      string
	CanUnlock bool
}

func (p *Page) sealView() sealView {
	cfg := p.Home.Config().Signer
	s := sealView{Type: cfg.Type}
	if s.Type == "" {
		s.Type = home.SignerNone
	}
	if p.Signer == nil || s.Type == home.SignerNone {
		return s
	}
	s.Present, s.State = true, p.Signer.State()
	if c := p.Signer.Certificate(); c != nil {
		if s.Subject = c.Subject.CommonName; s.Subject == "" {
			s.Subject = c.Subject.String()
		}
		s.Ends = c.NotAfter
	}
	s.CanUnlock = s.State.Phase == signer.WaitingForPIN && (s.State.Fault == nil || s.State.Fault.Code != signer.ErrPINLocked.Code)
	return s
}

// mark and words of how the key is.
func (s sealView) look(now time.Time) (tone, mark, key string) {
	switch {
	case !s.Present:
		return "off", "dash", "agent.seal.none"
	case s.State.Phase == signer.WaitingForPIN:
		return "warn", "hold", "agent.seal.pin"
	case s.State.Phase != signer.Ready:
		return "bad", "bad", "agent.seal.unavailable"
	case !s.Ends.IsZero() && !now.Before(s.Ends):
		return "bad", "bad", "agent.seal.ended"
	case !s.Ends.IsZero() && s.Ends.Sub(now) < 30*24*time.Hour:
		return "warn", "warn", "agent.seal.ends"
	}
	return "ok", "ok", "agent.seal.ready"
}

func (p *Page) dayView(r *http.Request, now time.Time) (d dayView, err error) {
	ctx := r.Context()
	if d.Today, err = p.Station.Today(ctx); err != nil {
		return d, err
	}
	if d.Waiting, err = p.Station.Waiting(ctx); err != nil {
		return d, err
	}
	for _, q := range d.Waiting.Queues {
		switch q.State {
		case spool.Held:
			d.Held += q.Items
		case spool.Unsealed:
			d.Unsealed += q.Items
		}
	}
	if d.Notices, err = p.Station.Notices(ctx); err != nil {
		return d, err
	}
	if d.Causes, err = p.Station.Causes(ctx); err != nil {
		return d, err
	}
	for _, c := range d.Causes {
		d.ToMend += c.Dossiers
	}
	d.Line, d.Seal = p.Station.Connection(), p.sealView()
	d.Compared, err = p.comparedOn(ctx, clock.Day(now.AddDate(0, 0, -1)))
	return d, err
}

// line is how the line to the hub is: its mark and the key of its sentence.
func (d dayView) line(now time.Time) (mark, key string) {
	switch {
	case d.Line.Since.IsZero():
		return "wait", "agent.line.unknown"
	case !d.Line.Reachable:
		return "bad", "agent.line.down"
	case d.Line.Until.After(now):
		return "wait", "agent.line.slot"
	}
	return "ok", "agent.line.up"
}

func (p *Page) today(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("today", "agent.nav.today")
	d, err := p.dayView(r, f.Now)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, todayPage(f, d))
}

// live is the part of the first page that is fetched every ten seconds.
func (p *Page) live(w http.ResponseWriter, r *http.Request, f frame) {
	d, err := p.dayView(r, f.Now)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, todayLive(f, d))
}

// settingsView is what is set up here; no secret is in it.
type settingsView struct {
	Config  home.Config
	Version string
	Pack    string
	Issued  time.Time
	Seal    sealView
	Line    station.Connection
	Problem *fault.Error // a PIN that was not taken
}

func (p *Page) settingsView() settingsView {
	v := settingsView{Config: p.Home.Config(), Version: p.cfg.Version, Seal: p.sealView(), Line: p.Station.Connection()}
	v.Pack, v.Issued = p.Station.Rules()
	return v
}

func (p *Page) settings(w http.ResponseWriter, r *http.Request, f frame) {
	p.show(w, r, http.StatusOK, settingsPage(f.titled("settings", "agent.nav.settings"), p.settingsView()))
}

// pin gives the PIN to the signer. It is in memory only, and in no log: neither
// forms nor addresses are written anywhere here.
func (p *Page) pin(w http.ResponseWriter, r *http.Request, f frame) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	f = f.titled("settings", "agent.nav.settings")
	err := error(signer.ErrPINUnneeded)
	if p.Signer != nil {
		err = p.Signer.Unlock(r.Context(), r.PostFormValue("pin"))
	}
	if err == nil {
		see(w, r, f, "/settings")
		return
	}
	v := p.settingsView()
	v.Problem = fault.Of(err)
	p.show(w, r, http.StatusUnprocessableEntity, settingsPage(f, v))
}
