package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// fakeIntake decides by the bytes: "ok", "two", "busy", "bad", "panic", "broken".
type fakeIntake struct {
	readers, left atomic.Int64 // calls of Reading, and of what it returned
	retry         int

	mu       sync.Mutex
	files    []intake.File
	senders  []intake.Sender
	unread   []string // codes kept
	held     int64    // bytes reserved now
	most     int64
	room     int64 // 0: any
	stopping bool
	lost     error // RefuseUnread's answer
	away     []string
	full     error           // Reserve's answer; nil: by room
	claim    admission.Claim // on whose account Reserve was asked last
	withdraw func(id dossier.ID, reason string) (*intake.Result, error)
}

func (f *fakeIntake) Reserve(ctx context.Context, n int64, _ bool) (func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.claim = admission.ClaimOf(ctx); f.full != nil {
		return nil, f.full
	}
	if f.stopping {
		return nil, store.ErrStopping
	}
	if f.room > 0 && f.held+n > f.room {
		return nil, intake.ErrBusy
	}
	f.held += n
	f.most = max(f.most, f.held)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.held -= n
	}, nil
}

func (f *fakeIntake) Submit(_ context.Context, from intake.Sender, file intake.File) ([]intake.Answer, error) {
	f.mu.Lock()
	f.files, f.senders = append(f.files, file), append(f.senders, from)
	f.mu.Unlock()
	switch text := strings.TrimSpace(string(file.Bytes)); {
	case strings.HasPrefix(text, "busy"):
		return nil, intake.ErrBusy
	case strings.HasPrefix(text, "bad"):
		return nil, fault.New(fault.Invalid, "seal.broken", "Chữ ký không đúng.", "The signature does not verify.")
	case strings.HasPrefix(text, "foreign"):
		return nil, intake.ErrSender
	case strings.HasPrefix(text, "panic"):
		var none []int
		_ = none[len(text)]
	case strings.HasPrefix(text, "broken"):
		return nil, errors.New("the disk says: sector 7")
	case strings.HasPrefix(text, "later"):
		return []intake.Answer{{Deferred: deferred(file.Name, 0)}}, nil
	case strings.HasPrefix(text, "mixed"):
		return []intake.Answer{{Result: result(file.Name, 0)}, {Deferred: deferred(file.Name, 1)}}, nil
	case strings.HasPrefix(text, "two"):
		return []intake.Answer{{Result: result(file.Name, 0)}, {Result: result(file.Name, 1)}}, nil
	}
	return []intake.Answer{{Result: result(file.Name, 0)}}, nil
}

func deferred(name string, index int) *intake.Deferred {
	return &intake.Deferred{File: name, Index: index, Deferred: true, Code: "hub.storage_full", RetryAfter: 3, Message: store.ErrFull.Text}
}

func result(name string, index int) *intake.Result {
	one := 1
	return &intake.Result{File: name, Index: index, Record: id(byte(index + 1)).String(), Facility: "79901", Episode: "HS1", Kind: "qd4750",
		Version: &one, State: dossier.AcceptedWithWarnings, Current: true, JudgedWith: intake.Judged{Pack: "v1", TrustEpoch: 3},
		Findings: finding.Of(quality.V1(), []dossier.Finding{{Code: "XML1.T_THUOC.sum", Severity: dossier.Warning,
			Blocks: []dossier.Purpose{dossier.Payment}, Table: "XML1", Row: 1, Field: "T_THUOC", Line: 12}})}
}

func (f *fakeIntake) Withdraw(_ context.Context, from intake.Sender, id dossier.ID, reason string) (*intake.Result, error) {
	if f.withdraw != nil {
		return f.withdraw(id, reason)
	}
	if from.Facility != id.Facility {
		return nil, store.ErrAbsent
	}
	r := result("", 0)
	r.Kind, r.Findings = intake.KindWithdrawal, []finding.Finding{}
	return r, nil
}

func (f *fakeIntake) RefuseUnread(ctx context.Context, _ intake.Sender, _ int64, why *fault.Error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost != nil {
		return f.lost
	}
	f.unread = append(f.unread, why.Code)
	return nil
}

