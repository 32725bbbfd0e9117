package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/smallstep/pkcs7"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/facility"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

// Deps is what bundles are collected from.
type Deps struct {
	Disclose    *disclose.Discloser
	Receipts    *evidence.Desk
	Ledger      store.Ledger
	Stamps      store.Stamps
	Revocations store.Revocations
	Services    store.Services
	Cosigned    Cosigned
	Directory   func() *facility.Directory
	Kinds       *kind.Registry
	Seals       *seal.Verifier
}

// Cosigned gives the newest checkpoint of a log that a witness cosigned, with
// the cosignatures behind it; record.absent for none.
type Cosigned interface {
	Cosigned(ctx context.Context, log int) (checkpoint []byte, lines []string, err error)
}

// Collector collects the parts of bundles.
type Collector struct{ Deps }

// NewCollector returns a collector; every part of Deps is needed.
func NewCollector(d Deps) (*Collector, error) {
	if d.Disclose == nil || d.Receipts == nil || d.Ledger == nil || d.Stamps == nil || d.Revocations == nil || d.Services == nil ||
		d.Cosigned == nil || d.Directory == nil || d.Kinds == nil || d.Seals == nil {
		return nil, errors.New("bundle: a part is missing")
	}
	return &Collector{d}, nil
}

// Collect collects the bundle of a record for a reader. The look is durable
// before it returns. Faults are those of disclose.Discloser.Sent and Receipt.
func (c *Collector) Collect(ctx context.Context, reader disclose.Reader, id dossier.ID) (*Parts, error) {
	receipt, err := c.Disclose.Receipt(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	sent, redacted, err := c.Disclose.Sent(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	doc, err := ledger.ParseDocument(receipt)
	if err != nil {
		return nil, err
	}
	p := &Parts{Record: id.String(), Receipt: receipt, Original: sent.Bytes, Redacted: redacted, Seal: sent.Seal}
	for _, x := range sent.Papers {
		p.Papers = append(p.Papers, Paper{x.Bytes, x.Seal})
	}
	if err := c.signers(p); err != nil {
		return nil, err
	}
	own, err := ledger.ParseCheckpoint([]byte(doc.Checkpoint))
	if err != nil {
		return nil, err
	}
	log, err := strconv.Atoi(own.Origin[strings.LastIndexByte(own.Origin, '/')+1:])
	if err != nil {
		return nil, ErrParts.Because(err)
	}
	if err := c.later(ctx, p, log, own); err != nil {
		return nil, err
	}
	if err := c.stamp(ctx, p, log, own); err != nil {
		return nil, err
	}
	if err := c.above(ctx, reader, id, p); err != nil {
		return nil, err
	}
	return p, c.answers(ctx, p)
}

// Bundle collects a record's bundle and writes it. Faults are Collect's.
func (c *Collector) Bundle(ctx context.Context, reader disclose.Reader, id dossier.ID) (zip []byte, redacted bool, err error) {
	p, err := c.Collect(ctx, reader, id)
	if err != nil {
		return nil, false, err
	}
	var out bytes.Buffer
	out.Grow(len(p.Original) + 1<<16)
	err = Write(&out, p)
	return out.Bytes(), p.Redacted, err
}

// signers finds the certificates of the seals, with the issuers that came with
// them or that the directory knows.
func (c *Collector) signers(p *Parts) error {
	reader, err := c.Kinds.Pick(p.Original)
	if err != nil {
		return fmt.Errorf("bundle: reading the original again: %w", err)
	}
	file, err := reader.Open(p.Original)
	if err != nil {
		return fmt.Errorf("bundle: reading the original again: %w", err)
	}
	p.JSON = len(p.Original) > 0 && firstByte(p.Original) == '{'
	known := c.anchors()
	if p.Redacted {
		for _, cert := range extracts(file, p.Original) {
			p.Signers = append(p.Signers, upward(cert, nil, known))
		}
	} else {
		verdict, err := sealOf(c.Seals, file, p.Original, p.Seal)
		if err != nil {
			return fmt.Errorf("bundle: verifying the seal again: %w", err)
		}
		p.add(verdict, known)
	}
	for _, x := range p.Papers {
		verdict, err := c.Seals.VerifyDetached(x.Bytes, x.Seal)
		if err != nil {
			return fmt.Errorf("bundle: verifying a paper's seal again: %w", err)
		}
		p.add(verdict, known)
	}
	return nil
}

func firstByte(b []byte) byte {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func (p *Parts) add(v *seal.Verdict, known []*x509.Certificate) {
	for _, s := range v.Signatures {
		p.Signers = append(p.Signers, upward(s.Certificate, s.Chain, known))
	}
}

// anchors are the authorities of the directory.
func (c *Collector) anchors() []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range c.Directory().Anchors {
		if cert, err := x509.ParseCertificate(der); err == nil {
			out = append(out, cert)
		}
	}
	return out
}

// upward is a certificate followed by its issuers as far as they are known.
func upward(cert *x509.Certificate, with, known []*x509.Certificate) []*x509.Certificate {
	out := []*x509.Certificate{cert}
	for len(out) < maxChain {
		last := out[len(out)-1]
		issuer := issuerOf(last, with)
		if issuer == nil {
			issuer = issuerOf(last, known)
		}
		if issuer == nil {
			return out
		}
		out = append(out, issuer)
	}
	return out
}

func issuerOf(c *x509.Certificate, among []*x509.Certificate) *x509.Certificate {
	for _, x := range among {
		if !x.Equal(c) && string(x.RawSubject) == string(c.RawIssuer) && c.CheckSignatureFrom(x) == nil {
			return x
		}
	}
	return nil
}

// later takes the newest checkpoint that a witness cosigned where it covers the
// receipt, else the newest there is.
func (c *Collector) later(ctx context.Context, p *Parts, log int, own ledger.Checkpoint) error {
	head, err := c.Ledger.Head(ctx, log)
	if err != nil {
		return err
	}
	note := head.Checkpoint
	cosigned, lines, err := c.Cosigned.Cosigned(ctx, log)
	if err == nil {
		cp, err := ledger.ParseCheckpoint(cosigned)
		if err != nil {
			return err
		}
		if cp.Size >= own.Size {
			if note, err = ledger.WithCosignatures(cosigned, lines...); err != nil {
				return err
			}
		}
	} else if !errors.Is(err, store.ErrAbsent) {
		return err
	}
	proof, err := c.prove(ctx, log, own, note)
	p.Later = &ledger.LaterCheckpoint{Checkpoint: note, Consistency: proof}
	return err
}

func (c *Collector) prove(ctx context.Context, log int, own ledger.Checkpoint, note []byte) (ledger.Proof, error) {
	cp, err := ledger.ParseCheckpoint(note)
	if err != nil {
		return nil, err
	}
	proof, err := c.Receipts.Reader(log).ProveConsistency(ctx, own.Size, cp.Size)
	if err != nil {
		return nil, err
	}
	if !ledger.CheckConsistency(proof, own, cp) {
		return nil, ledger.ErrDamaged.Because(fmt.Errorf("size %d does not continue size %d", cp.Size, own.Size))
	}
	return proof, nil
}

// stamp takes the first time-stamp that covers the receipt.
func (c *Collector) stamp(ctx context.Context, p *Parts, log int, own ledger.Checkpoint) error {
	s, err := c.Stamps.Covering(ctx, log, own.Size)
	if errors.Is(err, store.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	note, err := c.Ledger.Checkpoint(ctx, log, s.Size)
	if err != nil {
		return err
	}
	proof, err := c.prove(ctx, log, own, []byte(note))
	if err != nil {
		return err
	}
	p.Stamp = &Stamp{Token: s.Token, Checkpoint: []byte(note), Consistency: proof}
	p.Stamp.Certificates, err = c.authority(ctx, s)
	return err
}

// authority are the certificates in a token, then those its entry was approved
// with.
func (c *Collector) authority(ctx context.Context, s *store.Stamp) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	if p7, err := pkcs7.Parse(s.Token); err == nil {
		out = append(out, p7.Certificates...)
	}
	list, err := c.Services.Services(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Kind != store.ServiceTSA || list[i].URL != s.Authority {
			continue
		}
		certs, err := x509.ParseCertificates(list[i].DER)
		if err != nil {
			return nil, err
		}
		out = append(out, certs...)
	}
	seen := map[[sha256.Size]byte]bool{}
	unique := out[:0]
	for _, cert := range out {
		if sum := sha256.Sum256(cert.Raw); !seen[sum] && len(unique) < maxChain {
			seen[sum] = true
			unique = append(unique, cert)
		}
	}
	return unique, nil
}

// answers takes the newest answer about each signer's certificate.
func (c *Collector) answers(ctx context.Context, p *Parts) error {
	for i, chain := range p.Signers {
		list, err := c.Revocations.Answers(ctx, sha256.Sum256(chain[0].Raw))
		if err != nil && !errors.Is(err, store.ErrAbsent) {
			return err
		}
		a := Answer{Signer: i, State: NotYetKnown}
		if len(list) > 0 {
			last := list[len(list)-1]
			a = Answer{Signer: i, State: last.State, Kind: last.Kind, Raw: last.Raw}
			if len(chain) == 1 { // a pinned certificate's issuer is known by the entry that answered
				issuer, err := c.issuer(ctx, last, chain[0])
				if err != nil {
					return err
				}
				if issuer != nil {
					p.Signers[i] = append(p.Signers[i], issuer)
				}
			}
		}
		p.Answers = append(p.Answers, a)
	}
	return nil
}

func (c *Collector) issuer(ctx context.Context, r store.Revocation, of *x509.Certificate) (*x509.Certificate, error) {
	list, err := c.Services.Services(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Kind != r.Kind || list[i].URL != r.Source {
			continue
		}
		certs, err := x509.ParseCertificates(list[i].DER)
		if err != nil {
			return nil, err
		}
		if x := issuerOf(of, certs); x != nil {
			return x, nil
		}
	}
	return nil, nil
}
