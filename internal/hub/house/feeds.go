package house

import (
	"context"
	"time"

	"lienthong/internal/bridge/feed"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/registry"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/web/databases"
)

// openFeeds wires the reading of other bodies' feeds of entries, and the door of
// databases for systems.
func (h *House) openFeeds(_ context.Context, p Parts) error {
	feeding, err := feeding.New(h.Steward, feeds{p, outbound.New(30 * time.Second), courier.NewCredentials(p.Slices.Secrets, p.Vault, p.Logger)})
	if err != nil {
		return err
	}
	h.Feeding, h.Pages.Databases.Feeds = feeding, feeding
	door, err := databases.New(databases.Deps{Caller: p.caller, Entries: h.Entries, Forms: h.Steward, Feeds: feeding, Logger: p.Logger})
	if err != nil {
		return err
	}
	h.Doors = append(h.Doors, door)
	h.Rounds = append(h.Rounds, Round{Every: 10 * time.Second, Failed: "feeds not read", Do: feeding.Round})
	return nil
}

// feeds reads feeds that an operator approved: the address a declaration names must
// be that of an entry in use, which also has the credential.
type feeds struct {
	Parts
	client  *outbound.Client
	secrets *courier.Credentials
}

// Read reads a page.
func (f feeds) Read(ctx context.Context, address, after string) (out feeding.Page, err error) {
	d, err := f.approved(ctx, address)
	if err != nil {
		return out, err
	}
	b, err := feed.New(f.client, d.URL, d.Private)
	if err != nil {
		return out, err
	}
	secret, err := f.secrets.Of(ctx, d.ID)
	if err != nil {
		return out, err
	}
	defer clear(secret)
	page, err := b.Read(ctx, secret, after)
	if err != nil {
		return out, err
	}
	out = feeding.Page{Next: page.Next, More: page.More, Lines: make([]feeding.Line, len(page.Lines))}
	for i, l := range page.Lines {
		out.Lines[i] = feeding.Line{Values: registry.Values(l.Values), Ended: l.Ended, Code: l.Code}
	}
	return out, nil
}

// approved is the entry of an address.
func (f feeds) approved(ctx context.Context, address string) (exchange.Destination, error) {
	list, _, err := f.Slices.Destinations.Destinations(ctx)
	if err != nil {
		return exchange.Destination{}, err
	}
	for _, d := range list {
		if d.Adapter == feed.AdapterName && d.URL == address && d.Ended.IsZero() && d.Paused.IsZero() {
			return d, nil
		}
	}
	return exchange.Destination{}, feeding.ErrUnapproved
}
