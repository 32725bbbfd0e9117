package hub

import (
	"net/http"

	"lienthong/internal/care"
	"lienthong/internal/evidence"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/fhir"
	"lienthong/internal/web/token"
)

// openAudit wires the view of who looked in the form of FHIR: for people by
// their sessions, no system asks here.
func (h *Hub) openAudit() error {
	var err error
	h.audit, err = fhir.New(fhir.Deps{Caller: func(r *http.Request) (fhir.Caller, error) {
		who, err := h.Sessions.Current(r)
		if err != nil {
			return fhir.Caller{}, token.ErrToken.Because(err)
		}
		c := fhir.Caller{Role: who.Role, Name: "session:" + who.Mark}
		if who.Role.Kind == role.Citizen {
			c.Person = who.Person
		}
		return c, nil
	}, Looks: h.Slices.Disclosures, Act: h.Slices.Keys.Act,
		Reference: func(f care.FacilityCode, p store.PersonID) string { return evidence.PersonReference(h.Vault, f, p) },
		Hub:       h.cfg.Name, Clock: h.cfg.Clock, Logger: h.cfg.Logger})
	return err
}
