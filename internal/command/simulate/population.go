package simulate

import (
	"context"

	"lienthong/internal/bridge/population/simulator"
	"lienthong/internal/command"
)

type populationCmd struct {
	common
	Residents string `help:"JSON file: [{\"number\",\"name\",\"birth\" (yyyyMMdd),\"sex\",\"state\",\"by\"}], synthetic numbers only. Without it every synthetic number matches but those ending in 0." type:"path"`
}

// Run answers as the population database until it is told to stop.
func (c *populationCmd) Run(ctx context.Context, s *command.Streams) error {
	config := simulator.Config{Agree: c.Residents == "", Faults: c.faults()}
	if err := readJSON(c.Residents, &config.Residents); err != nil {
		return err
	}
	sim, err := simulator.New(config)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "population", sim)
}
