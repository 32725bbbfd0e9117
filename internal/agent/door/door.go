// Package door is what stands behind the drop-in gateway on a facility's own
// machine: a HIS hands over a file by the insurer's interface (package
// web/gateway), the station keeps it in the spool, and a later look-up tells the
// hub's verdict.
//
// The place in the spool is the reference (maGiaoDich) for good, so that what a
// HIS wrote down stays right; the hub's record stands beside it once it is known.
// Only what no hub could take is refused here; every other judgement is the hub's.
package door

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

var errRoom = fault.New(fault.Busy, "agent.busy",
	"Trạm gửi đang nhận nhiều tệp cùng lúc nên chưa nhận tệp này. Gửi lại sau vài giây.",
	"The agent is taking many files at once and has not taken this one. Send again in a few seconds.")

// room is how many bytes of bodies are held at once: of one file of 32 MiB with
// its base64, or of many small ones.
const room = 128 << 20

// Door hands files of a HIS to a station.
type Door struct {
	station  *station.Station
	facility care.FacilityCode

	mu   sync.Mutex
	held int64
}

var _ gateway.Submitter = (*Door)(nil)

// New returns the door of a facility's station.
func New(st *station.Station, facility care.FacilityCode) *Door {
	return &Door{station: st, facility: facility}
}

// Arrive implements gateway.Submitter: there is one sender here.
func (d *Door) Arrive(ctx context.Context, _ gateway.Sender) context.Context { return ctx }

// Reserve implements gateway.Submitter.
func (d *Door) Reserve(_ context.Context, bytes int64) (func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bytes < 0 || bytes > room-d.held {
		return nil, errRoom
	}
	d.held += bytes
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.held -= bytes
	}), nil
}

// Submit implements gateway.Submitter: it returns when the file survives a power
// cut. A file that no hub could take is refused at once; one of which it is known
// here that the hub will reject it goes its way all the same, and what was found
// is told beside its reference.
func (d *Door) Submit(ctx context.Context, _ gateway.Sender, file []byte, checkIn bool) (gateway.Outcome, error) {
	sum := sha256.Sum256(file)
	name := "his-" + hex.EncodeToString(sum[:4]) + ".xml" // the interface has no names of files
	payload := spool.Payload{File: spool.Part{Name: name, Bytes: file}}
	if err := d.mine(file); err != nil {
		return gateway.Outcome{}, err
	}
	preview, err := d.station.Preview(ctx, payload)
	if err != nil && d.final(err) {
		return gateway.Outcome{}, err
	}
	lane := store.Routine
	if checkIn {
		lane = store.Urgent
	}
	put, err := d.station.Place(ctx, station.Item{Name: name, Source: "gateway", Lane: lane, Payload: payload})
	if err != nil {
		return gateway.Outcome{}, err
	}
	out, err := d.outcome(ctx, put.Ref)
	if err != nil {
		return gateway.Outcome{}, err
	}
	for i := range out.Items {
		out.Items[i].Replay = !put.Fresh
		if out.Items[i].State == gateway.Waiting && len(out.Items[i].Problems) == 0 {
			out.Items[i].Problems = foreseen(preview)
		}
	}
	return out, nil
}

// mine refuses a file of another facility, as the hub would. What cannot be read
// is for the check to say.
func (d *Door) mine(file []byte) error {
	reader, err := d.station.Kinds.Pick(file)
	if err != nil {
		return err
	}
	f, err := reader.Open(file)
	if err != nil {
		return err
	}
	if of := f.Facility(); of != "" && of != d.facility {
		return intake.ErrSender
	}
	return nil
}

