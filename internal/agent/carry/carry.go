// Package carry takes files to a place with a line on a stick, and their
// receipts back. A package is one file: a compressed tar, encrypted with age
// under a passphrase that is made for it and told once. Another agent that may
// send for the facility imports it and sends; what it brings back counts only
// where a receipt bears the hub's signature.
//
// It sends nothing itself.
package carry

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/proof"
	"lienthong/internal/agent/spool"
	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrPackage (carry.package): it is no package, or a damaged one.
	ErrPackage = fault.New(fault.Invalid, "carry.package",
		"Đây không phải gói mang tay của agent, hoặc gói đã hỏng. Xuất lại gói.",
		"This is no package of an agent, or a damaged one. Export it again.")
	// ErrPassphrase (carry.passphrase): not the passphrase of this package.
	ErrPassphrase = fault.New(fault.Invalid, "carry.passphrase",
		"Mật khẩu không mở được gói này. Dùng mật khẩu đã hiện khi xuất gói.",
		"The passphrase does not open this package. Use the one told when it was exported.")
	// ErrFacility (carry.facility): of a facility this agent does not speak for.
	ErrFacility = fault.New(fault.Conflict, "carry.facility",
		"Gói này của cơ sở khác.", "This package is of another facility.")
)

const (
	form     = "lienthong-carry/1"
	headName = "head.json"
	// workFactor is log2 of scrypt's N: 32 MiB of memory. The passphrases made
	// here have 100 bits of their own.
	workFactor = 15
	maxMember  = 80 << 20
	maxMembers = 200_000
	window     = 8 << 20
	factPrefix = "carried/" // at the carrier's: what a file of a package became there
)

// head begins a package.
type head struct {
	Form     string            `json:"lienthong"`
	What     string            `json:"what"` // files, receipts
	Facility care.FacilityCode `json:"facility"`
	Made     time.Time         `json:"made_at"`
}

// bundle is the head of one file in a package of files; its payload follows.
type bundle struct {
	Ref  spool.Ref `json:"ref"`
	Name string    `json:"name"`
	Lane string    `json:"lane"`
}

// verdict is one answer in a package of receipts.
type verdict struct {
	Ref  spool.Ref       `json:"ref"`
	N    int             `json:"n"`
	Line json.RawMessage `json:"line"`
}

// Passphrase makes a passphrase: 20 letters and digits in groups.
func Passphrase() (string, error) {
	var b [13]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("carry: %w", err)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])[:20]
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:16], text[16:]}, "-"), nil
}

// normal is a passphrase as it is used, however it was typed.
func normal(typed string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\r' || r == '\n' || r == '\t' {
			return -1
		}
		return r
	}, typed))
}

// writer writes a package.
type writer struct {
	tar  *tar.Writer
	ends []io.Closer
}

func begin(to io.Writer, passphrase string, h head) (*writer, error) {
	r, err := age.NewScryptRecipient(normal(passphrase))
	if err != nil {
		return nil, ErrPassphrase.Because(err)
	}
	r.SetWorkFactor(workFactor)
	a, err := age.Encrypt(to, r)
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	z, err := zstd.NewWriter(a, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	w := &writer{tar: tar.NewWriter(z), ends: []io.Closer{z, a}}
	return w, w.json(headName, h)
}

func (w *writer) json(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("carry: %w", err)
	}
	return w.member(name, b)
}

func (w *writer) member(name string, b []byte) error {
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(b))}); err != nil {
		return fmt.Errorf("carry: %w", err)
	}
	if _, err := w.tar.Write(b); err != nil {
		return fmt.Errorf("carry: %w", err)
	}
	return nil
}

func (w *writer) end() error {
	return errors.Join(w.tar.Close(), w.ends[0].Close(), w.ends[1].Close())
}

