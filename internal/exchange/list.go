package exchange

import "slices"

// Destinations lists those in use, by their names.
func (p *Plan) Destinations() []Destination { return slices.Clone(p.destinations) }
