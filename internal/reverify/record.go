package reverify

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// kindWithdrawal is the kind that the receipt of a withdrawal says (package intake).
const kindWithdrawal = "withdrawal"

// get returns a record, nil where there is none.
func (w *walk) get(ctx context.Context, id dossier.ID) (*store.Record, error) {
	r, err := w.Slices.Records.Get(ctx, role.Scope{All: true}, id)
	if errors.Is(err, store.ErrAbsent) {
		return nil, nil
	}
	return r, err
}

// record verifies one record and returns its receipt for the audit of the log;
// nil when it was erased. Only a run that was ended is an error.
func (w *walk) record(ctx context.Context, head store.Head, r *store.Record, sealed []byte) (*ledger.Receipt, error) {
	if !r.Erased.IsZero() {
		w.carriedOf(r, false, false)
		return w.erased(ctx, r, sealed)
	}
	c := &checked{walk: w, r: r, sealed: sealed, name: r.ID.String()}
	whole := w.whole(r)
	if !c.open(whole) {
		w.differ("record.unopened", "record", c.name, "")
		return &ledger.Receipt{}, ctx.Err()
	}
	c.row(strings.TrimSuffix(head.Origin, fmt.Sprintf("/log/%d", head.Log)))
	checks := []func(context.Context) error{c.version, c.content, c.trace, c.links, c.timeline}
	if whole {
		w.report.Whole++
	} else {
		checks, c.docs = checks[:1], tagsOf(r.Documents)
		c.carriedOf(r, false, false)
	}
	for _, check := range checks {
		if err := check(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			w.differ("row.unreadable", "record", c.name, "")
		}
	}
	if len(w.report.Skipped) == 0 && !w.since(r) {
		w.tally.Record(r, c.docs, c.superseded, c.withdrawn)
	}
	return &c.head.Receipt, ctx.Err()
}

// whole reports whether the record's content is made again (Options.Sample).
func (w *walk) whole(r *store.Record) bool {
	plain := r.Current && r.Version == 1 && r.Supersedes.IsZero() && r.Withdraws.IsZero() && r.Kind == plainKind && r.Verdict.State.IsAccepted()
	return w.opts.Sample <= 1 || !plain || r.Place.Index%w.opts.Sample == 0
}

// plainKind is the kind whose row tells, by its bits, what is counted of it.
const plainKind = "qd4750"

// tables is how many bits of a record's documents are tables; those above say
// which closed compartments it is of (package compartment).
const tables = 28

// tagsOf are the tags of an accepted dossier with these tables.
func tagsOf(bits uint32) (tags []string) {
	for n := range tables {
		if bits&(1<<n) != 0 {
			tags = append(tags, "doc:XML"+strconv.Itoa(n))
		}
	}
	return tags
}

// checked is one record being verified.
type checked struct {
	*walk
	r      *store.Record
	sealed []byte
	name   string
	head   evidence.Head
	body   *ledger.Body
	frame  []byte // opened inner documents

	docs       []string // tags of its documents
	overtaken  bool     // superseded when it came
	order      string   // what versions are ordered by
	line       string   // line of versions (kind.Dossier)
	superseded bool
	withdrawn  bool
}

func (c *checked) wrong(code, field string) { c.differ(code, tableOfCode[code], c.name, field) }

// tableOfCode names the table a difference of a record is in.
var tableOfCode = map[string]string{
	"record.row": "record", "record.hash": "record", "record.content": "body", "record.link": "record", "record.tag": "tag",
	"record.place": "place", "record.timeline": "transition", "record.person": "subject", "episode.head": "episode",
}

// open opens head and body, and decompresses the body where whole.
func (c *checked) open(whole bool) bool {
	key, err := c.Vault.OpenKey(evidence.RecordName(c.r.ID), c.r.Wrapped)
	if err != nil {
		return false
	}
	plain, err := key.Open(nil, evidence.PartHead, c.r.Head)
	if err != nil {
		return false
	}
	if c.head, err = evidence.ParseHead(plain); err != nil {
		return false
	}
	if c.body, err = ledger.ParseBody(c.head.Receipt.Body); err != nil {
		return false
	}
	if key.Parts() == evidence.PartBody {
		return c.sealed == nil
	}
	packed, err := key.Open(nil, evidence.PartBody, c.sealed)
	if err != nil {
		return false
	}
	if !whole {
		return true
	}
	c.frame, err = c.Codec.Decode(nil, packed, longest)
	return err == nil
}

