package simulate

import (
	"context"
	"fmt"
	"net/http"

	identities "lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/bridge/vneid/simulator"
	"lienthong/internal/command"
)

type vneidCmd struct {
	common
	Clients string `help:"JSON file: [{\"client_id\",\"client_secret\",\"facilities\":[...]}]. Without it everybody may log in." type:"path"`
	Books   string `help:"JSON file of books that exist already: [{\"so_cccd\",\"ma_so_bhxh\",\"ma_so\"}]." type:"path"`
	identity
	Make int `name:"make-books" default:"0" help:"So many synthetic books besides, of citizens 079990000001 and on."`
}

// Run answers as the health book until it is told to stop.
func (c *vneidCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	config := simulator.Config{Faults: c.faults()}
	if err := readJSON(c.Clients, &config.Clients); err != nil {
		return err
	}
	if err := readJSON(c.Books, &config.Books); err != nil {
		return err
	}
	for i := range c.Make {
		config.Books = append(config.Books, simulator.Book{Citizen: fmt.Sprintf("079990%06d", i+1)})
	}
	earlier, journal, end, err := c.journal()
	if err != nil {
		return err
	}
	defer closing(end, &err)
	config.Earlier, config.Journal = earlier, journal
	sim, err := simulator.New(config)
	if err != nil {
		return err
	}
	provider, err := c.provider("VNeID (giả lập) · VNeID (simulated)", c.Seed, citizens())
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	for _, p := range identities.Paths() { // the rest is the health book's
		mux.Handle(p.Method+" "+p.Path, provider)
	}
	return c.serve(ctx, s, "vneid", mux)
}
