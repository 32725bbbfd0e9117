// Package intake takes signed files in: receive, verify the seal, read, judge,
// identify, commit once, give the receipt. It is synchronous: the answer is
// the verdict. Work that needs only the processor runs on a bounded number of
// places outside any transaction; the commit is one set operation of the store
// (DESIGN §5).
//
// It speaks no HTTP (web/api does) and writes no SQL (store does).
package intake

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/intake/group"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/score"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/trust"
	"lienthong/internal/vault"
)

// Deps is what intake works with.
type Deps struct {
	Store    store.Intake
	Records  Records // to withdraw from
	Months   Months
	Vault    *vault.Vault
	Kinds    *kind.Registry
	Seals    *seal.Verifier
	Trust    func() *trust.View             // the directory and trust of this moment
	Rules    func() *quality.Pack           // what is judged by at this moment; a file by one of them
	Scores   func(kind string) *score.Judge // marks what is accepted, by the sheets of this moment; nil: nobody does
	Receipts *evidence.Desk
	Key      *ledger.ReceiptKey
	Codec    *body.Codec
	Clock    clock.Clock
	Logger   *slog.Logger
	Observer Observer // nil: nobody watches
	// Plan says where records go, as of this moment; nil: nowhere. Legs finds the
	// legs of a record that is taken back; nil where Plan is.
	Plan  func() *exchange.Plan
	Legs  Legs
	Notes trust.Notes // keeps that a seal binds now which did not when it came; nil: nobody
}

// Months keeps wrapped month keys; store.Keys does.
type Months interface {
	Months(ctx context.Context) ([]store.MonthKey, error)
	PutMonth(ctx context.Context, key store.MonthKey) (store.MonthKey, error)
}

// Config has the hub's own settings.
type Config struct {
	Hub        string            // name, as in receipts and log origins
	Durability string            // "local" or "replicated"; default "local"
	Places     int               // dossiers worked on at once; default the number of processors
	InFlight   int64             // bytes of files held at once; default 128 MiB
	UnderWork  int64             // bytes of them that are being read, judged and committed at once, in the urgent lane and in the others; default 16 MiB each
	Weights    admission.Weights // shares of facilities relative to each other; default 1 each
	Random     io.Reader
}

