package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"lienthong/internal/ledger"
)

// The states of a stamp.
const (
	StampKept    = "stamped" // a verified token over the checkpoint
	StampLate    = "late"    // demanded, and no authority has given one yet
	StampCovered = "covered" // was late; a later checkpoint was stamped instead, which covers this one
)

// Stamp is a time-stamp of a checkpoint, or the demand for one.
type Stamp struct {
	Log       int
	Size      uint64 // of the checkpoint
	State     string
	Authority string    // address of the authority's entry; of a late one that which failed last
	At        time.Time // when it was taken or first demanded, by the hub's clock
	GenTime   time.Time // when the authority saw the checkpoint; zero unless stamped
	NotAfter  time.Time // when the authority's signing certificate ends
	Attempts  int       // that failed before
	Code      string    // why the last one failed
	Token     []byte    // TimeStampToken, DER; nil in lists
}

// Statement returns what the annotation leaf of a token commits to: JSON with
// the members in this order.
func (s *Stamp) Statement() []byte {
	digest := sha256.Sum256(s.Token)
	b, err := json.Marshal(struct {
		What      string `json:"what"`
		Log       int    `json:"log"`
		Size      uint64 `json:"size"`
		Token     string `json:"token_sha256"`
		GenTime   int64  `json:"gen_time"` // microseconds UTC
		NotAfter  int64  `json:"not_after"`
		At        int64  `json:"at"`
		Authority string `json:"authority"`
	}{"stamp", s.Log, s.Size, hex.EncodeToString(digest[:]), s.GenTime.UnixMicro(), s.NotAfter.UnixMicro(), s.At.UnixMicro(), s.Authority})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return b
}

// Leaf is the annotation leaf of a kept token: with it in the tree, the next
// stamp of this log covers this token too.
func (s *Stamp) Leaf() []byte { return ledger.StatementLeaf(ledger.LeafAnnotation, s.Statement()) }

// Stamps keeps the time-stamps of checkpoints.
type Stamps interface {
	// Keep keeps a verified token with its annotation leaf, committed together,
	// in the log this process writes. The log's late demands at or below its
	// size become covered. A token that is there is kept once. ErrNoLog.
	Keep(ctx context.Context, s Stamp) error
	// Late notes that a demand failed: of several in a row there is one row, of
	// the first size demanded, with the number of attempts and the last code.
	Late(ctx context.Context, s Stamp) error
	// Last returns the newest stamp of a log and its open demand, nil without.
	Last(ctx context.Context, log int) (last, late *Stamp, err error)
	// List returns stamps and demands of a log, newest first, without tokens,
	// at most limit, of sizes below before (0: all), and whether more follow.
	List(ctx context.Context, log int, before uint64, limit int) ([]Stamp, bool, error)
	// Covering returns the stamp of the smallest stamped size that is at least
	// size, with its token; ErrAbsent.
	Covering(ctx context.Context, log int, size uint64) (*Stamp, error)
	// EachStamp gives every kept token, for the re-verifier and for evidence of
	// the whole; fn's error ends it.
	EachStamp(ctx context.Context, fn func(*Stamp) error) error
}
