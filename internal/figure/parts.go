package figure

import (
	"context"
	"maps"
	"slices"
	"strings"

	"lienthong/internal/cells"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// nation is what the total of a part is called where small numbers are not told.
const nation = "vn"

// countParts counts a question with several numbers of each place.
func (d *Desk) countParts(ctx context.Context, q Query, sizes map[int]uint64) (Value, error) {
	v := Value{By: map[string]int64{}}
	err := d.eachPart(ctx, q.Place().scope(), q, sizes, nil, func(_, key, part string, n int64) { v.add(q, key, part, n) })
	if err != nil || !q.Public() {
		return v, err
	}
	return v.told(q), nil
}

// eachPart calls do with what rows count: the province where it is asked for, the key
// that the question splits by, the part.
func (d *Desk) eachPart(ctx context.Context, scope role.Scope, q Query, sizes map[int]uint64, beside []store.Dimension, do func(province, key, part string, n int64)) error {
	by := append(slices.Clone(beside), store.ByMeasure)
	if q.By != "" {
		by = append(by, store.Dimension(q.By))
	}
	for _, standing := range []bool{false, true} {
		set := map[string]bool{}
		for _, p := range q.Parts {
			for _, m := range p.Measures {
				if p.Standing == standing {
					set[m] = true
				}
			}
		}
		if len(set) == 0 {
			continue
		}
		counts, err := d.Counters.Recount(ctx, scope, store.CountQuery{FromDay: q.From, ToDay: q.To, Measures: slices.Sorted(maps.Keys(set)), Standing: standing, AsOf: sizes, By: by})
		if err != nil {
			return err
		}
		for _, c := range counts {
			var province, key string
			if len(beside) > 0 {
				province = c.Key[0]
			}
			measure := c.Key[len(beside)]
			if q.By != "" {
				key = c.Key[len(beside)+1]
			}
			for _, p := range q.Parts {
				if p.Standing == standing && slices.Contains(p.Measures, measure) {
					do(province, key, p.Name, c.N)
				}
			}
		}
	}
	return nil
}

// add adds to a part of a place.
func (v *Value) add(q Query, key, part string, n int64) {
	if n != 0 {
		v.By[key+"/"+part] += n
	}
	if part == q.Parts[0].Name {
		v.N += n
	}
}

// told is the value with small numbers hidden: each part is one column.
func (v Value) told(q Query) Value {
	out := Value{By: map[string]int64{}, Hide: map[string]cells.Hide{}}
	put := func(key string, c cells.Cell) {
		if c.Hide == cells.Told {
			out.By[key] = c.N
		} else {
			out.Hide[key] = c.Hide
		}
	}
	for i, p := range q.Parts {
		codes := slices.Clone(q.Provinces)
		for k, n := range v.By {
			if code, ok := strings.CutSuffix(k, "/"+p.Name); ok && n != 0 && !slices.Contains(codes, code) {
				codes = append(codes, code) // nowhere, or a province that is none any more
			}
		}
		slices.Sort(codes)
		numbers := make([]int64, len(codes))
		for j, code := range codes {
			numbers[j] = max(0, v.By[code+"/"+p.Name])
		}
		column := cells.Tell(numbers, q.Least)
		for j, code := range codes {
			put(code+"/"+p.Name, column.Cells[j])
		}
		put(nation+"/"+p.Name, column.Total)
		if i == 0 {
			out.N = column.Total.N
		}
	}
	return out
}

// Column is one part of a public statement, by province; the total is the nation's.
func (s *Statement) Column(part string) (codes []string, c cells.Column) {
	v := s.Read()
	cell := func(key string) cells.Cell { return cells.Cell{N: v.By[key], Hide: v.Hide[key]} }
	for _, keys := range [][]string{slices.Collect(maps.Keys(v.By)), slices.Collect(maps.Keys(v.Hide))} {
		for _, k := range keys {
			if code, ok := strings.CutSuffix(k, "/"+part); ok && code != nation {
				codes = append(codes, code)
			}
		}
	}
	slices.Sort(codes)
	for _, code := range codes {
		c.Cells = append(c.Cells, cell(code+"/"+part))
	}
	c.Total = cell(nation + "/" + part)
	return codes, c
}

// more reports whether a public statement has something that came since the one
// before it. What only fell away because records were erased is no version more: two
// of them side by side would tell of it.
func (d *Desk) more(ctx context.Context, before, now *Statement) (bool, error) {
	then, err := d.count(ctx, before.Query, sizes(before.Logs))
	return string(then.bytes()) != string(now.Value), err
}
