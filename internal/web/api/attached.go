package api

import (
	"mime"
	"net/http"
	"path"
	"strconv"

	"lienthong/internal/dossier"
	"lienthong/internal/jsondoc"
	"lienthong/internal/store"
)

// seal answers GET /api/v1/records/{id}/seal: the detached seal of the file a
// record came in, as it was sent. A file sealed inside has none.
func (a *API) seal(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	sent, _, err := a.Disclose.Sent(r.Context(), a.reader(r, who), id)
	if err != nil {
		return err
	}
	if sent.Seal == "" {
		return store.ErrAbsent
	}
	return hand(w, "application/jose", id.String()+formOf(sent.Bytes).suffix+sealSuffix, []byte(sent.Seal))
}

// paper answers GET /api/v1/records/{id}/papers/{n}: a paper that came beside the
// file, n from 1, and its seal in the header Seal.
func (a *API) paper(w http.ResponseWriter, r *http.Request, who Caller) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return store.ErrAbsent
	}
	p, err := a.Disclose.Paper(r.Context(), a.reader(r, who), id, n)
	if err != nil {
		return err
	}
	if p.Seal != "" {
		w.Header().Set("Seal", p.Seal)
	}
	return hand(w, "application/pdf", path.Base(p.Name), p.Bytes)
}

// hand gives bytes to be kept as a file.
func hand(w http.ResponseWriter, kind, name string, b []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	_, _ = w.Write(b) // a reader that has gone asks again
	return nil
}

// form is what an original is: XML or JSON.
type form struct{ kind, suffix string }

func formOf(raw []byte) form {
	if jsondoc.IsJSON(raw) {
		return form{"application/json", ".json"}
	}
	return form{"application/xml", ".xml"}
}
