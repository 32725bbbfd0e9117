package intake

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/quality"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// attempts is how often dossiers are prepared anew, none of them stored in
// between, because another writer of the same episode or person was faster.
// Each conflict means somebody stored, so the bound is met only by a sender at
// war with itself.
const attempts = 12

// judged is one dossier read, judged and hashed: all that does not depend on
// what the store holds.
type judged struct {
	index    int
	read     kind.Dossier
	findings []dossier.Finding
	told     []dossier.Finding // findings and identity's, of the last time it was prepared
	verdict  dossier.Verdict
	content  [32]byte // SHA-256 over the ordered inner documents
	inner    [][32]byte
	query    store.Query
	patient  identity.Patient
	name     []vault.Keyed // of the patient's name and birth date, under every live pepper
	birth    []vault.Keyed
}

// decide judges and commits dossiers from..to of the file.
func (t *task) decide(ctx context.Context, from, to int) ([]Answer, error) {
	work := make([]*judged, 0, to-from)
	if err := t.in.gate.enter(ctx, t.file.Lane); err != nil {
		return nil, ErrBusy.Because(err)
	}
	err := t.judgeAll(ctx, from, to, &work)
	t.in.gate.leave()
	if err != nil {
		return nil, err
	}
	stored := make([]*store.Stored, len(work))
	failed := make([]error, len(work))
	receipts := make([]receipt, len(work))
	open := make([]int, len(work))
	for i := range open {
		open[i] = i
	}
	for try := 0; len(open) > 0; try++ {
		if try == attempts {
			for _, i := range open {
				failed[i] = ErrBusy
			}
			break
		}
		before := len(open)
		if open, err = t.attempt(ctx, work, open, stored, failed, receipts); err != nil {
			return nil, err
		}
		if len(open) < before { // several versions of one episode are stored one a round
			try = -1
		}
	}
	return t.answers(ctx, work, stored, failed, receipts)
}

func (t *task) judgeAll(ctx context.Context, from, to int, work *[]*judged) error {
	if err := t.split(ctx); err != nil {
		return err
	}
	for i := from; i < to; i++ {
		*work = append(*work, t.judge(i))
	}
	return nil
}

// judge reads dossier i, judges it and makes the hashes it is known by.
func (t *task) judge(i int) *judged {
	j := &judged{index: i, read: t.opened.Dossier(i)}
	t.in.findings(j, t)
	j.verdict = quality.Verdict(j.findings, t.in.Rules, t.trust.Epoch)
	h := sha256.New()
	var size [8]byte
	for _, doc := range j.read.Inner {
		j.inner = append(j.inner, sha256.Sum256(doc))
		binary.BigEndian.PutUint64(size[:], uint64(len(doc)))
		h.Write(size[:])
		h.Write(doc)
	}
	h.Sum(j.content[:0])
	t.hash(j)
	return j
}

// findings judges what was read. Trust adds its own: a certificate in its grace.
func (in *Intake) findings(j *judged, t *task) {
	j.findings = in.Rules.Judge(j.read.Content, quality.Input{
		Kind: t.reader.Name(), Facility: t.facility, Received: t.received, Created: t.opened.Created(),
		Day: j.specDay(t.received), Unreadable: j.read.Unreadable,
		Directory: t.knows(),
	})
	if t.grace {
		j.findings = append(j.findings, dossier.Finding{Code: seal.FindingExpired, Severity: dossier.Warning})
	}
}

// knows tells rules which facilities there are; nil where no directory is at hand.
func (t *task) knows() func(code string) bool {
	if t.trust == nil {
		return nil
	}
	return func(code string) bool {
		_, ok := t.trust.Current(care.FacilityCode(code))
		return ok
	}
}

// specDay chooses the rules' version of the tables: the one they were read by.
func (j *judged) specDay(received time.Time) int {
	if j.read.Spec != nil {
		return j.read.Spec.From
	}
	return clock.Day(received)
}

