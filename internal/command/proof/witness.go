package proof

import (
	"context"
	"fmt"

	"lienthong/internal/admin"
	"lienthong/internal/command"
	"lienthong/internal/hub/keyring"
	webadmin "lienthong/internal/web/admin"
)

type WitnessCmd struct {
	Key     witnessKeyCmd     `cmd:"" help:"Print the key others know this hub's cosignatures by."`
	Trust   witnessTrustCmd   `cmd:"" help:"Cosign the log of another hub from now on."`
	Untrust witnessUntrustCmd `cmd:"" help:"Cosign it no longer."`
	Add     witnessAddCmd     `cmd:"" help:"Ask another node to cosign this hub's log."`
	End     witnessEndCmd     `cmd:"" help:"Ask it no longer."`
}

type witnessKeyCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// Run prints the verifier line.
func (c *witnessKeyCmd) Run(s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	key, err := keyring.WitnessKey(p.Name, keys)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out, key)
	return nil
}

type witnessTrustCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	LogKey string `name:"log-key" required:"" help:"Verifier key of the other hub's log."`
}

// Run begins to watch a log.
func (c *witnessTrustCmd) Run(ctx context.Context, s *command.Streams) error {
	return changeWitness(ctx, s, c.Data, admin.WitnessChange{Do: admin.WitnessTrust, Key: c.LogKey}, "watched")
}

type witnessUntrustCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	LogKey string `name:"log-key" required:"" help:"Verifier key of the other hub's log."`
}

// Run ends watching a log.
func (c *witnessUntrustCmd) Run(ctx context.Context, s *command.Streams) error {
	return changeWitness(ctx, s, c.Data, admin.WitnessChange{Do: admin.WitnessUntrust, Key: c.LogKey}, "no longer watched")
}

type witnessAddCmd struct {
	Data    string `required:"" help:"Directory of the hub." type:"path"`
	URL     string `name:"url" required:"" help:"URL of the node."`
	Key     string `required:"" help:"Its witness key, as its own 'witness key' prints it."`
	Private bool   `help:"It may lie on a private network or on this machine."`
}

// Run adds a witness.
func (c *witnessAddCmd) Run(ctx context.Context, s *command.Streams) error {
	return changeWitness(ctx, s, c.Data, admin.WitnessChange{Do: admin.WitnessAdd, Key: c.Key, URL: c.URL, Private: c.Private}, "asked from now on")
}

type witnessEndCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	Key  string `required:"" help:"Its witness key."`
}

// Run ends asking a witness.
func (c *witnessEndCmd) Run(ctx context.Context, s *command.Streams) error {
	return changeWitness(ctx, s, c.Data, admin.WitnessChange{Do: admin.WitnessEnd, Key: c.Key}, "asked no longer")
}

func changeWitness(ctx context.Context, s *command.Streams, dir string, change admin.WitnessChange, done string) error {
	return command.Administer(ctx, dir, func(a webadmin.Acts) error {
		if err := a.Witness(ctx, command.Actor, change); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, done)
		return nil
	})
}
