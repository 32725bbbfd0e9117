// Package ministry measures what the ministry's house does with many records that
// are there already: a new database is filled out of them, the jobs of a night go over
// them, a draft of rules is rehearsed on them. Records come in by intake, which package
// bench measures; this is not for measuring it.
package ministry

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/clock"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/registry/shipped"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	storehouse "lienthong/internal/store/house"
)

// Hub is what is measured.
type Hub struct {
	Steward  *steward.Steward
	Entries  storehouse.Entries
	Rulebook *rehearsal.Desk // its stage goes through what it is asked
	Night    *night.Runner
}

// Phase is one thing that is measured. Records is what it went over, Seconds its
// time on the clock and CPU the processor time of this process in it.
type Phase struct {
	Records int64   `json:"records"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_s"`
	First   float64 `json:"first_s,omitempty"` // until the first entry was there
	Entries int64   `json:"entries,omitempty"` // made
	Unequal int64   `json:"unequal,omitempty"` // of the night's self-checks, asked 0
	Unread  int64   `json:"unread,omitempty"`  // records the rehearsal could not read, asked 0
	Jobs    []Job   `json:"jobs,omitempty"`    // of a night, in order
	Problem string  `json:"problem,omitempty"` // why it did not end well
}

// Job is one job of a night.
type Job struct {
	ID      string  `json:"id"`
	State   string  `json:"state"`
	Seconds float64 `json:"seconds"`
	Seen    int64   `json:"seen"`
	Changed int64   `json:"changed"`
	Unequal int64   `json:"unequal"`
	Note    string  `json:"note,omitempty"`
}

// Settle makes the entries of all databases that are behind.
func Settle(ctx context.Context, h Hub) (Phase, error) {
	before, err := entries(ctx, h, "")
	if err != nil {
		return Phase{}, err
	}
	p, err := timed(func(p *Phase) error { return rounds(ctx, h) })
	if err != nil {
		return p, err
	}
	after, err := entries(ctx, h, "")
	p.Entries = after - before
	return p, err
}

func rounds(ctx context.Context, h Hub) error {
	for {
		if more, err := h.Steward.Round(ctx); err != nil || !more {
			return err
		}
	}
}

func entries(ctx context.Context, h Hub, id registry.ID) (n int64, err error) {
	counts, err := h.Entries.Counts(ctx, id)
	for _, c := range counts {
		n += c.N
	}
	return n, err
}

// Database declares the shipped database of visits a second time, under another
// name, and makes its entries out of all records.
func Database(ctx context.Context, h Hub, records int64) (Phase, error) {
	files, err := shipped.Files()
	if err != nil {
		return Phase{}, err
	}
	id := registry.ID("measured-" + strconv.FormatInt(time.Now().Unix(), 36))
	var text string
	for _, f := range files {
		if s := string(f.Text); strings.Contains(s, "\nid: visits\n") {
			text = strings.Replace(s, "\nid: visits\n", "\nid: "+string(id)+"\n", 1)
		}
	}
	p, err := timed(func(p *Phase) error {
		began := time.Now()
		if _, err := h.Steward.Declare(ctx, steward.Who{Role: role.Role{Kind: role.Operator}, Name: "bench"}, []byte(text)); err != nil {
			return err
		}
		watch, stop := context.WithCancel(ctx)
		defer stop()
		first := make(chan float64, 1)
		go func() { first <- firstEntry(watch, h, id, began) }()
		if err := rounds(ctx, h); err != nil {
			return err
		}
		stop()
		p.First = <-first
		return nil
	})
	if err != nil {
		return p, err
	}
	p.Records = records
	if p.Entries, err = entries(ctx, h, id); p.Entries > 0 && p.First == 0 { // between two looks
		p.First = p.Seconds
	}
	return p, err
}

// firstEntry looks ten times a second whether there is an entry.
func firstEntry(ctx context.Context, h Hub, id registry.ID, began time.Time) float64 {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, _, err := h.Entries.List(ctx, storehouse.EntryFilter{Database: id, Limit: 1})
		if err == nil && len(rows) > 0 {
			return time.Since(began).Seconds()
		}
		select {
		case <-ctx.Done():
			return 0
		case <-tick.C:
		}
	}
}

// Night does all jobs of the night after the records came. The hub's clock must say
// that their day is over.
func Night(ctx context.Context, h Hub, day int, records int64) (Phase, error) {
	var done []storehouse.Night
	p, err := timed(func(*Phase) (err error) {
		done, err = h.Night.Do(ctx, day, "")
		return err
	})
	p.Records = records
	p.Seconds = 0 // of jobs, as some may have been done by the hub itself meanwhile
	for _, n := range done {
		j := Job{ID: n.Job, State: n.State, Seconds: n.Ended.Sub(n.Started).Seconds(), Seen: n.Seen, Changed: n.Changed, Unequal: n.Unequal, Note: n.Note + n.Code}
		p.Jobs, p.Seconds, p.Unequal = append(p.Jobs, j), p.Seconds+j.Seconds, p.Unequal+n.Unequal
	}
	return p, err
}