// row compares the row with the receipt, field by field.
func (c *checked) row(hub string) {
	r, b := c.r, c.body
	supersedes, kind := r.Supersedes, r.Kind
	if !r.Withdraws.IsZero() {
		supersedes, kind = r.Withdraws, kindWithdrawal
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"hub", b.Hub == hub}, {"serial", b.Record == c.name}, {"facility", b.Facility == string(r.ID.Facility)}, {"episode", b.Episode == c.head.Episode},
		{"kind", b.Kind == kind}, {"version", b.Version == r.Version}, {"state", b.State == string(r.Verdict.State)},
		{"findings", sameFindings(b.Findings, r.Verdict.Findings)}, {"pack", b.Pack == r.Verdict.Pack}, {"trust_epoch", b.TrustEpoch == r.Verdict.TrustEpoch},
		{"received", b.ReceivedAt.Equal(r.Received.Truncate(time.Microsecond))}, {"supersedes", b.Supersedes == supersedes.String()},
		{"class", sealedUnder(r.Wrapped, r.Class, r.Month)}, {"month", r.Month == clock.Day(r.Received)/100},
		{"current", !r.Current || r.Version > 0 && r.SupersededBy.IsZero() && r.WithdrawnBy.IsZero()},
	} {
		if !f.same {
			c.wrong("record.row", f.name)
		}
	}
}

// sealedUnder reports whether a wrapped data key names the class and month: see
// vault.Sealed for its form.
func sealedUnder(wrapped []byte, class string, month int) bool {
	n := 2 + len(class)
	return len(wrapped) > n+4 && int(wrapped[1]) == len(class) && string(wrapped[2:n]) == class && binary.BigEndian.Uint32(wrapped[n:]) == uint32(month)
}

func sameFindings(said []ledger.Finding, row []dossier.Finding) bool {
	return slices.EqualFunc(said, row, func(a ledger.Finding, b dossier.Finding) bool {
		return a.Code == b.Code && a.Severity == string(b.Severity) && a.Table == b.Table && a.Row == b.Row && a.Field == b.Field &&
			slices.EqualFunc(a.Blocks, b.Blocks, func(x string, y dossier.Purpose) bool { return x == string(y) })
	})
}

// slack is how long a hub may judge by the directory before: it looks for
// changes every second. Ten times that is granted.
const slack = 10 * time.Second

// version holds the facility's version: one of its own, the newest when the
// record came, give or take what a hub needs to see a change.
func (c *checked) version(context.Context) error {
	if c.facts == nil {
		return nil
	}
	v, ok := c.facts.Version(c.r.FacilityVersion)
	late, known := c.facts.At(c.r.ID.Facility, c.r.Received.Add(-slack))
	if !ok || !known || v.Code != c.r.ID.Facility || v.From.After(c.r.Received.Add(slack)) || v.From.Before(late.From) {
		c.wrong("record.row", "facility_version")
	}
	if c.r.Verdict.TrustEpoch > c.facts.Epoch {
		c.wrong("record.row", "trust_epoch")
	}
	return nil
}

// trace compares the keys the record is found by.
func (c *checked) trace(ctx context.Context) error {
	tags := slices.Clone(c.docs)
	for _, f := range c.r.Verdict.Findings {
		if !slices.Contains(tags, f.Code) {
			tags = append(tags, f.Code)
		}
	}
	if !c.r.Withdraws.IsZero() {
		target, err := c.get(ctx, c.r.Withdraws)
		if err != nil {
			return err
		}
		if target != nil {
			c.line = kind.LineOf(target.Kind, target.Documents)
		}
	}
	t, err := c.Slices.Audit.Trace(ctx, c.r.ID, tags)
	if err != nil {
		return err
	}
	facility, episode := []byte(c.r.ID.Facility), []byte(c.body.Episode)
	content := [][]byte{facility, []byte(c.r.Kind), episode, unhex(c.body.ContentSHA256)}
	if !c.r.Withdraws.IsZero() {
		content = [][]byte{facility, []byte(kindWithdrawal), []byte(c.r.Withdraws.String())}
	}
	if !slices.Contains(c.Vault.HashAll(vault.Episode, facility, kind.EpisodeKey(c.body.Episode, c.line)), t.Episode) {
		c.wrong("record.hash", "episode")
	}
	if !slices.Contains(c.Vault.HashAll(vault.Content, content...), t.Content) {
		c.wrong("record.hash", "content")
	}
	if !slices.Equal(t.Tags, tags) {
		c.wrong("record.tag", "")
	}
	if t.Late && (c.r.Current || c.r.Version == 0) || !t.Late && c.r.Version > 0 && !c.r.Current && c.r.SupersededBy.IsZero() && c.r.WithdrawnBy.IsZero() {
		c.wrong("record.row", "late")
	}
	c.overtaken, c.superseded = t.Late, c.superseded || t.Late
	if err := c.carried(ctx, t.Episode); err != nil {
		return err
	}
	if err := c.same(ctx, t.Same, "dossier"); err != nil {
		return err
	}
	if err := c.same(ctx, t.Place, "place"); err != nil {
		return err
	}
	return c.headRow(t.Head)
}

