package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// The facilities of every test. The first moved from one province to another.
const (
	cityHospital care.FacilityCode = "79901"
	hillStation  care.FacilityCode = "24604"
	coastClinic  care.FacilityCode = "48777"
)

var (
	everything = role.Scope{All: true}
	began      = time.Date(2026, 7, 1, 1, 0, 0, 123456000, time.UTC)
)

// world is one hub with a directory, and the means to send to it.
type world struct {
	t     testing.TB
	h     *Harness
	s     *store.Slices
	clock *clock.Fake
	dir   *facility.Directory
	rng   *rand.ChaCha8
}

// newWorld opens the data as hub 0, with a log, and fills the directory.
func newWorld(t testing.TB, h *Harness) *world {
	t.Helper()
	w := &world{t: t, h: h, clock: clock.NewFake(began), rng: rand.NewChaCha8([32]byte{1})}
	w.s = w.open(0)
	w.settle()
	return w
}

func (w *world) open(hub int) *store.Slices {
	w.t.Helper()
	return w.h.Open(w.t, Options{Hub: hub, Clock: w.clock, OpenLog: OpenLog})
}

// reopen closes the hub and opens it again.
func (w *world) reopen() {
	w.t.Helper()
	w.must(w.s.Close())
	w.s = w.open(0)
}

// must ends the test when err is not nil.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle founds units and facilities.
func (w *world) settle() {
	w.t.Helper()
	from := began.AddDate(-1, 0, 0)
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{
		Units: []facility.Unit{
			{ID: "kcb", Name: fault.Text{VI: "Cục Quản lý Khám, chữa bệnh", EN: "Medical Services"}, Kind: "department"},
			{ID: "ttb", Name: fault.Text{VI: "Sở Y tế", EN: "Health department"}, Kind: "province"},
		},
		Versions: []facility.Version{
			{Code: cityHospital, Name: "Bệnh viện Ánh Sáng", Level: facility.Provincial, Type: "hospital", Province: "74", Unit: "kcb", Vendor: "alpha", TaxCode: "0300000001", From: from},
			{Code: hillStation, Name: "Trạm y tế Đắk", Level: facility.Commune, Type: "station", Province: "24", Ward: "24604", Unit: "ttb", Vendor: "beta", Migrating: true, From: from},
			{Code: coastClinic, Name: "Phòng khám Biển", Level: facility.Regional, Type: "clinic", Province: "48", Unit: "ttb", Vendor: "alpha", Predecessors: []care.FacilityCode{"48776", "48775"}, From: from},
		},
	}, w.act("facility.add")))
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Versions: []facility.Version{
		{Code: cityHospital, Name: "Bệnh viện Ánh Sáng", Level: facility.Provincial, Type: "hospital", Province: "79", Unit: "kcb", Vendor: "gamma", TaxCode: "0300000001", From: began},
	}}, w.act("facility.add")))
	w.load()
}

func (w *world) load() {
	w.t.Helper()
	dir, err := w.s.Facilities.Load(w.ctx())
	w.must(err)
	w.dir = dir
}

func (w *world) ctx() context.Context { return context.Background() }

func (w *world) act(action string) store.Act {
	return store.Act{At: w.clock.Now(), Actor: "operator", Action: action, Object: "x", Detail: `{"lý do":"thử"}`, Leaf: leafOf("admin", action)}
}

// leafOf makes valid leaf data of a kind.
func leafOf(kind, what string) []byte {
	sum := sha256.Sum256([]byte(what))
	return append([]byte("lienthong/"+kind+"/v1\n"), sum[:]...)
}

// keyed makes a keyed hash under pepper 1.
func keyed(what string, args ...any) vault.Keyed { return keyedUnder(1, fmt.Sprintf(what, args...)) }

func keyedUnder(pepper byte, what string) vault.Keyed {
	var k vault.Keyed
	sum := sha256.Sum256([]byte{pepper})
	sum = sha256.Sum256(append(sum[:], what...))
	k[0] = pepper
	copy(k[1:], sum[:])
	return k
}

func keys(k ...vault.Keyed) []vault.Keyed { return k }

func person(n int) store.PersonID {
	var p store.PersonID
	binary.BigEndian.PutUint64(p[:], uint64(n))
	p[15] = 0xff
	return p
}

