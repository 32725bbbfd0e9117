package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/command"
	"lienthong/internal/command/delivery"
	"lienthong/internal/command/proof"
	"lienthong/internal/fault"
	webadmin "lienthong/internal/web/admin"
)

type initCmd struct {
	Data     string `required:"" help:"Directory of the hub." type:"path"`
	Keys     string `help:"Directory of the keys; default DIR.keys, beside it." type:"path"`
	Database string `help:"File (mode 0600) that holds a PostgreSQL URL; default the embedded store." type:"path"`
	Name     string `help:"Name of the hub, as receipts and the ledger say it." default:"lienthong.local"`
}

// Run makes directory, keys and tables.
func (c *initCmd) Run(ctx context.Context, s *command.Streams) error {
	if c.Keys == "" {
		c.Keys = filepath.Clean(c.Data) + ".keys"
	}
	p, err := command.MakePlace(c.Data, command.PlaceFile{Name: c.Name, Keys: c.Keys, Database: c.Database})
	if err != nil {
		return err
	}
	key, err := p.Prepare(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "hub %s: data in %s, keys in %s\n", p.Name, p.Dir, p.Keys)
	fmt.Fprintf(s.Out, "log key: %s\n", key)
	return nil
}

type migrateCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// Run opens the store, which brings its tables up to date.
func (c *migrateCmd) Run(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	open, err := p.Open(command.Quiet().Logger)
	if err != nil {
		return err
	}
	slices, err := open(ctx, nil)
	if err != nil {
		return err
	}
	if err := slices.Close(); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "the store's tables are up to date")
	return nil
}

type trustCmd struct {
	Add        trustAddCmd              `cmd:"" help:"Trust an authority: certificates it issues bind by the tax code in their subject."`
	TSA        proof.TrustTSACmd        `cmd:"" name:"tsa" help:"Approve a time-stamp authority."`
	Revocation proof.TrustRevocationCmd `cmd:"" help:"Approve an issuer's OCSP responder or revocation list."`
	End        proof.TrustEndCmd        `cmd:"" help:"Call an approved service no more."`
}

type trustAddCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	CA   string `arg:"" name:"ca.pem" help:"The authority's certificate." type:"existingfile"`
}

// Run adds the anchor.
func (c *trustAddCmd) Run(ctx context.Context, s *command.Streams) error {
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.AddAnchor(ctx, command.Actor, string(text)); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "trusted")
		return nil
	})
}

type facilityCmd struct {
	Add        facilityAddCmd             `cmd:"" help:"Register a facility; a known code gets a new version, --cert adds."`
	Credential credentialCmd              `cmd:"" help:"Give a facility's systems a key to log in with."`
	Revoke     revokeCmd                  `cmd:"" help:"End a certificate's right to seal, or a credential."`
	Gateway    gatewayCmd                 `cmd:"" help:"Give a HIS an account of the drop-in gateway, end one, or list them."`
	Invite     inviteCmd                  `cmd:"" help:"Print a one-time code for a facility's agent to enrol with."`
	Approve    approveCmd                 `cmd:"" help:"Let in a system that enrolled and waits for a second person."`
	Enrolment  enrolmentCmd               `cmd:"" help:"Say whether a second person must approve what enrols."`
	Waiting    waitingCmd                 `cmd:"" help:"List who waits for approval, and senders whose sequence forked."`
	Secret     delivery.FacilitySecretCmd `cmd:"" help:"Keep a facility's credential for a destination; it comes on stdin."`
}

type facilityAddCmd struct {
	Data      string   `required:"" help:"Directory of the hub." type:"path"`
	Code      string   `required:"" help:"MA_CSKCB, 5 characters."`
	Name      string   `help:"Name."`
	Province  string   `help:"Province, two digits of the 34."`
	Level     string   `help:"central, provincial, regional or commune."`
	Type      string   `help:"hospital, clinic, station..."`
	Ward      string   `help:"Ward, five digits."`
	ManagedBy string   `help:"Id of the managing unit."`
	Vendor    string   `help:"Maker of its hospital system."`
	TaxCode   string   `help:"Registered tax code: binds certificates of trusted authorities."`
	Migrating string   `help:"on: its files come in a declared migration, seals may be expired; off: no more." enum:",on,off" default:""`
	Cert      []string `help:"Certificate (PEM) to pin; may be repeated." type:"existingfile"`
}

// Run registers the facility.
func (c *facilityAddCmd) Run(ctx context.Context, s *command.Streams) error {
	f := admin.Facility{Code: c.Code, Name: c.Name, Level: c.Level, Type: c.Type, Province: c.Province, Ward: c.Ward,
		Unit: c.ManagedBy, Vendor: c.Vendor, TaxCode: c.TaxCode, Migrating: c.Migrating}
	for _, path := range c.Cert {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f.Certificates = append(f.Certificates, string(text))
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.AddFacility(ctx, command.Actor, f); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "facility %s registered\n", c.Code)
		return nil
	})
}

type credentialCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	Code string `required:"" help:"MA_CSKCB of the facility."`
	Out  string `required:"" help:"File to write; must not exist." type:"path"`
}

// Run makes a key, registers its public half and writes the credential file.
func (c *credentialCmd) Run(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		b, err := command.NewCredential(ctx, a, p.Name, c.Code)
		if err != nil {
			return err
		}
		if err := command.WriteNew(c.Out, b); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "credential of %s written to %s\n", c.Code, c.Out)
		return nil
	})
}

type revokeCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Code   string `required:"" help:"MA_CSKCB of the facility."`
	Cert   string `help:"Certificate (PEM) to revoke." type:"existingfile"`
	Client string `help:"Client id of a credential to revoke."`
}

// Run revokes.
func (c *revokeCmd) Run(ctx context.Context, s *command.Streams) error {
	if (c.Cert == "") == (c.Client == "") {
		return errRevoked
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if c.Client != "" {
			if err := a.RevokeClient(ctx, command.Actor, c.Client); err != nil {
				return err
			}
			fmt.Fprintf(s.Out, "credential %s revoked\n", c.Client)
			return nil
		}
		text, err := os.ReadFile(c.Cert)
		if err != nil {
			return err
		}
		if err := a.RevokeCertificate(ctx, command.Actor, c.Code, string(text)); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "certificate revoked for %s\n", c.Code)
		return nil
	})
}

type personCmd struct {
	Unlink   unlinkCmd   `cmd:"" help:"Take the patient of a record from the person it was linked to."`
	Features featuresCmd `cmd:"" help:"Let people linked before release 5 be found in an emergency without a name: opens the newest record of each who has nothing to be found by, and writes every such opening to the log."`
	Verify   verifyCmd   `cmd:"" help:"Ask the population register about the patient of a record, now."`
}

type featuresCmd struct {
	Data  string `required:"" help:"Directory of the hub." type:"path"`
	Limit int    `default:"1000" help:"How many people at most; run it again for the rest."`
	JSON  bool   `name:"json" help:"As JSON."`
}

// Run fills. It goes on where an earlier run was cut off.
func (c *featuresCmd) Run(ctx context.Context, s *command.Streams) error {
	if c.Limit < 1 || c.Limit > 100_000 {
		return errLimit
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		done, err := a.FillFeatures(ctx, command.Actor, c.Limit)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.Out).Encode(done)
		}
		rest := ""
		if done.More {
			rest = "; there are more, run it again"
		}
		_, err = fmt.Fprintf(s.Out, "%d filled, %d of whom no record says enough%s\n", done.Filled, done.Without, rest)
		return err
	})
}

type verifyCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Record string `arg:"" help:"A record of the patient."`
}

// Run asks. Whatever the answer, no record and no link changes.
func (c *verifyCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		v, err := a.VerifyPerson(ctx, command.Actor, c.Record)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.Out, "%s\t%s\t%s\t%s\n", v.Answer, strings.Join(v.Differs, ","), v.By, v.At.Format(time.RFC3339))
		return err
	})
}

type unlinkCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Reason string `required:"" help:"Why, 3 to 500 characters; kept with the link's history."`
	JSON   bool   `name:"json" help:"Who saw, as JSON."`
	Record string `arg:"" help:"A record of the patient."`
}

// Run unlinks. Records stay where they are, and the two are not linked again by themselves.
func (c *unlinkCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		saw, err := a.Unlink(ctx, command.Actor, c.Record, c.Reason)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(s.Out).Encode(map[string]any{"record": c.Record, "unlinked": true, "saw": saw})
		}
		fmt.Fprintf(s.Out, "the patient of %s is no longer linked\n%d looks at the two as one:\n", c.Record, len(saw))
		for _, l := range saw {
			fmt.Fprintf(s.Out, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.At.Format(time.RFC3339), l.Reader, l.Staff, l.Role, l.Basis, l.Record)
		}
		return nil
	})
}

type linkCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	Role string `required:"" help:"operator, ministry, unit:ID, province:NN, facility:CODE, insurer, partner:ID or auditor."`
	Next string `help:"Page to open first." default:"/"`
}

// Run prints a login link that works once within ten minutes.
func (c *linkCmd) Run(ctx context.Context, s *command.Streams) error {
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		token, err := a.MakeLink(ctx, command.Actor, c.Role, c.Next)
		if err != nil {
			return err
		}
		base := "http://127.0.0.1:8080"
		if client, ok := a.(*webadmin.Client); ok && client.Base() != "" {
			base = client.Base()
		}
		fmt.Fprintln(s.Out, command.LoginURL(base, token))
		return nil
	})
}

var (
	errRevoked = fault.New(fault.Invalid, "usage.choice",
		"Nêu --cert hoặc --client, chỉ một trong hai.", "Name either --cert or --client.")
	errLimit = fault.New(fault.Invalid, "usage.value_form", "--limit là 1 đến 100000.", "--limit is 1 to 100000.")
)