// same holds the record that a key of content, or a place in a file, is given
// to: this one, or a later one of the same content when this was rejected.
func (c *checked) same(ctx context.Context, id dossier.ID, table string) error {
	if id == c.r.ID {
		return nil
	}
	if !id.IsZero() && !c.r.Verdict.State.IsAccepted() {
		later, err := c.get(ctx, id)
		if err != nil {
			return err
		}
		if later != nil && later.Kind == c.r.Kind && !later.Received.Before(c.r.Received) {
			return nil
		}
	}
	c.differ("record.place", table, c.name, "")
	return nil
}

// headRow holds the head of the record's episode: of the current record it has
// the order, of others none greater.
func (c *checked) headRow(h *store.Episode) error {
	if c.r.Version == 0 {
		return nil
	}
	switch {
	case h == nil || h.Version < c.r.Version,
		c.r.Current && (h.Current != c.r.ID || h.Order != c.order),
		!c.r.Current && !h.Current.IsZero() && c.r.WithdrawnBy.IsZero() && dossier.Older(h.Order, c.order),
		h.Current.IsZero() && h.Order != "":
		c.wrong("episode.head", "")
	}
	return nil
}

// apart is how far the clocks of hubs that write beside each other may be apart.
const apart = time.Minute

// before reports whether o was there when r was committed. Files that come at once are
// received in one order and may be committed in another: the log says which it was.
func before(o, r *store.Record) bool {
	if o.Place.Log == r.Place.Log {
		return o.Place.Index < r.Place.Index
	}
	return !o.Received.After(r.Received.Add(apart))
}

// links holds the marks between records from both sides.
func (c *checked) links(ctx context.Context) error {
	r := c.r
	for _, l := range []struct {
		field string
		id    dossier.ID
		back  func(*store.Record) bool
	}{
		{"supersedes", r.Supersedes, func(o *store.Record) bool {
			return !o.SupersededBy.IsZero() && before(o, r)
		}},
		{"superseded_by", r.SupersededBy, func(o *store.Record) bool { return o.Supersedes == r.ID }},
		{"withdraws", r.Withdraws, func(o *store.Record) bool { return o.WithdrawnBy == r.ID }},
		{"withdrawn_by", r.WithdrawnBy, func(o *store.Record) bool { return o.Withdraws == r.ID && o.Kind == r.Kind }},
	} {
		if l.id.IsZero() {
			continue
		}
		other, err := c.get(ctx, l.id)
		if err != nil {
			return err
		}
		if other == nil || !l.back(other) {
			c.wrong("record.link", l.field)
			continue
		}
		switch l.field { // what a commit since the walk began says is not counted
		case "superseded_by":
			c.superseded = c.superseded || !c.since(other)
		case "withdrawn_by":
			c.withdrawn = !c.since(other)
		}
	}
	return nil
}

// timeline holds what happened to the record later against its marks.
func (c *checked) timeline(ctx context.Context) error {
	events, err := c.Slices.Records.Timeline(ctx, c.r.ID)
	if err != nil {
		return err
	}
	by := map[string]dossier.ID{"superseded": c.r.SupersededBy, "withdrawn": c.r.WithdrawnBy}
	seen := map[string]int{}
	for _, e := range events {
		seen[e.What]++
		switch e.What {
		case "superseded", "withdrawn":
			cause, err := c.get(ctx, e.By)
			if err != nil {
				return err
			}
			if e.By != by[e.What] || cause == nil || !cause.Received.Equal(e.At) || e.Detail != "" || !c.sentBy(ctx, cause, e.Actor) {
				c.wrong("record.timeline", e.What)
			}
		case "sealed_again":
			if !e.By.IsZero() || e.At.Before(c.r.Received) || e.Actor == "" || e.Detail != "" {
				c.wrong("record.timeline", e.What)
			}
		case "linked", "unlinked":
		case "erased":
			s := c.stones[c.r.ID]
			if !c.erasedSince(c.r) && (s == nil || !e.At.Equal(s.At) || e.Detail != s.Reason || e.Actor != s.Actor || !e.By.IsZero()) {
				c.wrong("record.timeline", e.What)
			}
		case store.SealRevoked, store.SealDisputed, store.SealBound, store.InsurerVerdict:
			if !c.annotated(c.r.ID, &e) {
				c.wrong("record.timeline", e.What)
			}
		default:
			c.wrong("record.timeline", e.What)
		}
	}
	if (seen["erased"] == 1) != !c.r.Erased.IsZero() {
		c.wrong("record.timeline", "erased")
	}
	for what, id := range by {
		want := 1
		if id.IsZero() {
			want = 0
		}
		if seen[what] != want {
			c.wrong("record.timeline", what)
		}
	}
	return nil
}

// sentBy reports whether the file of a record came from that sender.
func (c *checked) sentBy(ctx context.Context, r *store.Record, sender string) bool {
	f := c.file(ctx, r.ID.Facility, r.File)
	return f.row == nil || f.row.Sender == sender
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// sameFrame reports whether the record's own inner documents are those of its
// place in the file.
func (c *checked) sameFrame(f *sentFile) bool {
	return f.split == nil || bytes.Equal(f.split.Dossier(c.r.Index), c.frame)
}