// newID makes a record id of the present moment.
func (w *world) newID(f care.FacilityCode) dossier.ID {
	id, err := dossier.NewID(f, w.clock.Now(), w.rng)
	w.must(err)
	return id
}

// file makes a file; the same name gives the same file.
func (w *world) file(f care.FacilityCode, name string) *store.File {
	digest := sha256.Sum256([]byte(string(f) + name))
	return &store.File{
		Facility: f, Hash: keyed("file %s %s", f, name), Digest: digest, Size: int64(1000 + len(name)),
		Received: w.clock.Now(), Sender: "facility:" + string(f) + "/client-1", Lane: store.Routine,
		Wrapped: []byte("wrapped " + name), Class: "clinical", Month: 202607, Skeleton: []byte("skeleton " + name),
		Certificates: []store.Blob{{Hash: sha256.Sum256([]byte("cert " + f)), Data: []byte("cert " + f)}},
		Seals: []store.SealNote{{Fingerprint: digest, Subject: "O=Bệnh viện", Algorithm: "rsa-sha256", Bound: "pinned", Revocation: "good",
			Role: store.RoleFacility, Covered: "whole document", Serial: "1f", Issuer: "CN=Ánh"}},
		Dossiers: 1,
	}
}

// say is what a test says about a dossier; the rest is made up.
type say struct {
	facility care.FacilityCode // cityHospital when empty
	file     string            // its own file when empty
	index    int
	kind     string // qd4750 when empty
	episode  string
	content  string
	order    string
	state    dossier.State // accepted when empty
	findings []dossier.Finding
	tags     []string
	subject  *store.NewSubject
	body     []byte // some bytes when nil
	late     bool   // older than the current version
	lane     store.Lane
}

func (x say) query() store.Query {
	x = x.filled()
	q := store.Query{Facility: x.facility, Kind: x.kind, Episode: keys(keyed("episode %s", x.episode)), Content: keys(keyed("content %s", x.content))}
	if x.subject != nil {
		q.Subject = keys(x.subject.Key)
		for _, c := range x.subject.Claims {
			q.Claims = append(q.Claims, keys(c.Key))
		}
	}
	return q
}

func (x say) filled() say {
	if x.facility == "" {
		x.facility = cityHospital
	}
	if x.file == "" {
		x.file = "file of " + x.episode + "/" + x.content
	}
	if x.kind == "" {
		x.kind = "qd4750"
	}
	if x.state == "" {
		x.state = dossier.Accepted
	}
	return x
}

// known asks what is known of a dossier.
func (w *world) known(x say) store.Known {
	w.t.Helper()
	k, err := w.s.Intake.Known(w.ctx(), []store.Query{x.query()})
	w.must(err)
	if len(k) != 1 {
		w.t.Fatalf("%d answers to one query", len(k))
	}
	return k[0]
}

// prepare does what intake does: it decides on what is known now.
func (w *world) prepare(x say) store.Prepared { return w.prepareWith(x, w.known(x)) }

// prepareWith decides on what was known before.
func (w *world) prepareWith(x say, k store.Known) store.Prepared {
	w.t.Helper()
	x = x.filled()
	v, ok := w.dir.Current(x.facility)
	if !ok {
		w.t.Fatalf("no facility %s", x.facility)
	}
	p := store.Prepared{
		File: w.file(x.facility, x.file), Index: x.index, ID: w.newID(x.facility), Kind: x.kind, FacilityVersion: v.ID,
		Received: w.clock.Now(), Verdict: dossier.Verdict{State: x.state, Findings: x.findings, Pack: "base/1", TrustEpoch: 3},
		Episode: keyed("episode %s", x.episode), Content: keyed("content %s", x.content), Tags: x.tags,
		Subject: x.subject, Wrapped: []byte("key of " + x.content), Class: "clinical", Month: 202607,
		Head: []byte("receipt of " + x.content), Body: []byte("body of " + x.content), ExpectHead: k.Head,
	}
	for _, tag := range x.tags { // a bit for each document, as the contract has it
		if n, err := strconv.Atoi(strings.TrimPrefix(tag, "doc:XML")); err == nil {
			p.Documents |= 1 << n
		}
	}
	p.File.Lane = x.lane
	p.Marks = marksFor(&p)
	if x.body != nil {
		p.Body = x.body
	}
	p.Leaf = leafOf("receipt", p.ID.String())
	day := clock.Day(p.Received)
	count := func(measure, purpose string) {
		p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: v.ID, Day: day, Kind: x.kind, Measure: measure, Purpose: purpose, N: 1})
	}
	count(string(x.state), "")
	w.countTags(x, count)
	if k.Same != nil {
		p.ExpectSame = k.Same.ID
		p.Supersedes = k.Same.ID
	}
	if !x.state.IsAccepted() {
		return p
	}
	p.Version, p.Current, p.Order = k.Head.Version+1, !x.late, x.order
	if x.late {
		count(string(dossier.Superseded), "")
	} else if !k.Head.Current.IsZero() {
		if p.Supersedes.IsZero() {
			p.Supersedes = k.Head.Current
		}
		p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: k.Head.FacilityVersion, Day: k.Head.Day, Kind: x.kind, Measure: string(dossier.Superseded), N: 1})
	}
	return p
}

