package intake

import (
	"lienthong/internal/store/sqlite/file"
)

var insertLegs = file.Insert(`leg (facility, serial, destination, facility_version, kind, episode, file, ord, withdraws, lane, state, due, free, lease, holder,
 attempts, code, reference, created, sent, received, finalized, opened, changed, seq)`, `ON CONFLICT (facility, serial, destination) DO NOTHING`)

// writeLegs begins the legs of what is stored.
func (g *group) writeLegs() error {
	n := 0
	for _, x := range g.stored {
		n += len(x.Legs)
	}
	if n == 0 {
		return nil
	}
	seq, err := g.tx.LegSeq(n)
	if err != nil {
		return err
	}
	none := int64(0)
	args := make([]any, 0, 25*n)
	for _, x := range g.stored {
		at := file.Micros(x.Received)
		for _, l := range x.Legs {
			args = append(args, string(x.File.Facility), x.ID.Serial[:], l.Destination, x.FacilityVersion, x.Kind, x.Episode[:], x.File.Hash[:], x.row,
				file.Serial(x.Withdraws), int64(x.File.Lane), string(l.State), at, at, none, "", none, l.Code, "", at, none, none, none, none, at, seq)
			seq++
		}
	}
	_, err = g.tx.ExecBulk(insertLegs, args)
	return err
}
