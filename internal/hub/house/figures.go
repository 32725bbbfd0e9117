package house

import (
	"context"

	"lienthong/internal/figure"
)

// openFigures wires what boards say and can be asked to say again.
func (h *House) openFigures(_ context.Context, p Parts) error {
	var err error
	if h.Figures, err = figure.New(figure.Deps{Figures: p.Slices.House.Figures, Checks: p.Slices.House.Boards, Counters: p.Slices.Counters, Ledger: p.Slices.Ledger,
		Directory: p.Directory, Pack: p.pack, Hub: p.Hub, Clock: p.Clock}); err != nil {
		return err
	}
	h.Jobs = append(h.Jobs, h.Figures.Jobs()...)
	return nil
}

// pack names the rules in force.
func (p Parts) pack() string { return p.Rules().String() }
