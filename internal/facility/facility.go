// Package facility holds what the hub knows of the places that send: their
// versions with dates, the units and provinces they belong to, the
// certificates they seal with and the carriers allowed to send for them. It
// decides nothing about a dossier.
package facility

import (
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

// Carrier is a system allowed to send files for a facility.
type Carrier struct {
	Client   string // the credential it logs in with
	Facility care.FacilityCode
	Kinds    []string // empty: all
	From, To time.Time
}

// Unit is an organisation with a role: a department, a province's department, a partner.
type Unit struct {
	ID   string
	Name fault.Text
	Kind string // department, province, insurer, partner
}

// Client is a credential a system logs in with (private_key_jwt, ES256).
type Client struct {
	ID        string
	Facility  care.FacilityCode
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
	if !ok {
		return false
	}
	if c.Facility == code {
		return true
	}
	for _, r := range d.carriers[client] {
		if r.Facility != code || t.Before(r.From) || (!r.To.IsZero() && !t.Before(r.To)) {
			continue
		}
		if len(r.Kinds) == 0 {
			return true
		}
		for _, k := range r.Kinds {
			if k == kind {
				return true
			}
		}
	}
	return false
}