// SubmitAll decides each file as Submit does; a panic is one file's own.
func (f *fakeIntake) SubmitAll(ctx context.Context, from intake.Sender, files []intake.File) []intake.Decided {
	out := make([]intake.Decided, len(files))
	for i, file := range files {
		func() {
			defer func() {
				if p := recover(); p != nil {
					out[i].Err = fmt.Errorf("panic: %v", p)
				}
			}()
			out[i].Answers, out[i].Err = f.Submit(ctx, from, file)
		}()
	}
	return out
}

// Wants: files that begin with "seal" wait for one, with "papers" for both.
func (f *fakeIntake) Wants(raw []byte) (sealed, papers bool) {
	papers = strings.HasPrefix(string(raw), "papers")
	return papers || strings.HasPrefix(string(raw), "seal"), papers
}

func (f *fakeIntake) Stopping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopping
}

func (f *fakeIntake) RetryAfter() int { return f.retry }

func (f *fakeIntake) Arrive(ctx context.Context, from intake.Sender, lane store.Lane) context.Context {
	return admission.With(ctx, admission.Claim{Flow: admission.Flow{Lane: admission.Lane(lane), Sender: string(from.Facility)}})
}

func (f *fakeIntake) TurnedAway(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = append(f.away, admission.ClaimOf(ctx).Sender)
}

func (f *fakeIntake) Reading() func() {
	f.readers.Add(1)
	return func() { f.left.Add(1) }
}

// fakeRecords holds rows and answers within the scope of the caller.
type fakeRecords struct {
	store.Records
	mu     sync.Mutex
	rows   []store.Record
	filter store.Filter
	scope  role.Scope
	asked  int
	seals  []store.SealNote
}

// Refusals returns one refused file of facility 24604.
func (f *fakeRecords) Refusals(_ context.Context, scope role.Scope, q store.Filter) ([]store.Refusal, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter, f.scope = q, scope
	r := store.Refusal{ID: dossier.ID{Facility: "24604", Serial: [16]byte{9}}, At: time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC), Sender: "client:24604-1",
		Size: 42, Digest: [32]byte{0xab}, Code: "seal.broken"}
	if !f.seen(scope, &store.Record{ID: r.ID}) {
		return nil, false, nil
	}
	return []store.Refusal{r}, true, nil
}

func (f *fakeRecords) seen(scope role.Scope, r *store.Record) bool {
	return scope.All || scope.Facility != "" && scope.Facility == r.ID.Facility
}

func (f *fakeRecords) Get(_ context.Context, scope role.Scope, id dossier.ID) (*store.Record, error) {
	for i := range f.rows {
		if f.rows[i].ID == id && f.seen(scope, &f.rows[i]) {
			return &f.rows[i], nil
		}
	}
	return nil, store.ErrAbsent
}

func (f *fakeRecords) List(_ context.Context, scope role.Scope, q store.Filter) ([]store.Record, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter, f.scope = q, scope
	f.asked++
	var out []store.Record
	for i := range f.rows {
		r := f.rows[i]
		before := q.Before.ID.IsZero() || r.Received.Before(q.Before.At) || r.Received.Equal(q.Before.At) && r.ID.String() < q.Before.ID.String()
		if f.seen(scope, &r) && before {
			out = append(out, r)
		}
	}
	if len(out) > q.Limit {
		return out[:q.Limit], true, nil
	}
	return out, false, nil
}

func (f *fakeRecords) File(context.Context, care.FacilityCode, vault.Keyed) (*store.File, []store.Stored, error) {
	if f.seals == nil {
		return nil, nil, store.ErrAbsent
	}
	return &store.File{Seals: f.seals}, nil, nil
}

// fakeRechecks knows one revoked certificate.
type fakeRechecks struct{}

func (fakeRechecks) Newest(fingerprint [32]byte) (store.Revocation, bool) {
	return store.Revocation{State: store.RevocationRevoked, At: noon, Since: noon.Add(-time.Hour), Kind: store.ServiceCRL}, fingerprint[0] == 1
}

