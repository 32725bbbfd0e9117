package api

import (
	"net/http"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/web/page"
)

// field is one field of a document, as sent.
type field struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// content answers GET /api/v1/records/{id}/content: the documents of a record
// as tables of fields, after the look has been written down.
func (a *API) content(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	opened, err := a.Disclose.Open(r.Context(), a.reader(r, who), id)
	if err != nil {
		return err
	}
	type document struct {
		Table string    `json:"table"`
		Rows  [][]field `json:"rows"`
	}
	docs := []document{}
	if opened.Read.Content != nil {
		for _, t := range opened.Read.Content.Tables() {
			docs = append(docs, document{t.Columns.Table, rows(t)})
		}
	}
	return give(w, map[string]any{"record": opened.Record.ID.String(), "episode": opened.Episode, "documents": docs})
}

func rows(t *dossier.Table) [][]field {
	names := t.Columns.Names()
	out := make([][]field, len(t.Rows))
	for i, row := range t.Rows {
		fields := make([]field, 0, len(row.Cells))
		for k, c := range row.Cells {
			if c.Text != "" {
				fields = append(fields, field{names[k], c.Text})
			}
		}
		for _, x := range row.Extra {
			fields = append(fields, field{x.Name, x.Cell.Text})
		}
		out[i] = fields
	}
	return out
}

// related answers GET /api/v1/records/{id}/related: the records of the same
// person that lie in the reader's scope.
func (a *API) related(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	list, err := a.Disclose.Related(r.Context(), a.reader(r, who), id, 200)
	if err != nil {
		return err
	}
	items := make([]Item, len(list))
	for i := range list {
		items[i] = a.item(r, who, &list[i])
	}
	return give(w, map[string]any{"items": items, "next": nil})
}

// original answers GET /api/v1/records/{id}/original: the exact bytes of the
// file, or a redacted form where others' dossiers are in it.
func (a *API) original(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	raw, redacted, err := a.Disclose.Original(r.Context(), a.reader(r, who), id)
	if err != nil {
		return err
	}
	if redacted {
		w.Header().Set("Redacted", "other-dossiers")
	}
	return hand(w, formOf(raw).kind, id.String()+formOf(raw).suffix, raw)
}

// receipt answers GET /api/v1/records/{id}/receipt: the receipt document, the
// same bytes at every request.
func (a *API) receipt(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	doc, err := a.Disclose.Receipt(r.Context(), a.reader(r, who), id)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+id.String()+`.receipt.json"`)
	_, _ = w.Write(doc) // a reader that has gone asks again
	return nil
}

// disclosures answers GET /api/v1/disclosures: who looked, newest first.
func (a *API) disclosures(w http.ResponseWriter, r *http.Request, who Caller) error {
	before, err := page.Number(r.URL.Query().Get("before"), 0, 1<<53)
	if err != nil {
		return err
	}
	f := store.DisclosureFilter{Before: int64(before), Limit: 100}
	scope := who.Role.Scope()
	scope.All = true // the room is the auditor's and the operator's: every look
	list, more, err := a.Slices.Disclosures.List(r.Context(), scope, f)
	if err != nil {
		return err
	}
	type look struct {
		ID       int64     `json:"id"`
		At       time.Time `json:"at"`
		Reader   string    `json:"reader"`
		Role     string    `json:"role"`
		Record   *string   `json:"record"`
		Facility string    `json:"facility"`
		Basis    string    `json:"basis"`
		Policy   string    `json:"policy"`
		Reason   string    `json:"reason"`
		Route    string    `json:"route"`
		Count    int       `json:"count"`
	}
	items := make([]look, len(list))
	for i, d := range list {
		items[i] = look{d.ID, d.At, d.Reader, d.Role, name(d.Record), string(d.Facility), d.Basis, d.Policy, d.Reason, d.Route, d.Count}
	}
	var next *int64
	if more {
		next = &list[len(list)-1].ID
	}
	return give(w, map[string]any{"items": items, "next": next})
}
