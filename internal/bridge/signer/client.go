package signer

import (
	"bufio"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"lienthong/internal/vault"
)

// Config is how the signing process is reached.
type Config struct {
	Socket  string
	Timeout time.Duration // of one question; default 5 s
	Idle    int           // connections kept open; default 16
}

// Client asks the signing process. It is a vault.Ring and hands out signers. It
// is safe for concurrent use.
type Client struct {
	cfg    Config
	idle   chan *line
	master atomic.Pointer[string]
	public map[string]crypto.PublicKey
}

var _ vault.Ring = (*Client)(nil)

// line is one connection; one question is on it at a time.
type line struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

// Dial reaches the signing process and learns its public keys. Fault: signer.away.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 16
	}
	c := &Client{cfg: cfg, idle: make(chan *line, cfg.Idle), public: map[string]crypto.PublicKey{}}
	a, err := c.ask(request{Verb: verbHello, Version: 1})
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for name, der := range a.Keys {
		if c.public[name], err = x509.ParsePKIXPublicKey(der); err != nil {
			return nil, errors.Join(ErrRequest.Because(err), c.Close())
		}
	}
	for _, name := range []string{KeyReceipt, KeyLog, KeyWitness} {
		if c.public[name] == nil {
			return nil, errors.Join(ErrRequest.Because(errors.New("no "+name+" key")), c.Close())
		}
	}
	c.master.Store(&a.Master)
	return c, nil
}

// Close ends the connections that are not in use.
func (c *Client) Close() error {
	var err error
	for {
		select {
		case l := <-c.idle:
			err = errors.Join(err, l.Close())
		default:
			return err
		}
	}
}

// ask puts one question. A connection that ended while it lay idle is replaced
// once; every verb may be asked twice.
func (c *Client) ask(q request) (a answer, err error) {
	for try := 0; ; try++ {
		l, fresh, err := c.line()
		if err != nil {
			return a, ErrAway.Because(err)
		}
		if err = c.exchange(l, q, &a); err == nil {
			select {
			case c.idle <- l:
			default:
				_ = l.Close() // there are enough
			}
			return a, refusal(a)
		}
		_ = l.Close() // it is broken already
		if fresh || try > cap(c.idle) {
			return a, ErrAway.Because(err)
		}
	}
}

func (c *Client) line() (l *line, fresh bool, err error) {
	select {
	case l := <-c.idle:
		return l, false, nil
	default:
	}
	conn, err := net.DialTimeout("unix", c.cfg.Socket, c.cfg.Timeout)
	if err != nil {
		return nil, true, err
	}
	return &line{conn, bufio.NewReader(conn), bufio.NewWriter(conn)}, true, nil
}

func (c *Client) exchange(l *line, q request, a *answer) error {
	if err := l.SetDeadline(time.Now().Add(c.cfg.Timeout)); err != nil {
		return err
	}
	if err := write(l.w, q); err != nil {
		return err
	}
	return read(l.r, a)
}

// refusal is the fault that an answer's code stands for.
func refusal(a answer) error {
	if a.Code == "" {
		return nil
	}
	why := errors.New(a.Why)
	switch a.Code {
	case vault.ErrBudget.Code:
		return vault.ErrBudget
	case vault.ErrKeyMissing.Code:
		return vault.ErrKeyMissing.Because(why)
	case vault.ErrOpenedWrong.Code:
		return vault.ErrOpenedWrong.Because(why)
	case vault.ErrConfig.Code:
		return vault.ErrConfig.Because(why)
	case vault.ErrRandom.Code:
		return vault.ErrRandom.Because(why)
	case ErrRefused.Code:
		return ErrRefused.Because(why)
	}
	return ErrRequest.Because(fmt.Errorf("%s: %w", a.Code, why))
}

// Master names the master key in use, as last heard.
func (c *Client) Master() string { return *c.master.Load() }

// String shows no key.
func (c *Client) String() string { return "signer(" + c.Master() + ")" }

