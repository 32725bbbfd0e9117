package looks

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/consent"
	"lienthong/internal/store"
)

// AuditResult is what left the hub against what its log says.
type AuditResult struct {
	Machine bench.Machine    `json:"machine"`
	Load    string           `json:"load"`
	Reads   int              `json:"reads"`
	ReadsPS float64          `json:"reads_per_s"`
	Kills   int              `json:"kills"`
	Ways    map[string]int64 `json:"bodies_by_way"`
	Bodies  int64            `json:"bodies"`
	Entries int64            `json:"entries_wanted"` // one for each record in a body
	Cut     int64            `json:"bodies_cut_off"`
	Failed  int64            `json:"no_answer"`
	Turned  int64            `json:"turned_away"`
	Odd     map[string]int64 `json:"other_answers"`
	Rows    int64            `json:"rows"`
	Missing int64            `json:"entries_missing"` // asked: 0
	Surplus int64            `json:"rows_of_no_body"` // written, and the hub was killed before the body left, or told no more
}

// Compare looks for the row of every body: of that record and reader, written
// between the request and the end of the body, each row for one body.
func Compare(ctx context.Context, log store.Disclosures, t *Taken, since time.Time) (AuditResult, error) {
	r := AuditResult{Machine: bench.ThisMachine(), Load: bench.LoadAverage(), Reads: t.reads, ReadsPS: float64(t.reads) / t.took.Seconds(), Kills: t.kills, Ways: map[string]int64{},
		Cut: t.cut, Failed: t.failed, Turned: t.turned, Odd: t.odd}
	for way, n := range t.ways {
		r.Ways[wayNames[way]] = n
		r.Bodies += n
	}
	rows := map[key][]int64{}
	err := eachRow(ctx, log, store.DisclosureFilter{Since: since}, func(d *store.Disclosure) {
		k := key{hex.EncodeToString(d.Opening[:]), d.Role}
		if d.Opening == (consent.OpeningID{}) || t.bodies[k] == nil {
			k = key{d.Record.String(), d.Role}
		} else if at := d.At.UnixMicro(); slices.Contains(rows[k], at) {
			return // all rows of one look have one moment
		}
		rows[k] = append(rows[k], d.At.UnixMicro())
		r.Rows++
	})
	if err != nil {
		return r, err
	}
	for k, spans := range t.bodies {
		r.Entries += int64(len(spans))
		r.Missing += missing(spans, rows[k])
	}
	r.Surplus = r.Rows - (r.Entries - r.Missing)
	if r.Bodies == 0 {
		return r, bench.ErrHub.Because(errNone)
	}
	return r, nil
}

// missing returns how many spans have no moment of their own: those that end
// first take the first moment that is theirs, which leaves the fewest without.
func missing(spans []span, at []int64) (n int64) {
	spans, at = slices.Clone(spans), slices.Clone(at)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.to, b.to) })
	slices.Sort(at)
	used := make([]bool, len(at))
	for _, s := range spans {
		i, _ := slices.BinarySearch(at, s.from)
		for i < len(at) && used[i] {
			i++
		}
		if i == len(at) || at[i] > s.to {
			n++
			continue
		}
		used[i] = true
	}
	return n
}

// Print writes the result as a table for people.
func (r AuditResult) Print(w io.Writer) error {
	list := func(m map[string]int64) string {
		var parts []string
		for name, n := range m {
			parts = append(parts, fmt.Sprintf("%s %d", name, n))
		}
		slices.Sort(parts)
		return strings.Join(parts, "; ")
	}
	return bench.PrintTable(w, "Nhật ký xem khi hub bị giết", "The log of looks while the hub is killed", r.Machine, []bench.Row{
		{VI: "tải máy lúc cuối", EN: "load average at the end", Value: r.Load},
		{VI: "lượt đọc", EN: "reads", Value: fmt.Sprintf("%d, %.0f/s, %d lần giết · kills", r.Reads, r.ReadsPS, r.Kills)},
		{VI: "nội dung đã ra", EN: "bodies that left", Value: fmt.Sprintf("%d (%d bị cắt ngang · broke off): %s", r.Bodies, r.Cut, list(r.Ways))},
		{VI: "không trả lời, bị mời quay lại", EN: "no answer, turned away", Value: fmt.Sprintf("%d, %d", r.Failed, r.Turned)},
		{VI: "câu trả lời khác", EN: "other answers", Value: list(r.Odd)},
		{VI: "dòng phải có", EN: "entries wanted", Value: fmt.Sprint(r.Entries)},
		{VI: "dòng có trong nhật ký", EN: "rows of the log", Value: fmt.Sprint(r.Rows)},
		{VI: "thiếu", EN: "missing", Value: fmt.Sprint(r.Missing)},
		{VI: "dòng không có nội dung nào", EN: "rows of no body", Value: fmt.Sprint(r.Surplus)},
	})
}
