package signer

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/vault"
)

// Held is what the signing process holds.
type Held struct {
	Ring    *vault.Keys
	Receipt crypto.Signer // P-256
	Log     crypto.Signer // Ed25519
	Witness crypto.Signer // Ed25519
}

// Server answers a hub.
type Server struct {
	held   Held
	public map[string][]byte
	logger *slog.Logger
}

// NewServer returns a server. Fault: ledger.key for keys of another sort.
func NewServer(held Held, logger *slog.Logger) (*Server, error) {
	if held.Ring == nil || held.Receipt == nil || held.Log == nil || held.Witness == nil {
		return nil, errors.New("signer: a key is missing")
	}
	s := &Server{held: held, logger: logger, public: map[string][]byte{}}
	for name, key := range map[string]crypto.Signer{KeyReceipt: held.Receipt, KeyLog: held.Log, KeyWitness: held.Witness} {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, ledger.ErrKey.Because(err)
		}
		p256, isP256 := key.Public().(*ecdsa.PublicKey)
		_, isEd := key.Public().(ed25519.PublicKey)
		if isP256 = isP256 && p256.Curve == elliptic.P256(); name == KeyReceipt && !isP256 || name != KeyReceipt && !isEd {
			return nil, ledger.ErrKey.Because(errors.New("the " + name + " key is of another sort"))
		}
		s.public[name] = der
	}
	return s, nil
}

// Serve answers until ctx ends; who may connect, the listener decides.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var work sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // Accept ends by it
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			work.Wait()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		work.Go(func() { s.talk(ctx, conn) })
	}
}

func (s *Server) talk(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		_ = conn.Close() // nothing is left unsent: each answer was flushed
	}()
	r, w := bufio.NewReader(conn), bufio.NewWriter(conn)
	for {
		var q request
		err := read(r, &q)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return
		}
		var a answer
		if err == nil {
			a, err = s.answer(&q)
		}
		if err != nil {
			f := fault.Of(err)
			a = answer{Code: f.Code, Why: err.Error()}
			s.logger.Warn("signing process refused", "verb", q.Verb, "code", f.Code)
		}
		broken := errors.Is(err, ErrRequest)
		if err := write(w, a); err != nil || broken {
			return
		}
	}
}

// answer does what is asked.
func (s *Server) answer(q *request) (a answer, err error) {
	id := vault.MonthID{Class: q.Class, Month: q.Month}
	copy(id.ID[:], q.ID)
	ring := s.held.Ring
	switch q.Verb {
	case verbHello:
		a.Master, a.Keys = ring.Master(), s.public
	case verbNewMonth:
		a.Months, err = one(ring.NewMonth(q.Class, q.Month, q.Turn))
	case verbRewrapMonth:
		if len(q.Months) != 1 {
			return a, ErrRequest
		}
		a.Months, err = one(ring.RewrapMonth(q.Months[0]))
	case verbLoadMonths:
		a.IDs, err = ring.LoadMonths(q.Months)
	case verbForgetMonth:
		ring.ForgetMonth(id)
	case verbWrap:
		if len(q.Data) != vault.KeySize {
			return a, ErrRequest
		}
		a.Data, err = ring.Wrap(nil, id, q.Data, q.Bound)
	case verbUnwrap:
		a.Data, err = ring.Unwrap(id, q.Data, q.Bound)
	case verbSealSecret:
		a.Data, err = ring.SealSecret(q.Name, q.Data)
	case verbOpenSecret:
		a.Data, err = ring.OpenSecret(q.Name, q.Data)
	case verbRewrapSecret:
		a.Data, err = ring.RewrapSecret(q.Name, q.Data)
	case verbSign:
		a.Data, err = s.sign(q.Key, q.Data)
	default:
		return a, ErrRequest
	}
	return a, err
}

func one(w vault.WrappedMonthKey, err error) ([]vault.WrappedMonthKey, error) {
	return []vault.WrappedMonthKey{w}, err
}

// sign signs what is of the key's sort: a digest with the receipt key, a
// checkpoint with the log's, a cosignature's text with the witness's. Whether a
// log goes on is its witnesses' to see: one that is signed and not committed is
// followed by another of the same size.
func (s *Server) sign(key string, data []byte) ([]byte, error) {
	switch key {
	case KeyReceipt:
		if len(data) != crypto.SHA256.Size() {
			return nil, ErrRefused
		}
		return s.held.Receipt.Sign(nil, data, crypto.SHA256)
	case KeyLog:
		if _, err := ledger.ParseCheckpointText(string(data)); err != nil {
			return nil, ErrRefused.Because(err)
		}
		return s.held.Log.Sign(nil, data, crypto.Hash(0))
	case KeyWitness:
		if !bytes.HasPrefix(data, []byte("cosignature/v1\ntime ")) {
			return nil, ErrRefused
		}
		return s.held.Witness.Sign(nil, data, crypto.Hash(0))
	}
	return nil, ErrRefused
}
