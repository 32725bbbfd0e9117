package looks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// RevokeConfig says how often a consent is taken back while others read under it.
type RevokeConfig struct {
	Hub     Hub
	Patient Patient
	Rounds  int           // default 50
	Readers int           // at once; default 16
	Before  time.Duration // how long they read before, at most; default 400 ms
	After   time.Duration // and after; default 300 ms
}

// RevokeResult is what was read.
type RevokeResult struct {
	Machine   bench.Machine `json:"machine"`
	Load      string        `json:"load"`
	Rounds    int           `json:"rounds"`
	Readers   int           `json:"readers"`
	Looks     int64         `json:"looks"`
	LooksPerS float64       `json:"looks_per_s"`
	Shown     int64         `json:"looks_that_showed"`
	Refused   int64         `json:"looks_after_that_showed_nothing"`
	Begun     int64         `json:"begun_after_receipt_and_showed"` // asked: 0
	Flying    int64         `json:"begun_before_and_showed_after"`
	RowsAfter int64         `json:"rows_dated_after_receipt"`
	Stray     int64         `json:"rows_after_of_no_look_begun_before"` // asked: 0
	Revoke    bench.Latency `json:"revoke"`
}

// Revoke has readers look at one person's records under a consent, takes the
// consent back among them, and counts what was shown to whom who began after the
// revocation had its receipt, by what readers saw and by the rows of the log.
func Revoke(ctx context.Context, c RevokeConfig) (RevokeResult, error) {
	c = c.withDefaults()
	r := RevokeResult{Machine: bench.ThisMachine(), Load: bench.LoadAverage(), Rounds: c.Rounds, Readers: c.Readers}
	var revokes []time.Duration
	var reading time.Duration
	for range c.Rounds {
		x := &revoking{RevokeConfig: c}
		if err := x.round(ctx); err != nil {
			return r, err
		}
		revokes, reading = append(revokes, x.took), reading+x.reading
		r.Looks, r.Shown, r.Refused, r.Begun, r.Flying = r.Looks+x.looks.Load(), r.Shown+x.shown.Load(), r.Refused+x.refused.Load(), r.Begun+x.begun.Load(), r.Flying+x.flying.Load()
		r.RowsAfter, r.Stray = r.RowsAfter+x.rows, r.Stray+max(0, x.rows-x.named.Load())
	}
	r.Revoke, r.LooksPerS = bench.LatencyOf(revokes), float64(r.Looks)/reading.Seconds()
	if r.Shown == 0 || r.Refused == 0 {
		return r, bench.ErrHub.Because(errNone)
	}
	return r, nil
}

func (c RevokeConfig) withDefaults() RevokeConfig {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&c.Before, 400*time.Millisecond)
	set(&c.After, 300*time.Millisecond)
	if c.Rounds <= 0 {
		c.Rounds = 50
	}
	if c.Readers <= 0 {
		c.Readers = 16
	}
	return c
}

// revoking is one round.
type revoking struct {
	RevokeConfig
	reader  disclose.Reader
	consent consent.ID
	receipt atomic.Pointer[time.Time] // when the revocation had its receipt

	looks, shown, refused, begun atomic.Int64
	flying, named                atomic.Int64 // looks begun before the receipt that showed after it, and the records they named
	rows                         int64
	took, reading                time.Duration
}

func (x *revoking) round(ctx context.Context) error {
	said := choice.Speaker{Person: x.Patient.Person, Channel: "portal", SteppedUp: time.Now(), Actor: "bench", Form: rand.Text()}
	c, err := x.Hub.Choices.Say(ctx, said, consent.Consent{Effect: consent.Permit, Purpose: consent.Treatment, Until: time.Now().Add(time.Hour),
		Scope: consent.Scope{Readers: []care.FacilityCode{x.Hub.System.Facility}}})
	if err != nil {
		return err
	}
	staff := staffOf(7)
	o, err := x.Hub.begin(ctx, x.Patient.Person, policy.ByConsent, staff, c.ID)
	if err != nil {
		return err
	}
	x.reader, x.consent = x.Hub.clinician(staff, o), c.ID
	reading, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, x.Readers)
	began := time.Now()
	var all sync.WaitGroup
	for n := range x.Readers {
		all.Go(func() { errs[n] = x.read(reading, n) })
	}
	time.Sleep(x.Before/4 + mrand.N(x.Before*3/4+1))
	asked := time.Now()
	_, err = x.Hub.Choices.Revoke(ctx, said, c.ID)
	at := time.Now()
	x.receipt.Store(&at)
	x.took = at.Sub(asked)
	time.Sleep(x.After)
	stop()
	all.Wait()
	x.reading = time.Since(began)
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	return x.count(ctx, at)
}

