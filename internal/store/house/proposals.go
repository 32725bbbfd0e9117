package house

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/store/base"
)

// Proposal is something that cleaning found and would change. What its states
// and its body mean is package cleaning's.
type Proposal struct {
	ID       string // of what it is about: the same thing found again has the same
	Database registry.ID
	Detector string
	Kind     string // what would be done
	State    string
	Version  int    // from 1, one more with every Put
	Facts    []byte // digest of what it rests on
	Night    int    // of the last time it was found, yyyyMMdd in Hanoi
	Entries  []registry.EntryID
	At       time.Time // first found
	Changed  time.Time
	Actor    string // who changed it last, "hub" for the night
	Reason   string
	Body     string // JSON: no value of a sealed field
	Undo     string // JSON: what undoing needs, "" nothing
}

// ProposalStep is a state a proposal came to.
type ProposalStep struct {
	N      int // the version it came with
	At     time.Time
	State  string
	Actor  string
	Reason string
}

// ProposalFilter selects proposals. Empty fields select all.
type ProposalFilter struct {
	Databases []registry.ID // nil: all; empty and not nil: none
	Detector  string
	State     string
	Before    int    // found last before this night; 0: not asked
	After     string // id: behind it. Lists are in the order of ids
	Limit     int    // at most 1,000; 0: 50
}

// ProposalCount is how many proposals there are.
type ProposalCount struct {
	Database registry.ID
	Detector string
	State    string
	N        int64
}

// Proposals keeps proposals of cleaning, with every state they came to.
type Proposals interface {
	// Held returns those of the ids that there are, by id.
	Held(ctx context.Context, ids []string) ([]Proposal, error)
	// Put keeps proposals of different ids, each of a version one more than what is
	// there, all or none (ErrChanged), with an act where there is one.
	Put(ctx context.Context, proposals []Proposal, act *base.Act) error
	// Again says that proposals were found again, in a night; nothing else changes.
	Again(ctx context.Context, night int, ids []string) error
	// List returns proposals and whether more follow.
	List(ctx context.Context, f ProposalFilter) ([]Proposal, bool, error)
	// Counts counts, by database, detector and state.
	Counts(ctx context.Context) ([]ProposalCount, error)
	// Steps returns what a proposal went through, oldest first.
	Steps(ctx context.Context, id string) ([]ProposalStep, error)
	// About returns the open proposals of a detector ("" any) about entries, by id,
	// at most 1,000.
	About(ctx context.Context, database registry.ID, detector, state string, entries []registry.EntryID) ([]Proposal, error)
}

// Group are entries of which a field says the same.
type Group struct {
	Value   []byte // as keys hold it: folded, or a keyed hash
	Entries []registry.EntryID
}

// EntryKey is one thing an entry is found by.
type EntryKey struct {
	Entry registry.EntryID
	Key
}

// Alike finds entries that say the same, by what they are found by: nothing is opened.
type Alike interface {
	// Groups walks the values of a field behind one (nil: from the first) in order,
	// that two entries or more have, at most limit of them. It names of each value at
	// most `most` live entries, in the order of ids; fewer than two where others are
	// not live any more.
	Groups(ctx context.Context, database registry.ID, field string, after []byte, limit, most int) ([]Group, error)
	// KeysOf returns what entries are found by, by entry, field and value.
	KeysOf(ctx context.Context, database registry.ID, entries []registry.EntryID) ([]EntryKey, error)
}

// MostProposals is how many proposals one Put takes.
const MostProposals = 1000

// CheckProposals reports why proposals cannot be kept. Fault: store.text.
func CheckProposals(all []Proposal) error {
	if len(all) > MostProposals {
		return errors.New("house: too many proposals for one commit")
	}
	for i := range all {
		p := &all[i]
		if p.ID == "" || p.Database == "" || p.Detector == "" || p.State == "" || p.Version < 1 || p.At.IsZero() || p.Changed.IsZero() || len(p.Facts) == 0 ||
			!json.Valid([]byte(p.Body)) || p.Undo != "" && !json.Valid([]byte(p.Undo)) {
			return errors.New("house: a proposal without id, database, detector, state, version, moments, facts or body")
		}
		if err := base.CheckText(p.ID, string(p.Database), p.Detector, p.Kind, p.State, p.Actor, p.Reason, p.Body, p.Undo); err != nil {
			return err
		}
	}
	return nil
}

// EntriesText writes the entries of a proposal as engines keep them: their bytes,
// one behind another. ReadEntries reads it.
func EntriesText(all []registry.EntryID) []byte {
	out := make([]byte, 0, 16*len(all))
	for _, id := range all {
		out = append(out, id[:]...)
	}
	return out
}

// ReadEntries reads what EntriesText wrote.
func ReadEntries(b []byte) ([]registry.EntryID, error) {
	if len(b)%16 != 0 {
		return nil, errors.New("house: entries of a proposal are no ids")
	}
	var out []registry.EntryID
	for c := range slices.Chunk(b, 16) {
		out = append(out, registry.EntryID(c))
	}
	return out, nil
}
