package store

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/vault"
)

// Audit reads what only the re-verifier reads: whole tables, streamed, and the
// parts of rows that no other reader asks for. fn's error ends a walk and is
// returned; a row that cannot be read ends it with that row's error, after fn
// had those before it.
type Audit interface {
	// Checkpoints gives every stored checkpoint of a log, by size.
	Checkpoints(ctx context.Context, log int, fn func(size uint64, note []byte) error) error
	// Acts gives every act, oldest first.
	Acts(ctx context.Context, fn func(*Act) error) error
	// Disclosures gives every disclosure with the leaf that covers it, by log,
	// leaf and id; place is nil for those that no leaf covers yet.
	Disclosures(ctx context.Context, fn func(d *Disclosure, place *LeafPlace) error) error
	// Trace gives what Records.Get leaves out of a record, and which of tags it
	// can be asked by; ErrAbsent.
	Trace(ctx context.Context, id dossier.ID, tags []string) (*Trace, error)
	// Episodes gives the head of every episode with its kind.
	Episodes(ctx context.Context, fn func(*EpisodeHead) error) error
	// Files names every file.
	Files(ctx context.Context, fn func(facility care.FacilityCode, hash vault.Keyed) error) error
	// Strays gives rows that point at a row that is not there, or that
	// contradict the row they go with, at most limit.
	Strays(ctx context.Context, limit int) ([]Stray, error)
}

// Trace is what is kept of a record beside what Record has of it.
type Trace struct {
	Episode vault.Keyed
	Content vault.Keyed
	Late    bool       // it had a version and was not current when it came
	Same    dossier.ID // the record last made of its episode and content; zero where no row says so
	Head    *Episode   // of its episode and kind; nil without one
	Tags    []string   // those of the tags asked for that are there, in the order asked
	Place   dossier.ID // whose place is its own File and Index; zero: nobody's
}

// EpisodeHead is the head of an episode with what it is the head of.
type EpisodeHead struct {
	Facility care.FacilityCode
	Kind     string
	Episode
}

// Stray is a row that goes with no other.
type Stray struct {
	Table string // in the words of the contract: "place", "body", "link"...
	Row   string // where it is; no personal data
}
