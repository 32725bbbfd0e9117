package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/dictionary"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/kind"
	"lienthong/internal/synth"
)

type DictionaryCmd struct {
	Train     dictionaryTrainCmd     `cmd:"" help:"Train a compression dictionary on the store's own newest bodies and keep it, sealed, in the store."`
	Synthetic dictionarySyntheticCmd `cmd:"" help:"Train one on a synthetic nation and write it to a file: how the program's own was made."`
}

type dictionaryTrainCmd struct {
	Data    string `required:"" help:"The hub's directory." type:"existingdir"`
	Samples int    `default:"2000" help:"Bodies to learn from, at most; the newest."`
	Least   int    `default:"20" help:"Patients in whose bodies a phrase must stand to be learnt."`
}

// leastPatients is the least that may be asked for: a phrase of fewer could say
// who is in the store.
const leastPatients = 5

// Run trains; hubs on the store find the dictionary themselves and use it a
// minute later.
func (c *dictionaryTrainCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	if c.Least < leastPatients {
		return errLeast
	}
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	open, err := p.Open(command.Quiet().Logger)
	if err != nil {
		return err
	}
	kept, err := open(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	v, err := keys.Vault()
	if err != nil {
		return err
	}
	months, err := kept.Keys.Months(ctx)
	if err != nil {
		return err
	}
	if err := v.Load(months); err != nil {
		return err
	}
	codec, err := body.NewCodec()
	if err != nil {
		return err
	}
	shelf := dictionary.NewShelf(kept.Keys, v, codec, clock.System{})
	if err := shelf.Load(ctx); err != nil {
		return err
	}
	content, bodies, patients, err := dictionary.Learn(ctx, kept.Records, v, codec, dictionary.Lesson{Samples: c.Samples, Least: c.Least})
	if err != nil {
		return err
	}
	id, from, err := shelf.Put(ctx, content)
	if err != nil {
		return err
	}
	words := map[bool]string{true: "dictionary %d of %d bytes, from %d bodies of %d patients; used from %s\n",
		false: "từ điển nén %d gồm %d byte, từ %d hồ sơ của %d người bệnh; dùng từ %s\n"}
	_, err = fmt.Fprintf(s.Out, words[s.Lang == "en"], id, len(content), bodies, patients, from.In(clock.Hanoi).Format(time.DateTime))
	return err
}

type dictionarySyntheticCmd struct {
	Seed  uint64 `default:"77" help:"Seed of the synthetic nation."`
	Files int    `default:"600" help:"Files to learn from."`
	Least int    `default:"3" help:"Files in which a phrase must stand."`
	Out   string `required:"" help:"File to write." type:"path"`
}

// Run writes the dictionary.
func (c *dictionarySyntheticCmd) Run(_ context.Context, s *command.Streams) error {
	n, err := synth.New(synth.Config{Seed: c.Seed, Profile: synth.Pilot, DefectShare: -1})
	if err != nil {
		return err
	}
	var bodies []body.Sample
	for i := range c.Files {
		sub, err := n.At(i)
		if err != nil {
			return err
		}
		split, err := splitFile(hub.Kinds(), sub.XML)
		if err != nil {
			return err
		}
		who := fmt.Sprint(i)
		for k := range split.Dossiers() {
			bodies = append(bodies, body.NewSample(who, split.Dossier(k)))
		}
	}
	content, err := body.Train(bodies, body.Training{Least: c.Least})
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, content, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%d bytes\n", len(content))
	return err
}

func splitFile(kinds *kind.Registry, raw []byte) (body.File, error) {
	reader, err := kinds.Pick(raw)
	if err != nil {
		return body.File{}, err
	}
	opened, err := reader.Open(raw)
	if err != nil {
		return body.File{}, err
	}
	return body.Split(raw, opened.Spans(), opened.Extracts()...)
}

var errLeast = fault.New(fault.Invalid, "usage.value_form",
	"--least ít nhất là 5.",
	"--least is 5 at least.")
