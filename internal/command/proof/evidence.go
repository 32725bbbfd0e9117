package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"lienthong/internal/agent"
	"lienthong/internal/bundle"
	"lienthong/internal/command"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/web/admin"
)

type EvidenceCmd struct {
	Hub        string `help:"Base URL of the hub, with --credential."`
	Credential string `help:"Credential file of the facility whose record it is." type:"existingfile"`
	Data       string `help:"Directory of a hub on this machine, with --reason." type:"path"`
	Reason     string `help:"Why it is opened: kept with the look."`
	Out        string `help:"File to write; default RECORD.evidence.zip. It must not exist." type:"path"`
	Record     string `arg:"" help:"The record."`
}

// Run gets the bundle from a hub over the network, or as the operator of one here.
func (c *EvidenceCmd) Run(ctx context.Context, s *command.Streams) error {
	if (c.Data == "") == (c.Credential == "") {
		return errWhence
	}
	if _, err := dossier.ParseID(c.Record); err != nil {
		return err
	}
	if c.Out == "" {
		c.Out = c.Record + ".evidence.zip"
	}
	var data []byte
	var err error
	if c.Data != "" {
		data, err = c.local(ctx)
	} else {
		data, err = c.remote(ctx)
	}
	if err != nil {
		return err
	}
	if err := command.WriteNew(c.Out, data); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, c.Out)
	return nil
}

func (c *EvidenceCmd) remote(ctx context.Context) ([]byte, error) {
	b, err := command.ReadPrivate(c.Credential)
	if err != nil {
		return nil, err
	}
	credential, err := agent.ParseCredential(b)
	if err != nil {
		return nil, err
	}
	client, err := agent.New(agent.Config{HubURL: c.Hub, Credential: credential})
	if err != nil {
		return nil, err
	}
	status, body, err := client.Get(ctx, "/api/v1/records/"+c.Record+"/evidence", bundle.MaxBundle)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, command.ErrNo
	case status != http.StatusOK:
		return nil, fmt.Errorf("the hub answered %d: %.300s", status, body)
	}
	return body, nil
}

// local asks the hub that runs there, else opens its store for the moment.
func (c *EvidenceCmd) local(ctx context.Context) ([]byte, error) {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return nil, err
	}
	client, err := admin.Dial(filepath.Join(p.Dir, command.SocketFile))
	if err == nil {
		return client.Evidence(ctx, command.Actor, c.Record, c.Reason)
	}
	if !errors.Is(err, admin.ErrNotRunning) {
		return nil, err
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	parts, err := h.Evidence(ctx, command.Actor, c.Record, c.Reason)
	if err == nil {
		err = bundle.Write(&out, parts)
	}
	return out.Bytes(), errors.Join(err, h.Close())
}

var errWhence = fault.New(fault.Invalid, "usage.choice",
	"Nêu --credential (và --hub) hoặc --data, chỉ một trong hai.",
	"Name either --credential (and --hub) or --data.")
