package api

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
	"lienthong/internal/kind"
	"lienthong/internal/ledger/jcs"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/trust"
	"lienthong/internal/web/delivery"
	"lienthong/internal/web/page"
)

var errFilter = page.ErrFilter

// Item is the metadata of a record: what lists show. Episode is given to the
// record's own facility and to operators only.
type Item struct {
	Record       string            `json:"record"`
	Facility     string            `json:"facility"`
	Episode      *string           `json:"episode"`
	Kind         string            `json:"kind"`
	Version      *int              `json:"version"`
	State        dossier.State     `json:"state"`
	Verdict      dossier.State     `json:"verdict"`
	Current      bool              `json:"current"`
	Supersedes   *string           `json:"supersedes"`
	SupersededBy *string           `json:"superseded_by"`
	WithdrawnBy  *string           `json:"withdrawn_by"`
	Withdraws    *string           `json:"withdraws"`
	Person       *string           `json:"person"`                 // null where a hub above links persons: person_above says what it said
	PersonAbove  *delivery.Above   `json:"person_above,omitempty"` // of one record, not in lists
	ReceivedAt   time.Time         `json:"received_at"`
	ErasedAt     *time.Time        `json:"erased_at,omitempty"`
	ErasedFor    string            `json:"erased_for,omitempty"` // retention, court_order, subject_request, mistake; of one record, not in lists
	JudgedWith   intake.Judged     `json:"judged_with"`
	Findings     []finding.Finding `json:"findings"`
	Via          string            `json:"via,omitempty"`   // insurer or migration: a carrier handed it on, not the facility
	Seals        []Seal            `json:"seals,omitempty"` // of one record, not in lists
}

func (a *API) item(r *http.Request, who Caller, rec *store.Record) Item {
	it := Item{
		Record: rec.ID.String(), Facility: string(rec.ID.Facility), Kind: rec.Kind, State: rec.State(), Verdict: rec.Verdict.State,
		Current: rec.Current, Supersedes: name(rec.Supersedes), SupersededBy: name(rec.SupersededBy), WithdrawnBy: name(rec.WithdrawnBy),
		Withdraws: name(rec.Withdraws), ReceivedAt: rec.Received,
		JudgedWith: intake.Judged{Pack: rec.Verdict.Pack, TrustEpoch: rec.Verdict.TrustEpoch},
		Findings:   finding.Of(a.Rules(), rec.Verdict.Findings), Via: trust.Via(rec.Verdict.Findings),
	}
	if e := a.Disclose.Episode(a.reader(r, who), rec); e != "" {
		it.Episode = &e
	}
	if rec.Version > 0 {
		it.Version = &rec.Version
	}
	if !rec.Erased.IsZero() {
		it.ErasedAt = &rec.Erased
	}
	if rec.Person != (store.PersonID{}) && !a.personsAbove() && who.Role == (role.Role{Kind: role.Facility, ID: it.Facility}) {
		p := evidence.PersonReference(a.Vault, rec.ID.Facility, rec.Person)
		it.Person = &p
	}
	return it
}

func name(id dossier.ID) *string {
	if id.IsZero() {
		return nil
	}
	s := id.String()
	return &s
}

// list answers GET /api/v1/records.
func (a *API) list(w http.ResponseWriter, r *http.Request, who Caller) error {
	f, err := a.filter(r, who)
	if err != nil {
		return err
	}
	records, more, err := a.Slices.Records.List(r.Context(), who.Role.Scope(), f)
	if err != nil {
		return err
	}
	items := make([]Item, len(records))
	for i := range records {
		items[i] = a.item(r, who, &records[i])
	}
	var next *string
	if more {
		last := records[len(records)-1]
		c := page.Write(store.Cursor{At: last.Received, ID: last.ID})
		next = &c
	}
	return give(w, map[string]any{"items": items, "next": next})
}