// Files writes what is ready to be sent, urgent first, at most limit bytes of
// it, and returns the ids of what is in the package: they are the caller's to
// mark once the package is safe on the stick.
func Files(ctx context.Context, s *spool.Spool, facility care.FacilityCode, to io.Writer, passphrase string, limit int64, now time.Time) (ids []int64, err error) {
	w, err := begin(to, passphrase, head{form, "files", facility, now})
	if err != nil {
		return nil, err
	}
	var size int64
	for after := int64(0); ; {
		list, err := s.List(ctx, spool.Ready, after, 100)
		if err != nil {
			return nil, err
		}
		for _, i := range list {
			after = i.ID
			if size += i.Size; limit > 0 && size > limit {
				return ids, w.end()
			}
			p, err := s.Payload(ctx, i.ID)
			if err != nil {
				return nil, err
			}
			if err := w.json(string(i.Ref)+".json", bundle{i.Ref, i.Name, i.Lane.String()}); err != nil {
				return nil, err
			}
			if err := w.member(string(i.Ref)+".payload", spool.Pack(p)); err != nil {
				return nil, err
			}
			ids = append(ids, i.ID)
		}
		if len(list) == 0 {
			return ids, w.end()
		}
	}
}

// Receipts writes the hub's answers to everything that was imported here, and
// returns how many.
func Receipts(ctx context.Context, s *spool.Spool, facility care.FacilityCode, to io.Writer, passphrase string, now time.Time) (n int, err error) {
	w, err := begin(to, passphrase, head{form, "receipts", facility, now})
	if err != nil {
		return 0, err
	}
	carried, err := s.Facts(ctx, factPrefix)
	if err != nil {
		return 0, err
	}
	for name, here := range carried {
		entries, err := s.Answers(ctx, spool.Ref(here))
		if err != nil {
			return n, err
		}
		for _, e := range entries {
			v := verdict{spool.Ref(strings.TrimPrefix(name, factPrefix)), e.N, e.Line}
			if err := w.json(fmt.Sprintf("%s-%d.json", v.Ref, v.N), v); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, w.end()
}

// Taken says what became of a package.
type Taken struct {
	What     string `json:"what"`
	Files    int    `json:"files"`    // taken in, of a package of files
	Known    int    `json:"known"`    // of them taken before
	Answers  int    `json:"answers"`  // written down, of a package of receipts
	Unproved int    `json:"unproved"` // answers without a receipt that bears the hub's signature: left out
	Closed   int    `json:"closed"`   // files that are decided by them
}

// Import takes a package in: files are taken to be sent from here, receipts are
// written into the journal. Nothing of a damaged package is believed beyond
// what was read whole before. Faults: carry.package, carry.passphrase,
// carry.facility; the spool's.
func Import(ctx context.Context, s *spool.Spool, facility care.FacilityCode, keys []home.ReceiptKey, from io.Reader, passphrase string) (t Taken, err error) {
	id, err := age.NewScryptIdentity(normal(passphrase))
	if err != nil {
		return t, ErrPassphrase.Because(err)
	}
	id.SetMaxWorkFactor(workFactor)
	plain, err := age.Decrypt(from, id)
	if err != nil {
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return t, ErrPassphrase.Because(err)
		}
		return t, ErrPackage.Because(err)
	}
	z, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return t, ErrPackage.Because(err)
	}
	defer z.Close()
	in := &reader{tar: tar.NewReader(z)}
	var h head
	if err := in.json(headName, &h); err != nil {
		return t, err
	}
	if h.Form != form || h.What != "files" && h.What != "receipts" {
		return t, ErrPackage
	}
	if h.Facility != facility {
		return t, ErrFacility
	}
	if t.What = h.What; h.What == "files" {
		return t, takeFiles(ctx, s, in, &t)
	}
	return t, takeReceipts(ctx, s, in, keys, &t)
}

// reader reads the members of a package, in their order.
type reader struct {
	tar *tar.Reader
	n   int
}

// next reads a member; io.EOF after the last.
func (r *reader) next() (name string, b []byte, err error) {
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return "", nil, io.EOF
	}
	if r.n++; err != nil || h.Typeflag != tar.TypeReg || h.Size > maxMember || r.n > maxMembers {
		return "", nil, ErrPackage.Because(err)
	}
	if b, err = io.ReadAll(r.tar); err != nil {
		return "", nil, ErrPackage.Because(err)
	}
	return h.Name, b, nil
}