// read lists the person's records and opens one, in turn, until it is told to stop.
func (x *revoking) read(ctx context.Context, n int) error {
	working := context.WithoutCancel(ctx)
	for ; ctx.Err() == nil; n++ {
		begun := time.Now()
		before := x.receipt.Load()
		got, err := x.look(working, n)
		if err != nil {
			return err
		}
		x.looks.Add(1)
		after := x.receipt.Load()
		switch {
		case got == 0 && before != nil:
			x.refused.Add(1)
		case got == 0:
		case before != nil && begun.After(*before):
			x.begun.Add(1)
		default:
			x.shown.Add(1)
			if after != nil {
				x.flying.Add(1)
				x.named.Add(int64(got))
			}
		}
	}
	return nil
}

// look returns how many records were shown.
func (x *revoking) look(ctx context.Context, n int) (int, error) {
	if n%2 == 0 {
		list, err := x.Hub.Disclose.Person(ctx, x.reader, x.Patient.Person, store.Filter{Limit: 5})
		return len(list), err
	}
	_, err := x.Hub.Disclose.Open(ctx, x.reader, x.Patient.Records[n%len(x.Patient.Records)])
	if errors.Is(err, store.ErrAbsent) {
		return 0, nil
	}
	return 1, err
}

// count counts the rows of the round that are dated after the receipt.
func (x *revoking) count(ctx context.Context, receipt time.Time) error {
	return eachRow(ctx, x.Hub.Slices.Disclosures, store.DisclosureFilter{Opening: x.reader.Opening, Since: receipt.Add(-time.Millisecond)}, func(d *store.Disclosure) {
		if d.At.After(receipt) && d.Record != (dossier.ID{}) {
			x.rows++
		}
	})
}

// eachRow goes through the rows of a filter, newest first.
func eachRow(ctx context.Context, log store.Disclosures, f store.DisclosureFilter, fn func(*store.Disclosure)) error {
	for f.Limit = 1000; ; {
		rows, more, err := log.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return err
		}
		for i := range rows {
			fn(&rows[i])
			f.Before = rows[i].ID
		}
		if !more || len(rows) == 0 {
			return nil
		}
	}
}

// Print writes the result as a table for people.
func (r RevokeResult) Print(w io.Writer) error {
	return bench.PrintTable(w, "Rút đồng ý khi đang có người xem", "A consent taken back while others read", r.Machine, []bench.Row{
		{VI: "tải máy lúc bắt đầu", EN: "load average at the start", Value: r.Load},
		{VI: "số lượt xem", EN: "looks", Value: fmt.Sprintf("%d, %.0f/s, %d luồng · readers, %d lần rút · rounds", r.Looks, r.LooksPerS, r.Readers, r.Rounds)},
		{VI: "có hiện hồ sơ", EN: "that showed something", Value: fmt.Sprint(r.Shown)},
		{VI: "sau biên nhận, không hiện gì", EN: "after the receipt, nothing shown", Value: fmt.Sprint(r.Refused)},
		{VI: "bắt đầu sau biên nhận mà vẫn hiện", EN: "begun after the receipt and shown", Value: fmt.Sprint(r.Begun)},
		{VI: "bắt đầu trước, hiện sau", EN: "begun before it, shown after", Value: fmt.Sprintf("%d, %d dòng nhật ký · rows", r.Flying, r.RowsAfter)},
		{VI: "dòng nhật ký không của lượt nào bắt đầu trước", EN: "rows after it of no look begun before", Value: fmt.Sprint(r.Stray)},
		{VI: "rút đồng ý", EN: "to revoke", Value: r.Revoke.String()},
	})
}