// final reports whether a refusal of the check is one the hub would give too,
// whatever it knows better: what was broken stays broken. Whom a certificate
// speaks for, and whether it holds still, is the hub's to say.
func (d *Door) final(err error) bool {
	switch f := fault.Of(err); {
	case errors.Is(err, seal.ErrMissing):
		return d.station.Signer == nil
	case errors.Is(err, seal.ErrBroken), errors.Is(err, seal.ErrMalformed), errors.Is(err, seal.ErrAlgorithm):
		return true
	default:
		return f.Kind == fault.Broken || strings.HasPrefix(f.Code, "file.") || strings.HasPrefix(f.Code, "envelope.")
	}
}

// Refuse implements gateway.Submitter: nothing is kept of what was never taken.
func (d *Door) Refuse(context.Context, gateway.Sender, int64, *fault.Error) error { return nil }

// Status implements gateway.Submitter.
func (d *Door) Status(ctx context.Context, _ gateway.Sender, reference string) (gateway.Outcome, error) {
	return d.outcome(ctx, spool.Ref(strings.ToLower(reference)))
}

// RetryAfter implements gateway.Submitter.
func (d *Door) RetryAfter(err error) int {
	if fault.Of(err).Code == spool.ErrFull.Code {
		return 60
	}
	return 5
}

// outcome is how an item stands: one dossier for the file while the hub has not
// answered it whole, every dossier after.
func (d *Door) outcome(ctx context.Context, ref spool.Ref) (gateway.Outcome, error) {
	i, err := d.station.Spool.Get(ctx, ref)
	if err != nil {
		return gateway.Outcome{}, err
	}
	out := gateway.Outcome{At: i.Taken}
	if !i.State.Decided() {
		out.Items = []gateway.Item{{Reference: string(ref), State: gateway.Waiting, Problems: told(i)}}
		return out, nil
	}
	entries, err := d.station.Receipts(ctx, ref)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		v := station.ReadVerdict(&e)
		if v.Refused { // the whole file: said as the hub says it
			return out, fault.New(kindOf(v.Code), v.Code, v.Message.VI, v.Message.EN)
		}
		x := gateway.Item{Reference: string(ref), Record: v.Record, State: v.State}
		for _, f := range v.Findings {
			x.Problems = append(x.Problems, problem(f))
		}
		out.Items = append(out.Items, x)
	}
	if len(out.Items) == 0 { // its receipts are on another machine (import) or lost with its bytes (spool.damaged)
		return out, fault.New(fault.Invalid, i.Code, i.Said.VI, i.Said.EN)
	}
	return out, nil
}

// kindOf is the kind of a refusal the hub gave, by its code.
func kindOf(code string) fault.Kind {
	if code == intake.ErrSender.Code || code == intake.ErrFacility.Code {
		return fault.Withheld
	}
	return fault.Invalid
}

// told is what stands against an item that waits: held back, or not sealed yet.
func told(i spool.Item) []gateway.Problem {
	if i.Code == "" {
		return nil
	}
	return []gateway.Problem{{Code: i.Code, Severity: string(dossier.Warning), Text: i.Said.VI}}
}

// foreseen is what the check here found; the hub decides.
func foreseen(p *intake.Preview) (out []gateway.Problem) {
	if p == nil {
		return nil
	}
	for _, r := range p.Results {
		for _, f := range r.Findings {
			out = append(out, problem(f))
		}
	}
	return out
}

func problem(f finding.Finding) gateway.Problem {
	return gateway.Problem{Code: f.Code, Severity: string(f.Severity), Table: f.Table, Row: f.Row, Field: f.Field, Text: f.Message.VI, Hint: f.Hint.VI}
}

// Gateway returns the drop-in gateway of a facility's own machine for one account.
func Gateway(st *station.Station, account store.GatewayAccount, d gateway.Deps) (*gateway.Gateway, error) {
	alone, err := gateway.NewAlone(account)
	if err != nil {
		return nil, err
	}
	d.Accounts, d.Submitter = alone, New(st, account.Facility)
	return gateway.New(d, gateway.Config{Cost: gateway.AgentCost(), Hashing: 1, Grace: 30 * time.Second})
}
