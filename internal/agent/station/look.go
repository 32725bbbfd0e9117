package station

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/spool"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

var (
	// ErrNoSigner (agent.no_signer): a file without a seal, and nothing here seals.
	ErrNoSigner = fault.New(fault.Conflict, "agent.no_signer",
		"Tệp chưa ký số và agent chưa được cấu hình chữ ký. Ký tệp trước khi đưa vào, hoặc cấu hình chữ ký cho agent.",
		"The file is not sealed and the agent has no signer. Seal it before handing it over, or set up a signer.")
	// ErrBehind (agent.behind): an earlier file of the same episode goes first.
	ErrBehind = fault.New(fault.Busy, "agent.behind",
		"Chờ một tệp trước của cùng đợt điều trị: tệp trước gửi xong thì tệp này tự gửi.",
		"Waits for an earlier file of the same episode: this one goes by itself once that is done.")
)

// lookAhead is how many items are looked at between two waits.
const lookAhead = 50

// looking looks at what was taken, in the order of taking, and seals it.
func (s *Station) looking(ctx context.Context) error {
	for {
		n, err := s.Look(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		d := idle
		if q, err := s.Spool.Waiting(ctx, 1); err != nil {
			return err
		} else if len(q) > 0 {
			d = 5 * time.Second // a PIN may have been given
		}
		if err := s.wait(ctx, s.arrived, d); err != nil {
			return err
		}
	}
}

// Look looks at some of what was taken, seals what waits for it if that can be
// done now, and says how many items got on. Run does it all the time.
func (s *Station) Look(ctx context.Context) (n int, err error) {
	list, err := s.Spool.Unlooked(ctx, lookAhead)
	if err != nil {
		return 0, err
	}
	if len(list) == 0 && s.Signer != nil && s.Signer.State().Phase == signer.Ready {
		if list, err = s.Spool.Waiting(ctx, lookAhead); err != nil {
			return 0, err
		}
	}
	for _, i := range list {
		got, err := s.look(ctx, i)
		if err != nil {
			return n, err
		}
		if got != i.State {
			n++
		}
	}
	if n > 0 {
		wake(s.ready)
	}
	return n, nil
}

// look finds out about one item and moves it on.
func (s *Station) look(ctx context.Context, i spool.Item) (spool.State, error) {
	p, err := s.Spool.Payload(ctx, i.ID)
	if errors.Is(err, spool.ErrDamaged) {
		return spool.Refused, s.lost(ctx, i.ID, err)
	}
	if err != nil {
		return i.State, err
	}
	l := spool.Looked{State: spool.Ready, Lane: i.Lane}
	if err := s.content(p.File.Bytes, &l); err != nil { // a hub of another age may know better: it is sent as it is
		l.Code, l.Said = fault.Of(err).Code, fault.Of(err).Text
		return s.looked(ctx, i, l)
	}
	preview, why := s.check(ctx, p)
	if errors.Is(why, seal.ErrMissing) {
		sealed, err := s.seal(ctx, p)
		if err != nil {
			f := fault.Of(err)
			l.State, l.Code, l.Said = spool.Unsealed, f.Code, f.Text
			if i.State == spool.Unsealed && i.Code == f.Code {
				return i.State, nil // as it was
			}
			return s.looked(ctx, i, l)
		}
		p, l.Payload = *sealed, sealed
		preview, why = s.check(ctx, p)
	}
	s.foretell(preview, why, &l)
	return s.looked(ctx, i, l)
}

func (s *Station) looked(ctx context.Context, i spool.Item, l spool.Looked) (spool.State, error) {
	return l.State, s.Spool.Look(ctx, i.ID, l)
}

// content tells what is in a file: its lane, facility, dossiers and episodes.
func (s *Station) content(raw []byte, l *spool.Looked) error {
	reader, err := s.Kinds.Pick(raw)
	if err != nil {
		return err
	}
	f, err := reader.Open(raw)
	if err != nil {
		return err
	}
	if reader.View().Urgent {
		l.Lane = store.Urgent
	}
	l.Facility, l.Dossiers = f.Facility(), f.Len()
	for n := range f.Len() {
		if e := f.Dossier(n).Episode; e != "" {
			l.Episodes = append(l.Episodes, e)
		}
	}
	return nil
}

// check is the hub's judgement as far as it can be known here.
func (s *Station) check(ctx context.Context, p spool.Payload) (*intake.Preview, error) {
	if s.Checker == nil {
		return nil, nil
	}
	c := *s.Checker
	c.Trust, c.Rules, c.Scores = s.trust(), s.rules, s.scores
	f := intake.File{Name: p.File.Name, Bytes: p.File.Bytes, Seal: string(p.File.Seal)}
	for _, x := range p.Papers {
		f.Beside = append(f.Beside, intake.Paper{Name: x.Name, Bytes: x.Bytes, Seal: string(x.Seal)})
	}
	return c.Check(ctx, f, s.hubNow())
}

// seal seals a payload as its kind wants it.
func (s *Station) seal(ctx context.Context, p spool.Payload) (*spool.Payload, error) {
	if s.Signer == nil {
		return nil, ErrNoSigner
	}
	sealed, err := signer.File(ctx, s.Signer, s.Kinds, p.File.Bytes, p.File.Seal != nil)
	if err != nil {
		return nil, err
	}
	p.File.Bytes = sealed.Doc
	if sealed.Detached != "" {
		p.File.Seal = []byte(sealed.Detached)
	}
	for i, paper := range p.Papers { // with the file comes the seal of what lies beside it
		if paper.Seal != nil {
			continue
		}
		if sealed, err = signer.File(ctx, s.Signer, s.Kinds, paper.Bytes, false); err != nil {
			return nil, err
		}
		p.Papers[i].Seal = []byte(sealed.Detached)
	}
	return &p, nil
}

// foretell writes down what the hub will say; with Config.Hold what it would not
// take stays here.
func (s *Station) foretell(p *intake.Preview, why error, l *spool.Looked) {
	if why != nil {
		f := fault.Of(why)
		if f.Kind == fault.Broken {
			s.Logger.Error("file not looked at", "error", why)
			return
		}
		l.Code, l.Said = f.Code, f.Text
	} else if p != nil {
		for _, r := range p.Results {
			if r.State != dossier.Rejected {
				continue
			}
			for _, x := range r.Findings {
				if x.Severity == dossier.Error {
					l.Code, l.Said = x.Code, x.Message
					break
				}
			}
			break
		}
	}
	if l.Code != "" && s.cfg.Hold {
		l.State = spool.Held
	}
}

// lost closes an item whose bytes are gone: only its original can be taken again.
func (s *Station) lost(ctx context.Context, id int64, why error) error {
	f := fault.Of(why)
	s.Logger.Error("an item of the spool is damaged", "error", why)
	s.note(f.Code, f.Text, 1)
	_, err := s.Spool.Apply(ctx, []spool.Answer{{Item: id, Outcome: spool.WasRefused, At: s.cfg.Clock.Now(),
		Reasons: []spool.Reason{{Code: f.Code, Said: f.Text}}, Line: fmt.Appendf(nil, `{"refused":true,"code":%q}`, f.Code)}}, id)
	return err
}

// hubNow is what the hub's clock shows, as far as it was heard of.
func (s *Station) hubNow() time.Time { return s.cfg.Clock.Now().Add(s.Connection().Skew) }
