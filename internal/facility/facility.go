// Package facility holds what the hub knows of the places that send: their
// versions with dates, the units and provinces they belong to, the
// certificates they seal with and the carriers allowed to send for them. It
// decides nothing about a dossier.
package facility

import (
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// Level is a facility's place in the system (Law 15/2023, Article 104: initial, basic, specialised;
// the pilot's figures still speak of central, provincial, regional and commune).
type Level string

// The levels, highest first.
const (
	Central    Level = "central"
	Provincial Level = "provincial"
	Regional   Level = "regional"
	Commune    Level = "commune"
)

// Levels lists the levels, highest first.
func Levels() []Level { return []Level{Central, Provincial, Regional, Commune} }

// ErrLevel is the answer to a word that is no level.
var ErrLevel = fault.New(fault.Invalid, "facility.level",
	"Tuyến phải là central, provincial, regional hoặc commune.",
	"The level must be central, provincial, regional or commune.")

// ParseLevel reads a level, Commune for "".
func ParseLevel(s string) (Level, error) {
	switch l := Level(s); l {
	case "":
		return Commune, nil
	case Central, Provincial, Regional, Commune:
		return l, nil
	}
	return "", ErrLevel
}

// Version is what was true of a facility from one moment on. It never changes:
// what changes makes a new version. A province is never read off the code.
type Version struct {
	ID           int64
	Code         care.FacilityCode
	Name         string
	Level        Level
	Type         string // hospital, clinic, station...: free word, "" unknown
	Province     string // two digits of the 34 provinces
	Ward         string // five digits, "" unknown
	Unit         string // id of the managing unit, "" unknown
	Vendor       string // maker of its HIS, "" unknown
	TaxCode      string // registered tax code: binds certificates of trusted roots
	Migrating    bool   // in a declared migration: seals may be expired
	Predecessors []care.FacilityCode
	From         time.Time
}

// Certificate is one pinned to a facility.
type Certificate struct {
	Facility    care.FacilityCode
	Fingerprint [32]byte // SHA-256 of DER
	DER         []byte
	Since       time.Time
	Revoked     time.Time // zero while in use
}

// Carrier is a system allowed to send files for a facility. Rows are added and
// never changed: one whose From and To are the same moment ends those of its
// client and facility that stand before it, from then on.
type Carrier struct {
	Client   string // the credential it logs in with
	Facility care.FacilityCode
	Kinds    []string  // empty: all
	From, To time.Time // To zero: open
}

// Ends reports whether the row ends others.
func (c Carrier) Ends() bool { return !c.To.IsZero() && !c.To.After(c.From) }

// At reports whether the grant holds at t.
func (c Carrier) At(t time.Time) bool {
	return !t.Before(c.From) && (c.To.IsZero() || t.Before(c.To))
}

// For reports whether the grant is for a kind of dossier.
func (c Carrier) For(kind string) bool { return len(c.Kinds) == 0 || slices.Contains(c.Kinds, kind) }

// Unit is an organisation with a role: a department, a province's department, a
// partner; or one that carries other people's files.
type Unit struct {
	ID   string
	Name fault.Text
	Kind string // department, province, insurer, partner, vendor, migration
}

// The sorts of units that may carry files for facilities.
const (
	SortInsurer   = "insurer"   // sends what facilities sent to it
	SortMigration = "migration" // an existing coordination system
	SortProvince  = "province"  // a province's hub
	SortVendor    = "vendor"    // the maker of facilities' software
	SortFacility  = "facility"  // another facility
)

// Client is a credential a system logs in with (private_key_jwt, ES256).
type Client struct {
	ID        string
	Facility  care.FacilityCode // "" of a unit's
	Unit      string            // whose it is where that is no facility; it sends as a carrier only
	KeyID     string
	PublicKey []byte // SPKI DER of a P-256 key
	Since     time.Time
	Revoked   time.Time // zero while in use
}

// Directory is everything above at one moment: immutable, shared by all
// requests, replaced when Epoch moves.
type Directory struct {
	Epoch    int64    // trust_epoch of receipts
	Anchors  [][]byte // DER of trusted roots
	Units    []Unit
	versions map[care.FacilityCode][]Version // oldest first
	byID     map[int64]Version
	certs    map[care.FacilityCode][]Certificate
	revoked  map[[32]byte]time.Time
	carriers map[string][]Carrier
	grants   []Carrier // in order, ends worked in
	clients  map[string]Client
	codes    []care.FacilityCode
	contents Contents
}

// Contents is what a store loads a directory from.
type Contents struct {
	Epoch        int64
	Anchors      [][]byte
	Units        []Unit
	Versions     []Version // any order
	Certificates []Certificate
	Carriers     []Carrier
	Clients      []Client
}

// Current returns the facility's version now, false when the code is unknown.
func (d *Directory) Current(code care.FacilityCode) (Version, bool) {
	v := d.versions[code]
	if len(v) == 0 {
		return Version{}, false
	}
	return v[len(v)-1], true
}

// At returns the version that held at t; the first one for earlier moments.
func (d *Directory) At(code care.FacilityCode, t time.Time) (Version, bool) {
	v := d.versions[code]
	if len(v) == 0 {
		return Version{}, false
	}
	for i := len(v) - 1; i > 0; i-- {
		if !v[i].From.After(t) {
			return v[i], true
		}
	}
	return v[0], true
}

// Version returns a version by its id.
func (d *Directory) Version(id int64) (Version, bool) {
	v, ok := d.byID[id]
	return v, ok
}

// Contents returns what the directory was made from, revoked and ended rows
// too; callers must not change it.
func (d *Directory) Contents() Contents { return d.contents }

// Codes lists all facilities in order of code; callers must not change it.
func (d *Directory) Codes() []care.FacilityCode { return d.codes }

// Certificates lists those pinned to the facility, revoked ones too.
func (d *Directory) Certificates(code care.FacilityCode) []Certificate { return d.certs[code] }

// RevokedAt returns since when a pinned certificate is revoked, by its
// fingerprint; false while it is not.
func (d *Directory) RevokedAt(fingerprint [32]byte) (time.Time, bool) {
	t, ok := d.revoked[fingerprint]
	return t, ok
}

// Client returns a credential in use.
func (d *Directory) Client(id string) (Client, bool) {
	c, ok := d.clients[id]
	return c, ok && c.Revoked.IsZero()
}

// MaySend reports whether a client may send files of the facility and kind at
// t: its own facility's always, another's as a carrier.
func (d *Directory) MaySend(client string, code care.FacilityCode, kind string, t time.Time) bool {
	c, ok := d.Client(client)
	if !ok || code == "" {
		return false
	}
	if c.Facility == code {
		return true
	}
	return slices.ContainsFunc(d.carriers[client], func(r Carrier) bool { return r.Facility == code && r.At(t) && r.For(kind) })
}

// Carriers returns the grants to carry files for a facility ("" all), ended and
// future ones too, in the order they were given; To is when a grant ends or was
// ended.
func (d *Directory) Carriers(code care.FacilityCode) []Carrier {
	var out []Carrier
	for _, r := range d.grants {
		if code == "" || r.Facility == code {
			out = append(out, r)
		}
	}
	return out
}

// Unit returns an organisation.
func (d *Directory) Unit(id string) (Unit, bool) {
	i := slices.IndexFunc(d.Units, func(u Unit) bool { return u.ID == id })
	if i < 0 {
		return Unit{}, false
	}
	return d.Units[i], true
}

// Sort says what carries for others with a credential: SortInsurer and so on,
// "" for one that is not in use or whose unit is no carrier.
func (d *Directory) Sort(client string) string {
	c, ok := d.Client(client)
	if !ok {
		return ""
	}
	if c.Unit == "" {
		return SortFacility
	}
	u, _ := d.Unit(c.Unit)
	switch u.Kind {
	case SortInsurer, SortMigration, SortProvince, SortVendor:
		return u.Kind
	}
	return ""
}
