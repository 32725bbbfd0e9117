package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
)

// LegGroup is deliveries to one destination that somebody must look at for the
// same reason.
type LegGroup struct {
	Destination string
	State       exchange.State // Held or Parked
	Code        string
	N           int
	Facilities  int
	Oldest      time.Time // Created of the oldest
}

// LegGroups is the most groups Stuck gives.
const LegGroups = 200

// SoftwareQuery asks for rejects by the software that sent them.
type SoftwareQuery struct {
	From, To time.Time // of receipt: from, and before to
	Name     string    // of the software or, where a file names none, of the facility's vendor; "" all
}

// SoftwareCount is how many rejected dossiers of a facility, sent by one
// software, have one finding.
type SoftwareCount struct {
	Software string // name/version as the sender says it; "" it named none
	Vendor   string // of the facility's version as it was; "" unknown
	Facility care.FacilityCode
	Code     string
	N        int64
	Newest   time.Time  // received
	Example  dossier.ID // the newest of them
}

// SoftwareRows is the most rows Rejects gives: the most frequent ones.
const SoftwareRows = 5_000

// Vendor binds a role "partner:ID" to the name of software.
type Vendor struct {
	ID    string
	Name  string // as Software begins with, up to "/"
	Since time.Time
}

// Surveys counts what an operator looks at, from the rows themselves.
type Surveys interface {
	// Stuck groups the held or parked legs of the scope that f selects, without
	// Limit and Before, by destination, state and code, the largest first, at most
	// LegGroups. Of another f.State there are none.
	Stuck(ctx context.Context, scope role.Scope, f LegFilter) ([]LegGroup, error)
	// Rejects counts findings of dossiers rejected, each once per dossier, by
	// software, vendor, facility and code, the most first, at most SoftwareRows.
	Rejects(ctx context.Context, q SoftwareQuery) ([]SoftwareCount, error)
	// PutVendor binds a partner to the name of its software with its act; one that
	// is bound is bound anew. An empty name ends it.
	PutVendor(ctx context.Context, v Vendor, act Act) error
	// Vendors returns what is bound, by ID.
	Vendors(ctx context.Context) ([]Vendor, error)
}
