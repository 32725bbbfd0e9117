package intake

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/legs"
)

// leg is a delivery to be begun.
type leg struct {
	*store.Prepared
	start store.LegStart
	nth   int64
}

// writeLegs begins the legs of what is stored. It takes their numbers, which every
// other commit of the same facilities waits for, so it goes last.
func (g *group) writeLegs(b *pgx.Batch) {
	var numbers legs.Numbers
	var all []leg
	for _, p := range g.stored {
		for _, start := range p.Legs {
			all = append(all, leg{p, start, numbers.Next(string(p.ID.Facility))})
		}
	}
	if len(all) == 0 {
		return
	}
	numbers.Queue(b)
	b.Queue(`INSERT INTO leg (facility, serial, destination, facility_version, kind, episode, file, ord, version, withdraws, lane, state, due, free, lease, holder,
			attempts, code, reference, created, sent, received, finalized, opened, changed, seq)
		SELECT k.facility, k.serial, k.destination, k.facility_version, k.kind, k.episode, k.file, k.at, k.version, k.withdraws, k.lane, k.state, k.at, k.at, 0, '',
			0, k.code, '', k.at, 0, 0, 0, 0, k.at, `+legs.LastSeq+` - k.back
		FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[], $9::integer[], $10::uuid[],
			$11::smallint[], $12::text[], $13::text[], $14::bigint[])
			AS k (facility, serial, destination, facility_version, kind, episode, file, at, version, withdraws, lane, state, code, back)
		ON CONFLICT (facility, serial, destination) DO NOTHING`,
		handle.Column(all, func(l leg) string { return string(l.ID.Facility) }),
		handle.Column(all, func(l leg) pgtype.UUID { return handle.UUID(l.ID.Serial) }),
		handle.Column(all, func(l leg) string { return l.start.Destination }),
		handle.Column(all, func(l leg) int64 { return l.FacilityVersion }),
		handle.Column(all, func(l leg) string { return l.Kind }),
		handle.Column(all, func(l leg) []byte { return handle.Hash(l.Episode) }),
		handle.Column(all, func(l leg) []byte { return handle.Hash(l.File.Hash) }),
		handle.Column(all, func(l leg) int64 { return handle.Micros(l.Received) }),
		handle.Column(all, orderOf),
		handle.Column(all, func(l leg) pgtype.UUID { return handle.UUID(l.Withdraws.Serial) }),
		handle.Column(all, func(l leg) int16 { return int16(l.File.Lane) }),
		handle.Column(all, func(l leg) string { return string(l.start.State) }),
		handle.Column(all, func(l leg) string { return l.start.Code }),
		handle.Column(all, func(l leg) int64 { return numbers.Back(string(l.ID.Facility), l.nth) }))
}

// orderOf orders what came in one microsecond: a withdrawal comes after every version.
func orderOf(l leg) int32 {
	if !l.Withdraws.IsZero() {
		return 1<<31 - 1
	}
	return int32(l.Version)
}