func (r *reader) json(want string, v any) error {
	name, b, err := r.next()
	if err != nil || name != want {
		return ErrPackage.Because(err)
	}
	if json.Unmarshal(b, v) != nil {
		return ErrPackage
	}
	return nil
}

func takeFiles(ctx context.Context, s *spool.Spool, in *reader, t *Taken) error {
	for {
		_, b, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var i bundle
		if json.Unmarshal(b, &i) != nil || !i.Ref.Valid() {
			return ErrPackage
		}
		lane, err := store.ParseLane(i.Lane)
		if err != nil {
			return ErrPackage.Because(err)
		}
		name, packed, err := in.next()
		if err != nil || name != string(i.Ref)+".payload" {
			return ErrPackage.Because(err)
		}
		p, err := spool.Unpack(packed)
		if err != nil {
			return ErrPackage.Because(err)
		}
		put, err := s.Put(ctx, spool.New{Name: i.Name, Source: "import", Lane: lane, Payload: p})
		if err != nil {
			return err
		}
		if err := s.Remember(ctx, factPrefix+string(i.Ref), []byte(put[0].Ref)); err != nil {
			return err
		}
		if t.Files++; !put[0].Fresh {
			t.Known++
		}
	}
}

func takeReceipts(ctx context.Context, s *spool.Spool, in *reader, keys []home.ReceiptKey, t *Taken) error {
	public, err := proof.KeysOf(keys)
	if err != nil {
		return err
	}
	for {
		_, b, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var v verdict
		if json.Unmarshal(b, &v) != nil || !v.Ref.Valid() || v.N < 0 {
			return ErrPackage
		}
		i, err := s.Get(ctx, v.Ref)
		if errors.Is(err, spool.ErrAbsent) { // of another machine, or forgotten since
			t.Unproved++
			continue
		}
		if err != nil {
			return err
		}
		a, ok := proved(i, v, public)
		if ok {
			ok, err = fits(ctx, s, i, a)
		}
		if err != nil {
			return err
		}
		if !ok {
			t.Unproved++
			continue
		}
		closed, err := s.Apply(ctx, []spool.Answer{a})
		if err != nil {
			return err
		}
		t.Answers++
		t.Closed += closed
	}
}

// fits reports whether an answer may stand where the package puts it. A receipt
// names file and record but not the place in the file: told of two places, one
// receipt would close a file whose other dossiers no hub has.
func fits(ctx context.Context, s *spool.Spool, i spool.Item, a spool.Answer) (bool, error) {
	if i.Dossiers > 0 && a.N >= i.Dossiers {
		return false, nil
	}
	known, err := s.Answers(ctx, i.Ref)
	if err != nil {
		return false, err
	}
	for _, e := range known {
		if e.Record == a.Record && e.N != a.N {
			return false, nil
		}
	}
	return true, nil
}

// proved makes an answer that was carried an entry of the journal, when its
// receipt bears the hub's signature and names the very file.
func proved(i spool.Item, v verdict, keys proof.Keys) (spool.Answer, bool) {
	r, err := keys.Read(v.Line)
	if err != nil || !r.Names(i.SHA) {
		return spool.Answer{}, false
	}
	var x struct {
		Findings []struct {
			Code     string     `json:"code"`
			Severity string     `json:"severity"`
			Message  fault.Text `json:"message"`
			Hint     fault.Text `json:"hint"`
		} `json:"findings"`
	}
	if json.Unmarshal(v.Line, &x) != nil {
		return spool.Answer{}, false
	}
	a := spool.Answer{Item: i.ID, N: v.N, Record: r.Record, At: r.At, Kind: r.Kind, Episode: r.Episode, Own: true, Line: bytes.Clone(v.Line)}
	switch r.State {
	case "accepted":
		a.Outcome = spool.WasAccepted
	case "accepted_with_warnings":
		a.Outcome = spool.WasWarned
	case "rejected":
		a.Outcome = spool.WasRejected
		for _, f := range x.Findings {
			if f.Severity == "error" {
				a.Reasons = append(a.Reasons, spool.Reason{Code: f.Code, Said: f.Message, Hint: f.Hint})
			}
		}
	default:
		return spool.Answer{}, false
	}
	return a, true
}