func (c Config) withDefaults() Config {
	if c.Durability == "" {
		c.Durability = "local"
	}
	if c.Places == 0 {
		c.Places = runtime.GOMAXPROCS(0)
	}
	if c.InFlight == 0 {
		c.InFlight = 128 << 20
	}
	if c.UnderWork == 0 {
		c.UnderWork = 16 << 20
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return c
}

// Intake takes files in. It is safe for concurrent use.
type Intake struct {
	Deps
	cfg      Config
	gate     *gate
	groups   *group.Groups
	months   *months
	names    *identity.Names
	door     *admission.Door
	stopping atomic.Bool
	busy     meter
}

// New returns an intake that is ready to take files.
func New(d Deps, c Config) (*Intake, error) {
	c = c.withDefaults()
	if c.Hub == "" {
		return nil, errors.New("intake: the hub has no name")
	}
	in := &Intake{Deps: d, cfg: c, gate: newGate(c.Places, c.Weights, d.Clock), names: identity.NewNames(c.Random),
		door: admission.NewDoor(admission.DoorConfig{InFlight: c.InFlight, UnderWork: c.UnderWork, Weights: c.Weights})}
	in.busy = meter{in.door, d.Clock}
	if in.Observer == nil {
		in.Observer = unobserved{}
	}
	atOnce := 1
	if several, ok := d.Store.(store.AtOnce); ok {
		atOnce = several.AtOnce()
	}
	in.groups = group.New(atOnce, c.Weights, in.commit)
	in.months = &months{keys: d.Months, vault: d.Vault}
	return in, nil
}

// Sender is who hands a file over.
type Sender struct {
	Client   string            // credential it logged in with; "" for a person in the portal
	Facility care.FacilityCode // whose portal room it sits in, for a person
	Name     string            // kept with the file: "client:...", "portal:...", "via:insurer:..."
	Via      string            // where the hub itself takes in what a carrier holds: "insurer", "migration"; else it follows from Client
}

// account is whose share of the hub a sender's files use.
func (s Sender) account() string { return cmp.Or(string(s.Facility), s.Name) }

// File is one file as received, decompressed.
type File struct {
	Name   string // of the tar member or Content-Disposition; never kept
	Bytes  []byte
	Lane   store.Lane
	Seal   string // detached seal; unused by files that are sealed inside
	Beside []Paper

	Software string // name/version of the program that made it, as its sender says; see Software
}

// ErrBusy: too many bytes are being worked on; nothing was kept.
var ErrBusy = fault.New(fault.Busy, "hub.busy",
	"Hub đang bận. Chưa ghi gì. Máy gửi sẽ tự gửi lại theo giờ hẹn.",
	"The hub is busy. Nothing was kept. Send again at the time given.")

// Decided is what became of one file of several.
type Decided struct {
	Answers []Answer
	Err     error // the file was refused or deferred whole
}

// Submit takes one file in and returns one result for each dossier, in order,
// then one for each paper beside it that was refused. An error means the file
// was refused (fault.Invalid, TooLarge, Withheld) or deferred (fault.Busy)
// whole, or the hub is broken; a refusal is kept with its code. When single
// dossiers of the file were deferred their Deferred is set, and the file is to
// be sent again whole: what was decided is replayed.
func (in *Intake) Submit(ctx context.Context, from Sender, f File) ([]Answer, error) {
	d := in.SubmitAll(ctx, from, []File{f})[0]
	return d.Answers, d.Err
}

// SubmitAll takes several files in, each decided by itself as by Submit, in the
// order given. Their dossiers are asked for and committed together, which is
// what a tar is best handed over with: some 64 dossiers at a time.
func (in *Intake) SubmitAll(ctx context.Context, from Sender, files []File) []Decided {
	out := make([]Decided, len(files))
	if in.stopping.Load() {
		for i := range out {
			out[i].Err = store.ErrStopping
		}
		return out
	}
	trust, rules, now := in.Trust(), in.Rules(), in.Clock.Now()
	tasks := make([]*task, len(files))
	for i, f := range files {
		tasks[i] = &task{in: in, from: from, file: f, received: now, trust: trust, rules: rules, size: int64(len(f.Bytes))}
	}
	began := time.Now()
	ctx, leave, err := in.work(ctx, from, files)
	if err != nil {
		for _, t := range tasks {
			t.err = err
		}
	} else {
		in.run(ctx, tasks)
		leave()
	}
	for i, t := range tasks {
		t.observe(time.Since(began))
		out[i] = Decided{t.answers, t.err}
		if t.err == nil {
			continue
		}
		out[i].Answers = nil
		if fl := fault.Of(t.err); refuses(fl.Kind) {
			if keep := t.refuse(context.WithoutCancel(ctx), fl); keep != nil { // also for a sender that has gone
				out[i].Err = keep
			}
		}
	}
	in.door.Done(sent(from, tasks), in.Clock.Now())
	return out
}

// work waits for room to work on files, and puts what follows on their sender's
// account: what is read, judged and sealed of a file is several times its bytes,
// so fewer are under work than are held. It keeps a flood of senders from filling
// memory with half-done work.
func (in *Intake) work(ctx context.Context, from Sender, files []File) (_ context.Context, leave func(), err error) {
	var size int64
	claim := admission.Claim{Flow: admission.Flow{Lane: admission.Urgent, Sender: from.account()}}
	for _, f := range files {
		size += int64(len(f.Bytes))
		claim.Lane = max(claim.Lane, admission.Lane(f.Lane))
	}
	claim.Piece = size / int64(max(len(files), 1))
	if leave, err = in.door.Work(ctx, claim.Flow, size, in.Clock.Now()); err != nil {
		return ctx, nil, ErrBusy.Because(err)
	}
	return admission.With(ctx, claim), leave, nil
}

// sent is what became of a sender's files, for the count of who sends.
func sent(from Sender, tasks []*task) admission.Sent {
	s := admission.Sent{Sender: from.account()}
	for _, t := range tasks {
		if t.err != nil && fault.KindOf(t.err) == fault.Busy {
			s.Deferrals++
			continue
		}
		s.Bytes += t.size
		for _, a := range t.answers {
			if a.Result != nil {
				s.Dossiers++
			} else if a.Deferred != nil {
				s.Deferrals++
			}
		}
	}
	return s
}

// Arrive counts a request to send files, and puts what is reserved under the
// context it returns on the sender's account.
func (in *Intake) Arrive(ctx context.Context, from Sender, lane store.Lane) context.Context {
	f := admission.Flow{Lane: admission.Lane(lane), Sender: from.account()}
	in.door.Came(f.Sender, in.Clock.Now())
	return admission.With(ctx, admission.Claim{Flow: f})
}

// Reserve keeps room for a file's bytes; the caller calls release when done.
// Overload is answered here, at the door: without wait who asks for more than
// its share of what is free is answered ErrBusy, because of *admission.Turned
// with its slot; with wait the caller is held back until its turn.
func (in *Intake) Reserve(ctx context.Context, bytes int64, wait bool) (release func(), err error) {
	if in.stopping.Load() {
		return nil, store.ErrStopping
	}
	if release, err = in.door.Hold(ctx, bytes, wait, in.Clock.Now()); err != nil {
		return nil, ErrBusy.Because(err)
	}
	return release, nil
}

// TurnedAway counts that a request was turned away for another reason than its
// size; ctx is Arrive's.
func (in *Intake) TurnedAway(ctx context.Context) {
	in.door.Done(admission.Sent{Sender: admission.ClaimOf(ctx).Sender, Deferrals: 1}, in.Clock.Now())
}

// Flow is how dossiers flow in at this moment and who sends most, for the
// operator's overview.
func (in *Intake) Flow() admission.State {
	s := in.door.State(topSenders, in.Clock.Now())
	for i := range s.Lanes {
		s.Lanes[i].Commit = in.groups.Pending(store.Lane(i))
	}
	return s
}

// topSenders are shown to the operator.
const topSenders = 20

// Reading makes room for somebody who reads; the caller calls done when the
// answer is out.
func (in *Intake) Reading() (done func()) { return in.gate.Reading() }

// RefuseUnread keeps that a file was refused which could not even be read
// whole: too large, cut off, not decompressed.
func (in *Intake) RefuseUnread(ctx context.Context, from Sender, size int64, why *fault.Error) error {
	t := &task{in: in, from: from, received: in.Clock.Now(), trust: in.Trust(), rules: in.Rules(), size: size}
	return t.refuse(ctx, why)
}

// commit is the store's, watched.
func (in *Intake) commit(ctx context.Context, lane store.Lane, members []store.Prepared) ([]store.Outcome, error) {
	began := time.Now()
	out, err := in.Store.Commit(ctx, lane, members)
	in.Observer.Group(len(members), time.Since(began))
	return out, err
}

func refuses(k fault.Kind) bool {
	return k == fault.Invalid || k == fault.TooLarge || k == fault.Withheld
}

// Answer is the result of one dossier, or the word that it was not decided, or
// the refusal of a paper beside it.
type Answer struct {
	Result   *Result
	Deferred *Deferred
	Refused  *Refused
}

// Stopping reports whether Drain or Stop was called.
func (in *Intake) Stopping() bool { return in.stopping.Load() }

// Drain refuses new files with hub.stopping, the rest of a tar under way too;
// what was taken before is decided and answered.
func (in *Intake) Drain() { in.stopping.Store(true) }

// Stop drains and waits until what was taken is committed.
func (in *Intake) Stop() {
	in.Drain()
	in.groups.Close()
}