// countTags counts documents and, once per code and purpose, findings.
func (w *world) countTags(x say, count func(measure, purpose string)) {
	for _, tag := range x.tags {
		if len(tag) > 4 && tag[:4] == "doc:" {
			count(tag, "")
		}
	}
	seen := map[[2]string]bool{}
	for _, f := range x.findings {
		blocks := f.Blocks
		if len(blocks) == 0 {
			blocks = []dossier.Purpose{""}
		}
		for _, b := range blocks {
			if k := [2]string{f.Code, string(b)}; !seen[k] {
				seen[k] = true
				count("code:"+k[0], k[1])
			}
		}
	}
}

// commit commits a group.
func (w *world) commit(group ...store.Prepared) []store.Outcome {
	w.t.Helper()
	out, err := w.s.Intake.Commit(w.ctx(), store.Routine, group)
	w.must(err)
	if len(out) != len(group) {
		w.t.Fatalf("%d outcomes for %d dossiers", len(out), len(group))
	}
	return out
}

// send prepares and commits one dossier, which must be stored.
func (w *world) send(x say) store.Prepared {
	w.t.Helper()
	p := w.prepare(x)
	out := w.commit(p)
	if out[0].Status != store.StatusStored {
		w.t.Fatalf("%s/%s: status %d", x.episode, x.content, out[0].Status)
	}
	return p
}

// withdrawal prepares the withdrawal of a record.
func (w *world) withdrawal(x say, target dossier.ID) store.Prepared {
	w.t.Helper()
	old := w.get(target)
	x.content = "withdrawal of " + target.String()
	x.file = ""
	p := w.prepare(x)
	p.Deltas = p.Deltas[:1]
	p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: old.FacilityVersion, Day: clock.Day(old.Received), Kind: old.Kind, Measure: string(dossier.Withdrawn), N: 1})
	p.Version, p.Current, p.Order, p.Supersedes, p.Withdraws, p.Body = 0, false, "", dossier.ID{}, target, nil
	p.Marks = nil
	return p
}

func (w *world) get(id dossier.ID) *store.Record {
	w.t.Helper()
	r, err := w.s.Records.Get(w.ctx(), everything, id)
	w.must(err)
	return r
}

func (w *world) statuses(out []store.Outcome) (stored, replay, conflict int) {
	for _, o := range out {
		switch o.Status {
		case store.StatusStored:
			stored++
		case store.StatusReplay:
			replay++
		case store.StatusConflict:
			conflict++
		}
	}
	return stored, replay, conflict
}

// verifier returns the verifier of hub 0's log.
func (w *world) verifier(log int) string {
	k, err := LogKey(fmt.Sprintf("%s/log/%d", HubName, log))
	w.must(err)
	return k.Verifier()
}

// checkpoint reads a signed note and checks it.
func (w *world) checkpoint(log int, note string) ledger.Checkpoint {
	w.t.Helper()
	cp, err := ledger.OpenCheckpoint([]byte(note), w.verifier(log))
	w.must(err)
	return cp
}

func contextCancelled() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx, cancel
}
