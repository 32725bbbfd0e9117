package desk

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// ErrCursor: the place in a list cannot be read.
var ErrCursor = fault.New(fault.Invalid, "query.cursor",
	"Vị trí trong danh sách không đọc được. Mở lại danh sách.", "The place in the list cannot be read. Open the list again.")

// AnyAccepted is the state of the browser that takes both accepted verdicts.
const AnyAccepted = "accepted_any"

// List lists records newest first.
func (d *Desk) List(ctx context.Context, r role.Role, q view.Query) (view.List, error) {
	f, err := d.filter(q)
	if err != nil {
		return view.List{}, err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return view.List{}, err
	}
	records, more, err := d.records(ctx, r.Scope(), f, q.State)
	if err != nil {
		return view.List{}, err
	}
	list := view.List{Rows: make([]view.Row, len(records))}
	for i := range records {
		rec := &records[i]
		list.Rows[i] = view.Row{ID: rec.ID, At: rec.Received, Facility: named(dir, rec.ID.Facility, rec.FacilityVersion),
			Kind: rec.Kind, State: rec.State(), Codes: codes(rec.Verdict.Findings), Version: rec.Version}
	}
	if more && len(records) > 0 {
		last := records[len(records)-1]
		list.Next = cursorText(last.Received, last.ID)
	}
	return list, nil
}

// records asks the store; "accepted, warnings included" is two lists in one order.
func (d *Desk) records(ctx context.Context, scope role.Scope, f store.Filter, state string) ([]store.Record, bool, error) {
	if state != AnyAccepted {
		f.State = dossier.State(state)
		return d.in.Records.List(ctx, scope, f)
	}
	f.State = dossier.Accepted
	clean, more, err := d.in.Records.List(ctx, scope, f)
	if err != nil {
		return nil, false, err
	}
	f.State = dossier.AcceptedWithWarnings
	warned, moreWarned, err := d.in.Records.List(ctx, scope, f)
	if err != nil {
		return nil, false, err
	}
	all := append(clean, warned...)
	slices.SortFunc(all, func(a, b store.Record) int {
		return cmp.Or(b.Received.Compare(a.Received), cmp.Compare(b.ID.String(), a.ID.String()))
	})
	limit := cmp.Or(f.Limit, 50)
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, more || moreWarned, nil
}

func (d *Desk) filter(q view.Query) (store.Filter, error) {
	f := store.Filter{Facility: q.Facility, Province: q.Province, Level: q.Level, Kind: q.Kind, Tag: q.Code, Day: q.Day, Limit: min(q.Limit, 1000)}
	if q.Before != "" {
		c, ok := parseCursor(q.Before)
		if !ok {
			return f, ErrCursor
		}
		f.Before = c
	}
	if q.Episode != "" {
		if q.Facility == "" || d.in.Episode == nil {
			return f, view.ErrEpisodeFacility
		}
		keys, err := d.in.Episode(q.Facility, q.Episode)
		if err != nil {
			return f, err
		}
		f.Episode = keys
	}
	return f, nil
}

// Refused lists files returned whole, newest first.
func (d *Desk) Refused(ctx context.Context, r role.Role, q view.Query) (view.RefusedList, error) {
	q.Episode = ""
	f, err := d.filter(q)
	if err != nil {
		return view.RefusedList{}, err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return view.RefusedList{}, err
	}
	files, more, err := d.in.Records.Refusals(ctx, r.Scope(), f)
	if err != nil {
		return view.RefusedList{}, err
	}
	list := view.RefusedList{Rows: make([]view.RefusedRow, len(files))}
	for i, x := range files {
		list.Rows[i] = view.RefusedRow{ID: x.ID.String(), At: x.At, Facility: named(dir, x.ID.Facility, x.FacilityVersion),
			Sender: x.Sender, Size: x.Size, Digest: hex.EncodeToString(x.Digest[:]), Code: x.Code}
	}
	if more && len(files) > 0 {
		last := files[len(files)-1]
		list.Next = cursorText(last.At, last.ID)
	}
	return list, nil
}

