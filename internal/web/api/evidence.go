package api

import (
	"net/http"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

// evidence answers GET /api/v1/records/{id}/evidence: one zip with everything
// that proves the record (package bundle). The look is durable before its first
// byte; an operator's copy is redacted, or refused, as the original is.
func (a *API) evidence(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	if a.Bundles == nil {
		return store.ErrAbsent
	}
	data, redacted, err := a.Bundles.Bundle(r.Context(), a.reader(r, who), id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+id.String()+`.evidence.zip"`)
	if redacted {
		h.Set("Redacted", "other-dossiers")
	}
	_, _ = w.Write(data) // a reader that has gone asks again
	return nil
}
