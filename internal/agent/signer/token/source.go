package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/fault"
)

// Config says which key of which token.
type Config struct {
	Helper string        // the program; "" is lienthong-token beside the running one
	Module string        // the maker's library
	Token  string        // label of the token; "" is the only one
	Label  string        // label of the key; "" is the only one
	Wait   time.Duration // longest silence of the helper; default 30 s
}

// Source is a key on a token, behind the helper. It implements signer.Source.
type Source struct {
	cfg Config

	mu     sync.Mutex
	helper *helper // nil: not running
}

// New returns a source; nothing runs before it is opened.
func New(c Config) *Source {
	if c.Wait == 0 {
		c.Wait = 30 * time.Second
	}
	return &Source{cfg: c}
}

// helper is one running helper process.
type helper struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.ReadCloser
	cert *x509.Certificate
}

// Open implements signer.Source. Nothing is tried without a PIN.
func (s *Source) Open(ctx context.Context, pin string) (*signer.Opened, error) {
	if pin == "" {
		return nil, signer.ErrWaiting
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ask(ctx, Request{Op: opOpen, Module: s.cfg.Module, Token: s.cfg.Token, Label: s.cfg.Label, PIN: pin})
	if err != nil {
		return nil, err
	}
	cert, chain, err := certificates(r)
	if err != nil {
		return nil, err
	}
	s.helper.cert = cert
	return &signer.Opened{Key: s, Certificate: cert, Chain: chain}, nil
}

// Peek implements signer.Source: tokens show certificates to everybody.
func (s *Source) Peek(ctx context.Context) *x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ask(ctx, Request{Op: opPeek, Module: s.cfg.Module, Token: s.cfg.Token, Label: s.cfg.Label})
	if err != nil {
		return nil // not known yet; opening says why
	}
	cert, _, err := certificates(r)
	if err != nil {
		return nil
	}
	return cert
}

// Sign implements signer.Key.
func (s *Source) Sign(ctx context.Context, sum []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.helper == nil || s.helper.cert == nil {
		return nil, signer.ErrUnavailable.Because(errors.New("the helper does not run"))
	}
	_, elliptic := s.helper.cert.PublicKey.(*ecdsa.PublicKey)
	r, err := s.ask(ctx, Request{Op: opSign, Sum: sum})
	if err != nil {
		return nil, err
	}
	if !elliptic {
		return r.Signature, nil
	}
	return derOf(r.Signature)
}

// derOf turns r‖s into DER.
func derOf(raw []byte) ([]byte, error) {
	if len(raw) != 2*sha256.Size {
		return nil, signer.ErrSignature.Because(fmt.Errorf("%d bytes of an ECDSA value", len(raw)))
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		return nil, signer.ErrSignature.Because(err)
	}
	return der, nil
}

// Close implements signer.Source: it ends the helper.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	return nil
}

// ask asks the helper and waits at most Config.Wait: a library that hangs is
// ended with its process.
func (s *Source) ask(ctx context.Context, r Request) (Reply, error) {
	if s.helper == nil {
		if err := s.start(); err != nil {
			return Reply{}, signer.ErrUnavailable.Because(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	type result struct {
		reply Reply
		err   error
	}
	done := make(chan result, 1)
	h := s.helper
	go func() {
		var out result
		if out.err = WriteFrame(h.in, r); out.err == nil {
			out.err = ReadFrame(h.out, &out.reply)
		}
		done <- out
	}()
	var out result
	select {
	case out = <-done:
	case <-ctx.Done():
		_ = h.cmd.Process.Kill() // the reading ends with it
		<-done
		s.end()
		return Reply{}, signer.ErrUnavailable.Because(errors.New("the token did not answer in time"))
	}
	if out.err != nil {
		s.end()
		return Reply{}, signer.ErrUnavailable.Because(fmt.Errorf("the helper ended: %w", out.err))
	}
	if err := refused(out.reply); err != nil {
		if errors.Is(err, signer.ErrUnavailable) {
			s.end() // libraries remember readers that are gone: begin anew
		}
		return Reply{}, err
	}
	return out.reply, nil
}

func refused(r Reply) error {
	var f *fault.Error
	switch r.Failure {
	case Done:
		return nil
	case PINWrong:
		f = signer.ErrPINWrong
	case PINLocked:
		f = signer.ErrPINLocked
	case PINLastTry:
		f = signer.ErrPINLast
	case NoKey:
		f = signer.ErrKey
	default:
		f = signer.ErrUnavailable
	}
	return f.Because(errors.New(r.Detail))
}

func (s *Source) start() error {
	program, err := s.program()
	if err != nil {
		return err
	}
	h := &helper{cmd: exec.Command(program)}
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		return err
	}
	if h.out, err = h.cmd.StdoutPipe(); err != nil {
		return err
	}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	s.helper = h
	return nil
}

// graceful is how long a helper may take to log out before it is ended.
const graceful = 2 * time.Second

// end ends the helper: it reads the end of its input, logs out and goes. One
// whose library hangs does not, and is killed.
func (s *Source) end() {
	h := s.helper
	if h == nil {
		return
	}
	s.helper = nil
	// Its exit says nothing that is not known here.
	_ = h.in.Close()
	kill := time.AfterFunc(graceful, func() { _ = h.cmd.Process.Kill() })
	_ = h.cmd.Wait()
	kill.Stop()
}

func (s *Source) program() (string, error) {
	if s.cfg.Helper != "" {
		return s.cfg.Helper, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	name := "lienthong-token"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(filepath.Dir(self), name), nil
}

// certificates reads what the helper gave.
func certificates(r Reply) (*x509.Certificate, []*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return nil, nil, signer.ErrKey.Because(err)
	}
	var chain []*x509.Certificate
	for _, der := range r.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, signer.ErrKey.Because(err)
		}
		chain = append(chain, c)
	}
	return cert, chain, nil
}
