package figure

import (
	"context"
	"encoding/json"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/insight"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// scope is the rows of a place, by the facilities' versions when they sent.
func (p Place) scope() role.Scope {
	switch {
	case p.Province != "":
		return role.Scope{Province: p.Province}
	case p.Unit != "":
		return role.Scope{Unit: p.Unit}
	case p.Facility != "":
		return role.Scope{Facility: care.FacilityCode(p.Facility)}
	}
	return role.Scope{All: true}
}

// count answers a question from the rows, as of sizes of logs.
func (d *Desk) count(ctx context.Context, q Query, sizes map[int]uint64) (Value, error) {
	if len(q.Parts) > 0 {
		return d.countParts(ctx, q, sizes)
	}
	cq := store.CountQuery{FromDay: q.From, ToDay: q.To, Measures: q.Measures, Standing: q.Standing, AsOf: sizes}
	if q.By != "" {
		cq.By = []store.Dimension{store.Dimension(q.By)}
	}
	counts, err := d.Counters.Recount(ctx, q.Place().scope(), cq)
	if err != nil {
		return Value{}, err
	}
	var v Value
	if q.By != "" {
		v.By = map[string]int64{}
	}
	for _, c := range counts {
		v.N += c.N
		if q.By != "" {
			v.By[c.Key[0]] += c.N
		}
	}
	return v, nil
}

// why compares a statement with the one before it.
func (d *Desk) why(ctx context.Context, before, now *Statement) (*Change, error) {
	c := &Change{Before: before.Read().N, Now: now.Read().N}
	then, err := d.count(ctx, before.Query, sizes(before.Logs))
	if err != nil {
		return nil, err
	}
	c.Erased = max(0, c.Before-then.N)
	events := func(logs []Log) (known, superseded, withdrawn int64, err error) {
		counts, err := d.Counters.Recount(ctx, now.Query.Place().scope(), store.CountQuery{FromDay: now.Query.From, ToDay: now.Query.To,
			Measures: append(insight.Verdicts(), string(dossier.Superseded), string(dossier.Withdrawn)), AsOf: sizes(logs), By: []store.Dimension{store.ByMeasure}})
		for _, n := range counts {
			switch n.Key[0] {
			case string(dossier.Superseded):
				superseded += n.N
			case string(dossier.Withdrawn):
				withdrawn += n.N
			default:
				known += n.N
			}
		}
		return known, superseded, withdrawn, err
	}
	k0, s0, w0, err := events(before.Logs)
	if err != nil {
		return nil, err
	}
	k1, s1, w1, err := events(now.Logs)
	c.Late, c.Superseded, c.Withdrawn = max(0, k1-k0), max(0, s1-s0), max(0, w1-w0)
	return c, err
}

// keep pins statements with one act, whose leaf commits to them all.
func (d *Desk) keep(ctx context.Context, actor string, list []*Statement) error {
	if len(list) == 0 {
		return nil
	}
	detail, err := json.Marshal(map[string]any{"statements": len(list), "sha256": digest(list)})
	if err != nil {
		return err
	}
	object := list[0].ID
	if len(list) > 1 {
		object = "figures of " + time.Unix(0, list[0].Moment().UnixNano()).UTC().Format(time.RFC3339)
	}
	act := store.Act{At: d.Clock.Now(), Actor: actor, Action: "figure.pinned", Object: object, Detail: string(detail)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	rows := make([]house.Statement, len(list))
	for i, s := range list {
		rows[i] = house.Statement{Subject: s.Query.Subject(), Version: s.Version, At: s.Moment(), Body: string(s.Bytes())}
	}
	return d.Figures.Pin(ctx, rows, act)
}