// Record returns what may be known of a record without opening it.
func (d *Desk) Record(ctx context.Context, r role.Role, id dossier.ID) (view.Record, error) {
	rec, err := d.in.Records.Get(ctx, r.Scope(), id)
	if err != nil {
		return view.Record{}, err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return view.Record{}, err
	}
	events, err := d.in.Records.Timeline(ctx, id)
	if err != nil {
		return view.Record{}, err
	}
	out := view.Record{ID: rec.ID, Facility: named(dir, id.Facility, rec.FacilityVersion), Kind: rec.Kind, Received: rec.Received,
		State: rec.State(), Verdict: rec.Verdict, Version: rec.Version, Current: rec.Current, Supersedes: rec.Supersedes,
		SupersededBy: rec.SupersededBy, Withdraws: rec.Withdraws, WithdrawnBy: rec.WithdrawnBy, Erased: rec.Erased,
		Lane: rec.Lane.String(), Index: rec.Index, Log: rec.Place.Log, Leaf: rec.Place.Index, Linked: rec.Person != store.PersonID{}}
	for i := range 28 { // above are the sensitive classes
		if rec.Documents&(1<<i) != 0 {
			out.Documents = append(out.Documents, fmt.Sprintf("XML%d", i))
		}
	}
	for _, e := range events {
		out.Events = append(out.Events, view.Event{At: e.At, What: e.What, By: e.By, Detail: e.Detail})
	}
	if !out.Linked || d.in.Verified == nil {
		return out, nil
	}
	v, err := d.in.Verified(ctx, rec.Person)
	if err != nil {
		return view.Record{}, err
	}
	if v.Holds() {
		out.Events = append(out.Events, view.Event{At: v.At, What: "verified"})
	}
	return out, nil
}

// Samples returns records with a finding of a code, newest first.
func (d *Desk) Samples(ctx context.Context, r role.Role, code string, limit int) ([]view.Sample, error) {
	dir, err := d.directory(ctx)
	if err != nil {
		return nil, err
	}
	var out []view.Sample
	f := store.Filter{Tag: code}
	for len(out) < limit {
		f.Limit = min(1000, limit-len(out))
		records, more, err := d.in.Records.List(ctx, r.Scope(), f)
		if err != nil {
			return nil, err
		}
		for i := range records {
			rec := &records[i]
			s := view.Sample{Row: view.Row{ID: rec.ID, At: rec.Received, Facility: named(dir, rec.ID.Facility, rec.FacilityVersion),
				Kind: rec.Kind, State: rec.State(), Version: rec.Version}, Finding: dossier.Finding{Code: code}}
			for _, found := range rec.Verdict.Findings {
				if found.Code == code {
					s.Finding = found
					break
				}
			}
			out = append(out, s)
		}
		if !more || len(records) == 0 {
			break
		}
		f.Before = store.Cursor{At: records[len(records)-1].Received, ID: records[len(records)-1].ID}
	}
	return out, nil
}

// Looks lists disclosures, newest first.
func (d *Desk) Looks(ctx context.Context, r role.Role, record dossier.ID, before int64, limit int) ([]view.Look, bool, error) {
	dir, err := d.directory(ctx)
	if err != nil {
		return nil, false, err
	}
	rows, more, err := d.in.Disclosures.List(ctx, auditScope(r), store.DisclosureFilter{Record: record, Before: before, Limit: limit})
	if err != nil {
		return nil, false, err
	}
	list := make([]view.Look, len(rows))
	for i, x := range rows {
		list[i] = view.Look{ID: x.ID, At: x.At, Reader: x.Reader, Role: x.Role, Record: x.Record,
			Facility: named(dir, x.Facility, 0), Basis: x.Basis, Reason: x.Reason, Count: x.Count}
	}
	return list, more, nil
}

// Acts lists administrative acts, newest first; none for roles outside the room.
func (d *Desk) Acts(ctx context.Context, r role.Role, before int64, limit int) ([]view.Act, bool, error) {
	if !r.May(role.Audit) {
		return nil, false, nil
	}
	rows, err := d.in.Acts.Acts(ctx, before, limit+1)
	if err != nil {
		return nil, false, err
	}
	more := len(rows) > limit
	rows = rows[:min(limit, len(rows))]
	list := make([]view.Act, len(rows))
	for i, a := range rows {
		list[i] = view.Act{ID: a.ID, At: a.At, Actor: a.Actor, Action: a.Action, Object: a.Object, Detail: a.Detail}
	}
	return list, more, nil
}

// codes are those of findings, errors first, each once.
func codes(findings []dossier.Finding) []string {
	order := func(s dossier.Severity) int {
		return slices.Index([]dossier.Severity{dossier.Error, dossier.Warning, dossier.Info}, s)
	}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b dossier.Finding) int { return cmp.Compare(order(a.Severity), order(b.Severity)) })
	var list []string
	for _, f := range sorted {
		if !slices.Contains(list, f.Code) {
			list = append(list, f.Code)
		}
	}
	return list
}

func cursorText(at time.Time, id dossier.ID) string {
	return strconv.FormatInt(at.UnixMicro(), 36) + "_" + id.String()
}

func parseCursor(s string) (store.Cursor, bool) {
	head, tail, _ := strings.Cut(s, "_")
	micro, err := strconv.ParseInt(head, 36, 64)
	if err != nil {
		return store.Cursor{}, false
	}
	id, err := dossier.ParseID(tail)
	if err != nil {
		return store.Cursor{}, false
	}
	return store.Cursor{At: time.UnixMicro(micro).UTC(), ID: id}, true
}