func (f *fakeRecords) Timeline(context.Context, dossier.ID) ([]store.Transition, error) {
	return []store.Transition{{At: noon, What: "superseded", By: id(9), Actor: "client:79901-1"}, {At: noon, What: "linked", Detail: "citizen_id"}}, nil
}

type fakeCounters struct {
	store.Counters
	query  store.CountQuery
	scope  role.Scope
	recent bool
	inside chan struct{} // a recount says it is here
	leave  chan struct{} // and waits
}

func (f *fakeCounters) Sum(_ context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	f.query, f.scope, f.recent = q, scope, true
	key := make([]string, len(q.By))
	for i := range key {
		key[i] = "x"
	}
	return []store.Count{{Key: key, N: 5}}, nil
}

func (f *fakeCounters) Recount(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	if f.inside != nil {
		f.inside <- struct{}{}
		<-f.leave
	}
	list, err := f.Sum(ctx, scope, q)
	f.recent = false
	return list, err
}

func (f *fakeCounters) Add(context.Context, time.Time, []store.Delta) error { return nil }

type fakeLooks struct {
	store.Disclosures
	mu     sync.Mutex
	rows   []store.Disclosure
	broken bool
}

func (f *fakeLooks) Record(_ context.Context, rows []store.Disclosure) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		return errors.New("the log of looks is gone")
	}
	f.rows = append(f.rows, rows...)
	return nil
}

func (f *fakeLooks) List(_ context.Context, _ role.Scope, q store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	list := []store.Disclosure{{ID: 8, At: noon, Reader: "session:operator", Role: "operator", Record: id(1), Facility: "79901",
		Basis: "operator_reason", Policy: "builtin/v1", Reason: "khiếu nại", Route: "GET /x", Count: 1}, {ID: 7, At: noon, Facility: "79901"}}
	return list, q.Before == 0, nil
}

type fakeLedger struct{ store.Ledger }

func (fakeLedger) Checkpoint(_ context.Context, _ int, size uint64) (string, error) {
	return fmt.Sprint("note ", size), nil
}

func (fakeLedger) Logs(context.Context) ([]int, error) { return []int{0}, nil }

func (fakeLedger) Head(_ context.Context, log int) (store.Head, error) {
	if log != 0 {
		return store.Head{}, store.ErrAbsent
	}
	return store.Head{Head: ledger.Head{Origin: "test.local/log/0", Size: 3, Checkpoint: []byte("test.local/log/0\n3\n")}}, nil
}

func (f fakeLedger) Source(int) ledger.Source { return f }

func (fakeLedger) Leaves(_ context.Context, from, to uint64) ([][]byte, error) {
	leaves := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	return leaves[min(from, 3):min(to, 3)], nil
}

func (fakeLedger) Tile(context.Context, int, uint64) ([]byte, error) { return nil, nil }

// row is a stored record of the hospital, received n minutes before noon.
func row(n byte) store.Record {
	return store.Record{ID: id(n), Kind: "qd4750", Received: noon.Add(-time.Duration(n) * time.Minute), Version: 1, Current: true,
		Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "v1", TrustEpoch: 3}}
}

// fakeStamps has one stamp of each kind.
type fakeStamps struct{ store.Stamps }

func (fakeStamps) List(context.Context, int, uint64, int) ([]store.Stamp, bool, error) {
	return []store.Stamp{{Size: 3, State: store.StampLate, At: noon, Attempts: 2, Code: "outbound.unreachable"},
		{Size: 2, State: store.StampKept, At: noon, GenTime: noon, NotAfter: noon.AddDate(1, 0, 0)}}, true, nil
}

func (fakeStamps) Covering(context.Context, int, uint64) (*store.Stamp, error) {
	return &store.Stamp{Size: 2, Token: []byte("token")}, nil
}

// fakeRetention has a tombstone for every record.
type fakeRetention struct{ store.Retention }

func (fakeRetention) Tombstone(_ context.Context, id dossier.ID) (*store.Tombstone, error) {
	return &store.Tombstone{Record: id, At: noon, Reason: "court_order", Case: "12/2026"}, nil
}
