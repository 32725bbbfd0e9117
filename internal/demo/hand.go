package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"lienthong/internal/admin"
	"lienthong/internal/synth"
	"lienthong/internal/web/gateway"
)

// hand is the facility a visitor plays: its signed files are laid ready, with
// its sealing key, for a HIS or an agent to send.
type hand struct {
	facility *synth.Facility
	dir      string // of the files
	keys     string // of key.pem and cert.pem

	mu   sync.Mutex
	kept int
}

// mostKept is how many files are laid ready.
const mostKept = 40

func newHand(dir string, n *synth.Nation, code string) (*hand, error) {
	h := &hand{dir: filepath.Join(dir, "his"), keys: filepath.Join(dir, "his-key")}
	for _, f := range n.Facilities() {
		if f.Code == code {
			h.facility = f
		}
	}
	key, err := h.facility.KeyPEM()
	if err != nil {
		return nil, err
	}
	for _, d := range []string{h.dir, h.keys} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	return h, errors.Join(os.WriteFile(filepath.Join(h.keys, "key.pem"), key, 0o600),
		os.WriteFile(filepath.Join(h.keys, "cert.pem"), h.facility.CertificatePEM(), 0o600))
}

// keep lays a dossier ready, as long as there are few.
func (h *hand) keep(sub synth.Submission) error {
	if sub.Kind != "qd4750" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept >= mostKept {
		return nil
	}
	h.kept++
	return os.WriteFile(filepath.Join(h.dir, sub.FileName), sub.XML, 0o600)
}

// ready is how many dossiers without a defect are made for a visitor at once.
const ready = 12

// lay makes dossiers of the facility, out of those of all that are like it.
func (h *hand) lay(ctx context.Context, n *synth.Nation) error {
	for i, made := 0, 0; made < ready && i < 20_000 && ctx.Err() == nil; i++ {
		if n.Sender(n.Stream("outpatient", i)).Code != h.facility.Code { // its story begins with the draw of who sends
			continue
		}
		sub, err := n.Outpatient(i)
		if err != nil {
			return err
		}
		if sub.Facility != h.facility.Code {
			continue
		}
		if err := h.keep(sub); err != nil {
			return err
		}
		made++
	}
	return nil
}

// teller writes for several at once.
type teller struct {
	mu  sync.Mutex
	out io.Writer
}

func (t *teller) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format, args...)
}

// greet tells what runs outside, and how a visitor sends as a facility: with a
// gateway account and an invite that are made here.
func (s *Show) greet(ctx context.Context) {
	s.tell.say("Bên ngoài, giả lập · simulated outside:\n")
	for _, x := range s.far.services {
		s.tell.say("  %-14s %s   %s · %s\n", x.ID, x.URL, x.Name.VI, x.Name.EN)
	}
	s.tell.say("  đếm ở hai đầu · counted at both ends: %s%s\n\n", s.tour.base, countsPath)
	f := s.hand.facility
	s.tell.say("Đóng vai một cơ sở · play a facility: %s %s (bản thử không gửi thay · the demo sends nothing of it)\n  tệp đã ký · signed files: %s/*.xml\n", f.Code, f.Name, s.hand.dir)
	user, password := f.Code+"_BV", rand.Text()
	if err := s.account(ctx, user, password); err != nil {
		s.tell.say("  ! %v\n", err)
		return
	}
	s.tell.say("  HIS qua cổng thay thế · a HIS through the drop-in gateway:\n    printf '%%s' %s | script/his.py %s %s %s \"$(ls %s/*.xml | head -1)\"\n", password, s.tour.base, user, f.Code, s.hand.dir)
	invite, err := s.Acts.Invite(ctx, Actor, f.Code, 72)
	if err != nil {
		s.tell.say("  ! %v\n", err)
		return
	}
	home, folder := filepath.Join(s.cfg.Dir, "agent"), filepath.Join(s.cfg.Dir, "gui")
	s.tell.say("  trạm gửi · an agent:\n    echo %s | %s agent setup --dir %s --hub %s --folder %s --key %s/key.pem --cert %s/cert.pem\n", invite.Code, s.cfg.Program, home, s.tour.base, folder, s.hand.keys, s.hand.keys)
	s.tell.say("    %s agent run --dir %s\n    cp %s/*.xml %s/      # ở cửa sổ khác · in another window\n    %s agent page --dir %s\n\n", s.cfg.Program, home, s.hand.dir, folder, s.cfg.Program, home)
}

// account gives the facility a gateway account.
func (s *Show) account(ctx context.Context, user, password string) error {
	hash, err := gateway.Hash(password, gateway.HubCost())
	if err != nil {
		return err
	}
	return s.Acts.SetGateway(ctx, Actor, admin.Gateway{Code: s.hand.facility.Code, User: user, Hash: hash})
}
