package custody

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"lienthong/internal/body"
	"lienthong/internal/command"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/reverify"
	"lienthong/internal/seal"
)

type AuditCmd struct {
	Data  string   `required:"" help:"The hub's directory." type:"existingdir"`
	Known []string `help:"Signed checkpoint known from elsewhere (a file, of a witness or an agent): shows a store that was set back." type:"existingfile"`
	Limit int      `default:"1000" help:"How many differences are listed."`
	JSON  bool     `name:"json" help:"As JSON."`
}

// Run walks the store: 0 nothing is different, 1 something is, 2 it could not
// be walked. It reads only, and may run beside the hub.
func (c *AuditCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	options := reverify.Options{Limit: c.Limit}
	for _, path := range c.Known {
		note, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		options.Known = append(options.Known, note)
	}
	if !c.JSON {
		options.Progress = func(p reverify.Progress) { fmt.Fprintf(s.Err, "%s: %d\n", p.Stage, p.Records) }
	}
	open, err := p.Open(command.Quiet().Logger)
	if err != nil {
		return err
	}
	slices, err := open(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, slices.Close()) }()
	deps, err := reverifyDeps(keys)
	if err != nil {
		return err
	}
	deps.Slices = slices
	x, err := reverify.New(deps)
	if err != nil {
		return err
	}
	report, err := x.Run(ctx, options)
	if err != nil {
		return err
	}
	if err := c.show(s, report); err != nil {
		return err
	}
	if !report.OK() {
		return command.ErrNo
	}
	return nil
}

// reverifyDeps makes what the re-verifier needs out of the hub's keys.
func reverifyDeps(keys keyring.Keys) (reverify.Deps, error) {
	v, err := keys.Vault()
	if err != nil {
		return reverify.Deps{}, err
	}
	codec, err := body.NewCodec()
	if err != nil {
		return reverify.Deps{}, err
	}
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return reverify.Deps{}, err
	}
	return reverify.Deps{Vault: v, Codec: codec, Kinds: hub.Kinds(), Seals: seals, LogKey: func(origin string) (string, error) {
		key, err := ledger.LogKeyFromSeed(origin, keys.LogSeed)
		if err != nil {
			return "", err
		}
		return key.Verifier(), nil
	}}, nil
}

func (c *AuditCmd) show(s *command.Streams, r *reverify.Report) error {
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	for _, d := range r.Differences {
		if _, err := fmt.Fprintf(s.Out, "%-20s %s %s %s: %s\n", d.Code, d.Table, d.Row, d.Field, d.Text.In(s.Lang)); err != nil {
			return err
		}
	}
	words := map[bool]string{true: "records %d, files %d, leaves %d, acts %d, looks %d, refusals %d: differences %d\n",
		false: "hồ sơ %d, tệp %d, mục sổ %d, việc quản trị %d, lượt xem %d, tệp từ chối %d: khác biệt %d\n"}
	_, err := fmt.Fprintf(s.Out, words[s.Lang == "en"], r.Records, r.Files, r.Leaves, r.Acts, r.Disclosures, r.Refusals, len(r.Differences)+r.More)
	for _, table := range slices.Sorted(maps.Keys(r.Unheld)) {
		_, e := fmt.Fprintf(s.Out, map[bool]string{true: "not held, its acts are older than the marks of rows: %s %d\n", false: "không đối chiếu được vì việc quản trị có trước khi có dấu của dòng: %s %d\n"}[s.Lang == "en"], table, r.Unheld[table])
		err = errors.Join(err, e)
	}
	for _, what := range r.Skipped {
		_, e := fmt.Fprintf(s.Out, map[bool]string{true: "not compared, the hub is at work: %s\n", false: "chưa so được vì hub đang làm việc: %s\n"}[s.Lang == "en"], what)
		err = errors.Join(err, e)
	}
	return err
}