// Rehearse has a draft of three rules tried on all records of the last thirty days.
func Rehearse(ctx context.Context, h Hub) (Phase, error) {
	id, err := h.Rulebook.Draw(ctx, "bench", rules)
	if err != nil {
		return Phase{}, err
	}
	var r *rehearsal.Result
	p, err := timed(func(*Phase) error {
		if err := h.Rulebook.Ask(ctx, "bench", id, 0); err != nil {
			return err
		}
		for {
			b, err := h.Rulebook.Book(ctx, id)
			if err != nil {
				return err
			}
			if r, err = h.Rulebook.Result(ctx, b.Book); err != nil {
				return err
			}
			if r.State == storehouse.Done || r.State == storehouse.Failed {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	if err != nil {
		return p, err
	}
	p.Records, p.Unread = r.Found.Judged, r.Found.Unread
	if r.State == storehouse.Failed {
		p.Problem = "failed"
	}
	return p, nil
}

// rules are of three tables: one row, many rows, and the dossier as a whole.
const rules = `rules:
  - code: XML1.NGAY_RA.measured
    kind: qd4750
    table: XML1
    field: NGAY_RA
    when: row.NGAY_RA != ""
    must: row.NGAY_RA >= row.NGAY_VAO
    severity: warning
    word: consistent
    vi: Ngày ra trước ngày vào.
    en: Departure before arrival.
    source: QĐ 4750/QĐ-BYT
    cases:
      - {name: đúng, passes: true, row: {NGAY_VAO: "202611010700", NGAY_RA: "202611010900"}}
      - {name: sai, passes: false, row: {NGAY_VAO: "202611010700", NGAY_RA: "202610310900"}}
  - code: XML3.SO_LUONG.measured
    kind: qd4750
    table: XML3
    field: SO_LUONG
    when: row.SO_LUONG != ""
    must: number(row.SO_LUONG) <= 100.0
    severity: warning
    word: correct
    vi: Số lượng dịch vụ lớn bất thường.
    en: The quantity is unusually large.
    source: QĐ 4750/QĐ-BYT
    cases:
      - {name: một, passes: true, row: {SO_LUONG: "1"}}
      - {name: gõ nhầm, passes: false, row: {SO_LUONG: "1000"}}
  - code: XML1.MA_BENH_CHINH.measured
    kind: qd4750
    field: XML1.MA_BENH_CHINH
    must: dossier.XML2.exists(r, r.MA_THUOC != "") || dossier.XML3.exists(r, r.MA_DICH_VU != "")
    severity: info
    word: sufficient
    vi: Đợt khám không có thuốc và dịch vụ nào.
    en: A visit without any medicine or service.
    source: QĐ 4750/QĐ-BYT
    cases:
      - {name: có thuốc, passes: true, tables: {XML2: [{MA_THUOC: "40.17"}]}}
      - {name: không có gì, passes: false, tables: {XML1: [{MA_LOAI_KCB: "01"}]}}
`

// timed runs something and notes its time and processor time.
func timed(do func(*Phase) error) (p Phase, err error) {
	began, used := time.Now(), bench.ProcessorTime()
	err = do(&p)
	p.Seconds, p.CPU = time.Since(began).Seconds(), (bench.ProcessorTime() - used).Seconds()
	return p, err
}

// Tomorrow is a clock that is a day ahead: what came today came yesterday.
type Tomorrow struct{ clock.System }

// Now is the moment, a day ahead.
func (t Tomorrow) Now() time.Time { return t.System.Now().AddDate(0, 0, 1) }

// Result is a whole run.
type Result struct {
	bench.Machine
	Filled   int64          `json:"filled"`          // records that were there
	Score    *bench.Latency `json:"score,omitempty"` // from a receipt to the score in which it stands
	Settle   *Phase         `json:"settle,omitempty"`
	Database *Phase         `json:"database,omitempty"`
	Rehearse *Phase         `json:"rehearse,omitempty"`
	Night    *Phase         `json:"night,omitempty"`
}

// Print writes the result as a table for people.
func (r Result) Print(w io.Writer) error {
	rows := []bench.Row{{VI: "Hồ sơ đã có", EN: "Records there", Value: strconv.FormatInt(r.Filled, 10)}}
	if r.Score != nil {
		rows = append(rows, bench.Row{VI: "Từ biên nhận đến điểm chất lượng", EN: "From a receipt to the score with it", Value: r.Score.String()})
	}
	for _, x := range []struct {
		vi, en string
		p      *Phase
	}{{"Mục còn thiếu của 13 cơ sở dữ liệu", "Entries that were missing in 13 databases", r.Settle}, {"Cơ sở dữ liệu mới", "A new database", r.Database},
		{"Chạy thử quy tắc", "Rehearsal of rules", r.Rehearse}, {"Việc ban đêm", "Jobs of the night", r.Night}} {
		if x.p == nil {
			continue
		}
		rows = append(rows, bench.Row{VI: x.vi, EN: x.en, Value: x.p.String()})
		for _, j := range x.p.Jobs {
			rows = append(rows, bench.Row{VI: "  " + j.ID, EN: j.State, Value: fmt.Sprintf("%.1f s, seen %d, changed %d, unequal %d %s", j.Seconds, j.Seen, j.Changed, j.Unequal, j.Note)})
		}
	}
	return bench.PrintTable(w, "Việc của Bộ trên hồ sơ đã có", "The ministry's house over records that are there", r.Machine, rows)
}

// String is a line for people.
func (p Phase) String() string {
	s := fmt.Sprintf("%.1f s (CPU %.1f s)", p.Seconds, p.CPU)
	if p.Records > 0 && p.Seconds > 0 {
		s += fmt.Sprintf(", %d hồ sơ · records, %.0f/s", p.Records, float64(p.Records)/p.Seconds)
	}
	if p.Entries > 0 {
		s += fmt.Sprintf(", %d mục · entries", p.Entries)
	}
	if p.First > 0 {
		s += fmt.Sprintf(", mục đầu · first after %.1f s", p.First)
	}
	if p.Unequal+p.Unread > 0 || p.Problem != "" {
		s += fmt.Sprintf(", %d khác · unequal, %d không đọc được · unread %s", p.Unequal, p.Unread, p.Problem)
	}
	return s
}