// hash fills in what the dossier is asked for by. A rejected dossier is about
// nobody: it touches neither subject nor person.
func (t *task) hash(j *judged) {
	v, facility := t.in.Vault, []byte(t.facility)
	name := []byte(t.reader.Name())
	j.query = store.Query{Facility: t.facility, Kind: t.reader.Name(),
		Episode: v.HashAll(vault.Episode, facility, []byte(j.read.Episode)),
		Content: v.HashAll(vault.Content, facility, name, []byte(j.read.Episode), j.content[:]),
	}
	if !j.verdict.State.IsAccepted() {
		return
	}
	p := j.read.Patient
	j.patient = identity.Parse(identity.Said{LocalID: p.LocalID, Name: p.Name, CitizenID: p.CitizenID, Card: p.Card, Birth: p.Birth, Sex: p.Sex})
	if j.patient.LocalID == "" {
		return
	}
	j.query.Subject = v.HashAll(vault.Subject, facility, []byte(j.patient.LocalID))
	if len(j.patient.IDs) == 0 {
		return
	}
	j.name = v.HashAll(vault.Name, []byte(j.patient.Name))
	j.birth = v.HashAll(birthDomain, []byte(fmt.Sprint(j.patient.Birth.Day())))
	for _, id := range j.patient.IDs {
		j.query.Claims = append(j.query.Claims, v.HashAll(claimDomain(id.Type), []byte(id.Value)))
	}
}

// attempt asks what is known of the open dossiers, prepares and commits them,
// and returns those that met a conflict.
func (t *task) attempt(ctx context.Context, work []*judged, open []int, stored []*store.Stored, failed []error, receipts []receipt) ([]int, error) {
	queries := make([]store.Query, len(open))
	for k, i := range open {
		queries[k] = work[i].query
	}
	known, err := t.in.Store.Known(ctx, queries)
	if err != nil {
		return nil, err
	}
	if err := t.in.gate.enter(ctx, t.file.Lane); err != nil {
		return nil, ErrBusy.Because(err)
	}
	group := make([]store.Prepared, len(open))
	for k, i := range open {
		if group[k], receipts[i], err = t.prepare(ctx, work[i], known[k]); err != nil {
			break
		}
	}
	t.in.gate.leave()
	if err != nil {
		return nil, err
	}
	outcomes, errs := t.in.groups.submit(t.file.Lane, group)
	var again []int
	for k, i := range open {
		switch o := outcomes[k]; {
		case errs[k] != nil:
			failed[i] = errs[k]
		case o.Status == store.StatusConflict:
			again = append(again, i)
		case o.Status == store.StatusReplay:
			stored[i] = o.Stored
			receipts[i] = receipt{}
		default:
			stored[i] = recordOf(&group[k], o.Place)
		}
	}
	return again, nil
}

// answers turns what was stored and what failed into answers, in order. A
// dossier whose commit failed is deferred; a fault that is not the moment's is
// the whole file's error, unless a neighbour was stored.
func (t *task) answers(ctx context.Context, work []*judged, stored []*store.Stored, failed []error, receipts []receipt) ([]Answer, error) {
	answers, err := t.replies(ctx, stored, receipts)
	if err != nil {
		return nil, err
	}
	for i, e := range failed {
		if e == nil {
			continue
		}
		f := fault.Of(e)
		if f.Kind != fault.Busy {
			t.in.Logger.Error("dossier not stored", "code", f.Code, "error", e)
			f = ErrBusy
		}
		answers[i] = Answer{Deferred: &Deferred{File: t.file.Name, Index: work[i].index, Deferred: true, Code: f.Code,
			RetryAfter: t.in.RetryAfter(), Message: f.Text}}
	}
	for i := range answers { // what was judged now is told with its hints
		if r := answers[i].Result; r != nil && !r.Replay {
			r.Findings = Findings(t.in.phrases(), work[i].told)
		}
	}
	return answers, nil
}
