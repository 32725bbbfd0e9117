package measure

import (
	"context"
	"errors"
	"io"

	"lienthong/internal/admin"
	"lienthong/internal/bench"
	"lienthong/internal/bench/looks"
	"lienthong/internal/command"
	"lienthong/internal/web/gateway"
)

type benchLookCmd struct {
	stageSetup
	Patients int `default:"150" help:"People looked at."`
	Each     int `default:"1000" help:"How often each thing is timed."`
	Records  int `default:"10" help:"Records of a look."`
}

// Run measures decisions and looks.
func (c *benchLookCmd) Run(ctx context.Context, s *command.Streams) error {
	c.change = everywhere // one system asks for more people than it may
	st, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	patients, err := st.looks.Patients(ctx, 2*c.Dossiers, c.People, c.Records)
	if err != nil {
		return errors.Join(err, st.stop())
	}
	if patients, err = silent(ctx, st, patients, c.Patients); err != nil {
		return errors.Join(err, st.stop())
	}
	r, err := looks.Quick(ctx, looks.QuickConfig{Hub: st.looks, Patients: patients, Each: c.Each, Records: c.Records, Stored: st.stored})
	if err := errors.Join(err, st.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

// silent keeps those who have said nothing: not in an earlier run either.
func silent(ctx context.Context, st *stage, patients []looks.Patient, most int) (out []looks.Patient, err error) {
	for _, p := range patients {
		said, err := st.hub.Slices.Consents.Consents(ctx, p.Person, 1)
		if err != nil {
			return nil, err
		}
		if len(said) == 0 && len(out) < most {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, bench.ErrCorpus.Because(errors.New("everybody has said something in an earlier run"))
	}
	return out, nil
}

type benchRevokeCmd struct {
	stageSetup
	Rounds  int `default:"50" help:"How often a consent is given and taken back."`
	Readers int `default:"16" help:"Readers at once."`
}

// Run measures revocations.
func (c *benchRevokeCmd) Run(ctx context.Context, s *command.Streams) error {
	st, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	patients, err := st.looks.Patients(ctx, c.Dossiers, 1, 5)
	if err != nil {
		return errors.Join(err, st.stop())
	}
	r, err := looks.Revoke(ctx, looks.RevokeConfig{Hub: st.looks, Patient: patients[0], Rounds: c.Rounds, Readers: c.Readers})
	if err := errors.Join(err, st.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

type benchScrapeCmd struct {
	stageSetup
	Patients int `default:"10000" help:"People that are tried."`
}

// scraped are both ways of going through everybody.
type scraped struct {
	Names  looks.NamesResult  `json:"names"`
	Scrape looks.ScrapeResult `json:"scrape"`
}

// Print writes both tables.
func (r scraped) Print(w io.Writer) error { return errors.Join(r.Names.Print(w), r.Scrape.Print(w)) }

// Run goes through everybody.
func (c *benchScrapeCmd) Run(ctx context.Context, s *command.Streams) error {
	st, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	r, err := c.run(ctx, st)
	if err := errors.Join(err, st.stop()); err != nil {
		return err
	}
	return c.show(s, r)
}

// gatewayPassword is of the synthetic facility at the gateway of a hub that ends with the run.
const gatewayPassword = "mật khẩu để đo"

func (c *benchScrapeCmd) run(ctx context.Context, st *stage) (r scraped, err error) {
	patients, err := st.looks.Patients(ctx, c.Dossiers, c.Patients, 1)
	if err != nil {
		return r, err
	}
	code := string(st.looks.System.Facility)
	hash, err := gateway.Hash(gatewayPassword, gateway.Cost{Memory: 64, Time: 1, Lanes: 1})
	if err != nil {
		return r, err
	}
	if err := st.hub.Office.SetGateway(ctx, command.Actor, admin.Gateway{Code: code, User: code + "_BV", Hash: hash}); err != nil {
		return r, err
	}
	if err := st.hub.Trust.Refresh(ctx); err != nil {
		return r, err
	}
	if r.Names, err = looks.Names(ctx, looks.NamesConfig{Hub: st.looks, Patients: patients, User: code + "_BV", Password: gatewayPassword}); err != nil {
		return r, err
	}
	r.Scrape, err = looks.Scrape(ctx, looks.ScrapeConfig{Hub: st.looks, Patients: patients})
	return r, err
}