// filter reads ?facility=&episode=&state=&code=&kind=&since=&day=&province=&cursor=&limit=.
// An episode is looked up within one facility: the caller's own, or the one named.
func (a *API) filter(r *http.Request, who Caller) (store.Filter, error) {
	q := r.URL.Query()
	f := store.Filter{Kind: q.Get("kind"), Tag: q.Get("code"), State: dossier.State(q.Get("state")), Province: q.Get("province"), Limit: 50}
	if err := page.Words(f.Kind, f.Tag, f.Province); err != nil {
		return f, err
	}
	switch f.State {
	case "", dossier.Accepted, dossier.AcceptedWithWarnings, dossier.Rejected, dossier.Superseded, dossier.Withdrawn, dossier.Erased, dossier.Standing:
	default:
		return f, errFilter
	}
	if code := q.Get("facility"); code != "" {
		c, err := care.ParseFacilityCode(code)
		if err != nil {
			return f, errFilter.Because(err)
		}
		f.Facility = c
	}
	if episode := q.Get("episode"); episode != "" {
		if f.Facility == "" {
			f.Facility = who.Role.Scope().Facility
		}
		id, err := care.ParseEpisodeID(episode)
		if err != nil || f.Facility == "" {
			return f, errFilter.Because(err)
		}
		f.Episode = kind.EpisodeHashes(a.Vault, f.Facility, string(id))
	}
	var err error
	if s := q.Get("since"); s != "" {
		if f.Since, err = time.Parse(time.RFC3339, s); err != nil {
			return f, errFilter.Because(err)
		}
	}
	if f.Day, err = page.Number(q.Get("day"), 0, 99991231); err != nil {
		return f, err
	}
	if s := q.Get("limit"); s != "" {
		if f.Limit, err = page.Number(s, 1, 1000); err != nil {
			return f, err
		}
	}
	f.Before, err = page.Read(q.Get("cursor"))
	return f, err
}

// record answers GET /api/v1/records/{id}: state and findings, no content.
func (a *API) record(w http.ResponseWriter, r *http.Request, who Caller) error {
	rec, err := a.find(r, who)
	if err != nil {
		return err
	}
	it := a.item(r, who, rec)
	if !rec.Erased.IsZero() { // a tombstone is all there is
		t, err := a.Slices.Retention.Tombstone(r.Context(), rec.ID)
		if err != nil {
			return err
		}
		it.ErasedFor = t.Reason
		return give(w, it)
	}
	if it.Seals, err = a.seals(r, who, rec); err != nil {
		return err
	}
	if it.PersonAbove, err = a.delivery().PersonAbove(r.Context(), a.reader(r, who), rec.ID); err != nil {
		return err
	}
	return give(w, it)
}

func (a *API) find(r *http.Request, who Caller) (*store.Record, error) {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return a.Slices.Records.Get(r.Context(), who.Role.Scope(), id)
}

// timeline answers GET /api/v1/records/{id}/timeline.
func (a *API) timeline(w http.ResponseWriter, r *http.Request, who Caller) error {
	rec, err := a.find(r, who)
	if err != nil {
		return err
	}
	later, err := a.Slices.Records.Timeline(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	legs, err := a.delivery().Events(r.Context(), who.Role.Scope(), rec.ID)
	if err != nil {
		return err
	}
	type event struct {
		At          time.Time `json:"at"`
		What        string    `json:"what"`
		By          *string   `json:"by"`
		Detail      string    `json:"detail,omitempty"`
		Destination string    `json:"destination,omitempty"`
	}
	events := []event{{At: rec.Received, What: "received"}, {At: rec.Received, What: string(rec.Verdict.State)}}
	for _, t := range later {
		events = append(events, event{At: t.At, What: t.What, By: name(t.By), Detail: t.Detail})
	}
	for _, e := range legs {
		events = append(events, event{At: e.At, What: "leg." + e.What, Detail: e.Code, Destination: e.Destination})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(b.At) })
	return give(w, map[string]any{"items": events, "next": nil})
}

// withdraw answers POST /api/v1/records/{id}/withdraw with {"reason"}.
func (a *API) withdraw(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	reason, err := reasonOf(w, r)
	if err != nil {
		return err
	}
	result, err := a.Intake.Withdraw(r.Context(), a.sender(who), id, reason)
	if err != nil {
		return err
	}
	return give(w, result)
}

// reasonOf reads {"reason":"..."}, strictly: no member twice, no other.
func reasonOf(w http.ResponseWriter, r *http.Request) (string, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		return "", intake.ErrWithdrawReason.Because(err)
	}
	v, err := jcs.Parse(b)
	if err != nil {
		return "", intake.ErrWithdrawReason.Because(err)
	}
	said := jcs.Object(v)
	reason := said.Text("reason")
	if err := said.Close(); err != nil {
		return "", intake.ErrWithdrawReason.Because(err)
	}
	return reason, nil
}

func give(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a reader that has gone asks again
	return nil
}
