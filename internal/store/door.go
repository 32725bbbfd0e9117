package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
)

// GatewayAccount lets a HIS in by the insurer gateway's own login.
type GatewayAccount struct {
	Facility care.FacilityCode
	User     string // unique over the hub
	Hash     string // slow hash with its parameters, of what the HIS sends as password
	Roaming  bool   // its tokens hold from any address: several machines behind changing addresses
	Since    time.Time
	Revoked  time.Time // zero: in use
}

// Mark names what an account says, so that the act that made it vouches for its
// row: 16 bytes of a SHA-256 in hexadecimal.
func (a *GatewayAccount) Mark() string {
	return mark("", "gateway", string(a.Facility), a.User, sum([]byte(a.Hash)), a.Roaming, a.Since.UnixMicro())
}

// GatewaySession is what a token of the drop-in gateway opens.
type GatewaySession struct {
	Token    [32]byte // SHA-256 of the access token
	ID       [32]byte // SHA-256 of the id token
	Bound    [32]byte // what passwordHash must match, bound to the session
	Facility care.FacilityCode
	User     string
	Address  string // network address it was given to
	Roaming  bool   // holds from any address; the account's, filled by Session
	Expires  time.Time
}

// GatewayFailures is how many logins of a name or address failed in a row.
type GatewayFailures struct {
	N    int
	Last time.Time
}

// Gateways keeps accounts and sessions of the drop-in gateway.
type Gateways interface {
	// PutAccount keeps an account with its act, in place of an older one of the
	// same user and facility, whose sessions end; ErrTaken when the user is
	// another facility's.
	PutAccount(ctx context.Context, a GatewayAccount, act Act) error
	// Account returns the account of a user; ErrAbsent, also when revoked.
	Account(ctx context.Context, user string) (GatewayAccount, error)
	// Accounts lists the accounts of a facility, without hashes; "" of all.
	Accounts(ctx context.Context, facility care.FacilityCode) ([]GatewayAccount, error)
	// RevokeAccount ends an account and its sessions with its act; ErrAbsent.
	RevokeAccount(ctx context.Context, user string, at time.Time, act Act) error
	// Failures returns, for each of who, how many logins failed in a row, the last
	// of them after since.
	Failures(ctx context.Context, who []string, since time.Time) ([]GatewayFailures, error)
	// Failed counts a failed login of each of who. What lies before since counts no
	// more and is forgotten, of others too.
	Failed(ctx context.Context, who []string, at, since time.Time) error
	// Passed forgets the failures of who and keeps that the pair (of a name and an
	// address) was let in; pairs let in before since are forgotten. Let reports
	// whether a pair was let in after since.
	Passed(ctx context.Context, who []string, pair string, at, since time.Time) error
	Let(ctx context.Context, pair string, since time.Time) (bool, error)
	// Begin keeps a session and forgets those that are over.
	Begin(ctx context.Context, s GatewaySession, now time.Time) error
	// Session returns what a token opens now; ErrAbsent.
	Session(ctx context.Context, token [32]byte, now time.Time) (GatewaySession, error)
}

// Invite lets one agent enrol for a facility, once.
type Invite struct {
	Hash     [32]byte // SHA-256 of the code, which has 128 bits
	Facility care.FacilityCode
	By       string // who made it
	Made     time.Time
	Expires  time.Time
	Used     time.Time // zero: open
	Client   string    // who used it
	Waiting  bool      // its client waits for a second person
}

// Applicant is a client that enrolled and that a second person has yet to let in.
type Applicant struct {
	facility.Client
	By       string // who invited it
	Software string // name/version of what enrolled, as it says
}

// Step is one request of a client in its sequence.
type Step struct {
	Client string
	N      int64  // counted from 1
	Prev   string // the token this client was given with N-1, "-" for the first
	Next   string // the token to give now, unless one was given
	Known  bool   // Prev is surely one that this hub gave with N-1: a store behind it was put back to an old copy and catches up
	At     time.Time
}