// hear keeps the name of the master key that wrapped something just now.
func (c *Client) hear(a answer, err error) (vault.WrappedMonthKey, error) {
	if err == nil && len(a.Months) != 1 {
		err = ErrRequest.Because(errors.New("no month key"))
	}
	if err != nil {
		return vault.WrappedMonthKey{}, err
	}
	c.master.Store(&a.Months[0].Master)
	return a.Months[0], nil
}

// NewMonth makes a month key.
func (c *Client) NewMonth(class string, month, generation int) (vault.WrappedMonthKey, error) {
	return c.hear(c.ask(request{Verb: verbNewMonth, Class: class, Month: month, Turn: generation}))
}

// RewrapMonth wraps a month key by the master key in use.
func (c *Client) RewrapMonth(w vault.WrappedMonthKey) (vault.WrappedMonthKey, error) {
	return c.hear(c.ask(request{Verb: verbRewrapMonth, Months: []vault.WrappedMonthKey{w}}))
}

// manyMonths is how many month keys go into one question.
const manyMonths = 500

// LoadMonths has the signing process take month keys into use.
func (c *Client) LoadMonths(keys []vault.WrappedMonthKey) ([]vault.MonthID, error) {
	ids := make([]vault.MonthID, 0, len(keys))
	for from := 0; from < len(keys); from += manyMonths {
		part := keys[from:min(from+manyMonths, len(keys))]
		a, err := c.ask(request{Verb: verbLoadMonths, Months: part})
		if err != nil {
			return nil, err
		}
		if len(a.IDs) != len(part) {
			return nil, ErrRequest.Because(errors.New("not every month key has its name"))
		}
		ids = append(ids, a.IDs...)
	}
	return ids, nil
}

// ForgetMonth has a month key dropped; where the signing process is away it has
// forgotten them all.
func (c *Client) ForgetMonth(id vault.MonthID) {
	_, _ = c.ask(request{Verb: verbForgetMonth, Class: id.Class, Month: id.Month, ID: id.ID[:]}) // see above
}

// Wrap wraps a data key.
func (c *Client) Wrap(dst []byte, id vault.MonthID, key, bound []byte) ([]byte, error) {
	a, err := c.ask(request{Verb: verbWrap, Class: id.Class, Month: id.Month, ID: id.ID[:], Data: key, Bound: bound})
	return append(dst, a.Data...), err
}

// Unwrap asks for a data key; vault.budget.
func (c *Client) Unwrap(id vault.MonthID, sealed, bound []byte) ([]byte, error) {
	a, err := c.ask(request{Verb: verbUnwrap, Class: id.Class, Month: id.Month, ID: id.ID[:], Data: sealed, Bound: bound})
	return a.Data, err
}

// SealSecret seals a credential.
func (c *Client) SealSecret(name string, plain []byte) ([]byte, error) {
	a, err := c.ask(request{Verb: verbSealSecret, Name: name, Data: plain})
	return a.Data, err
}

// OpenSecret opens a credential.
func (c *Client) OpenSecret(name string, sealed []byte) ([]byte, error) {
	a, err := c.ask(request{Verb: verbOpenSecret, Name: name, Data: sealed})
	return a.Data, err
}

// RewrapSecret seals a credential anew.
func (c *Client) RewrapSecret(name string, sealed []byte) ([]byte, error) {
	a, err := c.ask(request{Verb: verbRewrapSecret, Name: name, Data: sealed})
	return a.Data, err
}

// Signer is one of the keys that sign: KeyReceipt, KeyLog, KeyWitness.
func (c *Client) Signer(key string) crypto.Signer { return signer{c, key} }

type signer struct {
	c   *Client
	key string
}

// Public is the public half.
func (s signer) Public() crypto.PublicKey { return s.c.public[s.key] }

// Sign signs a digest (KeyReceipt) or a message; the signing process has its own
// randomness.
func (s signer) Sign(_ io.Reader, data []byte, _ crypto.SignerOpts) ([]byte, error) {
	a, err := s.c.ask(request{Verb: verbSign, Key: s.key, Data: data})
	return a.Data, err
}
