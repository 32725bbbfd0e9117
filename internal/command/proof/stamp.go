package proof

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/stamp"
	"lienthong/internal/store"
	webadmin "lienthong/internal/web/admin"
)

type TrustTSACmd struct {
	Data    string `required:"" help:"Directory of the hub." type:"path"`
	URL     string `required:"" name:"url" help:"Address of the time-stamp authority (RFC 3161 over HTTP)."`
	Private bool   `help:"It lies on a private network or on this machine."`
	CA      string `arg:"" name:"ca.pem" help:"The root (and others) its signing certificate is issued under." type:"existingfile"`
}

// Run approves a time-stamp authority.
func (c *TrustTSACmd) Run(ctx context.Context, s *command.Streams) error {
	return approve(ctx, s, c.Data, c.CA, admin.Service{Kind: store.ServiceTSA, URL: c.URL, Private: c.Private})
}

type TrustRevocationCmd struct {
	Data    string `required:"" help:"Directory of the hub." type:"path"`
	OCSP    string `name:"ocsp" help:"Address of the issuer's OCSP responder."`
	CRL     string `name:"crl" help:"Address of the issuer's revocation list."`
	Private bool   `help:"They lie on a private network or on this machine."`
	Issuer  string `arg:"" name:"issuer.pem" help:"The issuer they answer for." type:"existingfile"`
}

// Run approves an issuer's revocation services.
func (c *TrustRevocationCmd) Run(ctx context.Context, s *command.Streams) error {
	var list []admin.Service
	for kind, url := range map[string]string{store.ServiceOCSP: c.OCSP, store.ServiceCRL: c.CRL} {
		if url != "" {
			list = append(list, admin.Service{Kind: kind, URL: url, Private: c.Private})
		}
	}
	if len(list) == 0 {
		return errNoService
	}
	return approve(ctx, s, c.Data, c.Issuer, list...)
}

type TrustEndCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	Kind string `required:"" enum:"tsa,ocsp,crl" help:"tsa, ocsp or crl."`
	URL  string `required:"" name:"url" help:"Address that is no longer to be called."`
}

// Run ends an approved service.
func (c *TrustEndCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.EndService(ctx, command.Actor, c.Kind, c.URL); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "ended")
		return nil
	})
}

func approve(ctx context.Context, s *command.Streams, dir, file string, list ...admin.Service) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return command.Administer(ctx, dir, func(a webadmin.Acts) error {
		for _, v := range list {
			v.PEM = string(text)
			if err := a.AddService(ctx, command.Actor, v); err != nil {
				return err
			}
			fmt.Fprintf(s.Out, "approved %s %s\n", v.Kind, v.URL)
		}
		return nil
	})
}

type StampCmd struct {
	Verify stampVerifyCmd `cmd:"" help:"Verify a time-stamp over a checkpoint offline, with nothing but the authority's root."`
}

type stampVerifyCmd struct {
	CA         string `required:"" name:"ca" help:"The authority's root (PEM)." type:"existingfile"`
	Checkpoint string `required:"" help:"The signed note, byte for byte." type:"existingfile"`
	Token      string `arg:"" name:"token" help:"TimeStampToken, DER, as /ledger/<n>/stamp/<size> gives it." type:"existingfile"`
	JSON       bool   `name:"json" help:"Answer in JSON."`
}

// Run tells the proven time: exit 0, or 1 when the token proves none.
func (c *stampVerifyCmd) Run(_ context.Context, s *command.Streams) error {
	var files [3][]byte
	for i, name := range []string{c.CA, c.Checkpoint, c.Token} {
		var err error
		if files[i], err = os.ReadFile(name); err != nil {
			return err
		}
	}
	var trust stamp.Trust
	for rest := files[0]; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("%s: %w", c.CA, err)
		}
		trust.Roots = append(trust.Roots, root)
	}
	if len(trust.Roots) == 0 {
		return fmt.Errorf("%s holds no certificate", c.CA)
	}
	cp, err := ledger.ParseCheckpoint(files[1])
	if err != nil {
		return err
	}
	answer := struct {
		OK        bool       `json:"ok"`
		Code      string     `json:"code,omitempty"`
		Origin    string     `json:"origin"`
		Size      uint64     `json:"size"`
		Time      *time.Time `json:"time,omitempty"`
		Authority string     `json:"authority,omitempty"`
		NotAfter  *time.Time `json:"not_after,omitempty"`
	}{Origin: cp.Origin, Size: cp.Size}
	p, err := stamp.Verify(files[2], sha256.Sum256(files[1]), trust)
	if err != nil {
		answer.Code = fault.Of(err).Code
	} else {
		answer.OK, answer.Time, answer.Authority, answer.NotAfter = true, &p.Time, p.Certificate.Subject.String(), &p.NotAfter
	}
	if c.JSON {
		if err := command.WriteJSON(s.Out, answer); err != nil {
			return err
		}
	} else if answer.OK {
		fmt.Fprintf(s.Out, "%s size %d existed at %s, says %s (the signature of the log itself: lienthong verify)\n", cp.Origin, cp.Size, p.Time.Format(time.RFC3339), answer.Authority)
	} else {
		command.Report(s.Out, s.Lang, err)
	}
	if !answer.OK {
		return command.ErrNo
	}
	return nil
}

var errNoService = fault.New(fault.Invalid, "usage.flag_missing",
	"Nêu --ocsp, --crl hoặc cả hai.",
	"Give --ocsp, --crl or both.")