// Enrolments keeps invites, clients that wait for a second person, and the
// sequences of senders.
type Enrolments interface {
	// PutInvite keeps an invite with its act.
	PutInvite(ctx context.Context, i Invite, act Act) error
	// Invite returns an invite, also one that is used or expired; ErrAbsent.
	Invite(ctx context.Context, hash [32]byte) (Invite, error)
	// Redeem uses an invite for a client's key, in one commit with the client: in
	// the directory when approved, else waiting. The same invite with the same key
	// again changes nothing and returns the invite as it was used, while its
	// client waits or is in use. ErrAbsent for an invite unknown, expired, used
	// with another key, or of another facility.
	Redeem(ctx context.Context, hash [32]byte, a Applicant, approved bool, act Act) (Invite, error)
	// Invites lists invites, newest first, at most 1,000; "" of all facilities.
	Invites(ctx context.Context, facility care.FacilityCode) ([]Invite, error)
	// Waiting lists who waits for approval, the longest waiting first.
	Waiting(ctx context.Context) ([]Applicant, error)
	// Approve puts a waiting client into the directory, with its act; ErrAbsent.
	Approve(ctx context.Context, client string, act Act) error
	// Dismiss forgets a waiting client, with its act; ErrAbsent.
	Dismiss(ctx context.Context, client string, act Act) error
	// Second reports whether a second person must approve; SetSecond says so, with its act.
	Second(ctx context.Context) (bool, error)
	SetSecond(ctx context.Context, second bool, act Act) error
	// Sequence moves a client's sequence to s.N when s.Prev is the token given
	// last, and returns the token to answer with: for a repeat of the last N with
	// the same Prev the one given then. ok false: a fork, nothing is changed; so is
	// every step of a client that Fork named.
	Sequence(ctx context.Context, s Step) (token string, ok bool, err error)
	// Fork keeps that a client's sequence forked, and when it was last seen. The
	// act is kept with the first; fresh tells.
	Fork(ctx context.Context, client string, at time.Time, act Act) (fresh bool, err error)
	// Forks lists clients whose sequence forked and that are in use, with when
	// that was last seen.
	Forks(ctx context.Context) (map[string]time.Time, error)
}

// ErrFeedPlace: not a place that After gave.
var ErrFeedPlace = fault.New(fault.Invalid, "feed.cursor",
	"Vị trí trong luồng kết quả không đúng. Bỏ tham số since để đọc lại từ đầu.",
	"This is not a place in the feed. Leave out since to read from the beginning.")

// Feeds reads a facility's records in the order they were committed, and by
// day, and keeps what comparing the days came to.
type Feeds interface {
	// After returns records of a facility behind a place in the order of commits
	// ("": from the first), the next limit of them, and the place after the last.
	// With each come the records whose state it changed (superseded, withdrawn),
	// as they are now. No record is passed over, also with several logs and
	// writers. A facility without news costs the same at any size.
	// Fault: feed.cursor.
	After(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]Fed, string, error)
	// Day returns every dossier a facility sent that was received on a day of
	// Hanoi (yyyyMMdd), each once, with the file it first came in, however often
	// it was sent and whatever became of it; no withdrawals. At most limit.
	Day(ctx context.Context, facility care.FacilityCode, day, limit int) ([]Dispatched, error)
	// Annotations returns what was learned later about a facility's records after a
	// moment, the earliest first, at most limit. A moment is set before its commit:
	// who follows looks back a while.
	Annotations(ctx context.Context, facility care.FacilityCode, after time.Time, limit int) ([]Annotation, error)
	// PutManifest keeps how a day compared, in place of an older comparison.
	PutManifest(ctx context.Context, m Manifest) error
	// Manifests returns comparisons of days from...to (yyyyMMdd, 0: open) of the
	// scope, newest day first, then by facility, at most 1,000.
	Manifests(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]Manifest, error)
}

// Fed is a record with the digest of the file it first came in, zero when that
// was erased.
type Fed struct {
	Record
	Digest [32]byte
}

// Dispatched is a dossier as it was sent.
type Dispatched struct {
	Record dossier.ID
	Kind   string
	State  dossier.State // of the verdict
	Digest [32]byte      // of the file; zero when that was erased
	Index  int
}

// Manifest is how what a facility says it sent on a day compared with what is here.
type Manifest struct {
	Facility care.FacilityCode
	Day      int // yyyyMMdd in Hanoi
	At       time.Time
	By       string // who compared
	Equal    bool
	Sent     int // as the facility counts
	Accepted int // here
	Rejected int
	Erased   int // here, and no longer to be compared
	Missing  int // the facility names, and that are not here; -1: not asked yet
	Extra    int // here, and the facility does not name; -1: not asked yet
}
