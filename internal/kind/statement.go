package kind

import (
	"time"

	"lienthong/internal/care"
)

// Statement is what a person stated of themself at one time, in the form of a
// dossier: no record, of no facility, signed by nobody. Package own keeps them.
type Statement struct {
	At       time.Time
	Gone     bool              // it was taken back then, and has no content
	Channel  string            // "portal", "counter_paper"
	Other    bool              // somebody who acts for the person wrote it
	Facility care.FacilityCode // of the counter
	Kind     string            // chart.Own
	Read     Dossier
	View     View
}
