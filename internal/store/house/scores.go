package house

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/base"
)

// Scores keeps sheets of checks and what is counted by them. What counts is each
// current accepted record, and each live entry, on the day it came: intake and
// package steward append what changes in the same commit as the change.
type Scores interface {
	// Sheets returns every sheet kept, oldest first: of one subject the last is in force.
	Sheets(ctx context.Context) ([]ScoreSheet, error)
	// PutSheet puts a sheet in force from its Since on. Without an act it came with
	// the program: one that is there stays as it is.
	PutSheet(ctx context.Context, sheet ScoreSheet, act base.Act) error

	// Append appends what belongs to no commit of another slice.
	Append(ctx context.Context, deltas []ScoreDelta) error
	// Fold adds appended deltas up; called about once a second. It returns how many
	// rows it folded.
	Fold(ctx context.Context) (int, error)
	// Sum adds what is folded to what is not, in one snapshot, in order of subject,
	// sheet and key.
	Sum(ctx context.Context, scope role.Scope, q ScoreQuery) ([]ScoreSum, error)
	// Recount counts the marks of records anew, in the shape of Sum; subjects that
	// are databases are not among them, their entries are counted by Entries.
	Recount(ctx context.Context, scope role.Scope, q ScoreQuery) ([]ScoreSum, error)
	// Touched lists the days whose sums were changed since a moment, in order.
	Touched(ctx context.Context, since time.Time) ([]int, error)
	// Failing lists current records that fail a check, newest first, at most limit
	// (0: 50) out of the newest 100,000 that the query asks for.
	Failing(ctx context.Context, scope role.Scope, q ScoreQuery, sheet tally.ID, check, limit int) ([]dossier.ID, error)
	// Sample draws at most n current records with marks that came on a day, each as
	// likely as another, in order of nothing.
	Sample(ctx context.Context, day, n int) ([]ScoreSampled, error)
	// Undelivered counts records that have a leg which is due and not done, by kind
	// and the query's key, of the days their legs began.
	Undelivered(ctx context.Context, scope role.Scope, q ScoreQuery) ([]Undelivered, error)

	// PutRecount keeps what counting a day again gave, the last one of a day.
	PutRecount(ctx context.Context, r ScoreRecount) error
	// Recounts returns what was kept of days from one on, newest first.
	Recounts(ctx context.Context, fromDay int) ([]ScoreRecount, error)
}

// ScoreSheet is a sheet as kept; Body is what score.ParseSheet reads.
type ScoreSheet struct {
	Subject string
	Sheet   tally.ID
	Body    []byte
	Since   time.Time
	Actor   string // "" for one that came with the program
}

// ScoreDelta counts the marks of one record or entry N times.
type ScoreDelta struct {
	FacilityVersion int64  // 0: of nobody
	Day             int    // yyyyMMdd in Hanoi
	Subject         string // a kind of dossier, "db:ID"
	Marks           tally.Marks
	N               int64
}

// ScoreDimension is what scores are split by, beside subject and sheet; all but
// the day are joined from the facility's version.
type ScoreDimension string

// The dimensions.
const (
	ScoreByDay      ScoreDimension = "day"
	ScoreByFacility ScoreDimension = "facility"
	ScoreByProvince ScoreDimension = "province"
	ScoreByVendor   ScoreDimension = "vendor"
	ScoreByLevel    ScoreDimension = "level"
	ScoreByUnit     ScoreDimension = "unit"
)

// ScoreQuery selects and groups scores. Empty: all.
type ScoreQuery struct {
	FromDay, ToDay                int // inclusive; 0: open
	Subject                       string
	Facility                      care.FacilityCode
	Province, Vendor, Level, Unit string
	By                            []ScoreDimension
	// One asks Sum for one check: where it stands in a sheet, -1 for sheets without
	// it, which are left out. It is then the first and only one of each tally. Nil: all.
	One func(subject string, sheet tally.ID) int
}

// ScoreSum is the tally of one subject and sheet; Key is aligned with ScoreQuery.By.
type ScoreSum struct {
	Subject string
	Sheet   tally.ID
	Key     []string
	Tally   tally.Tally
}

// ScoreSampled is a record with the marks that are kept of it.
type ScoreSampled struct {
	ID    dossier.ID
	Marks tally.Marks
}

// Undelivered is how many records are not yet everywhere they must be.
type Undelivered struct {
	Subject string
	Key     []string
	N       int64
}

// ScoreRecount is what counting a day again gave.
type ScoreRecount struct {
	Day       int
	At        time.Time
	Seen      int64 // records
	Unequal   int64 // sums that are not what was counted, asked 0
	Sampled   int64 // records judged again from their bytes, in all runs of the job
	Differing int64 // of these, whose marks were others or that could not be read, asked 0
}
