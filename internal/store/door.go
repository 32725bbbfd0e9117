package store

import (
	"context"
	"time"

	"lienthong/internal/care"
)

// GatewayAccount lets a HIS in by the insurer gateway's own login.
type GatewayAccount struct {
	Facility care.FacilityCode
	User     string // unique over the hub
	Hash     string // slow hash with its parameters, of what the HIS sends as password
	Since    time.Time
	Revoked  time.Time // zero: in use
}

// GatewaySession is what a token of the drop-in gateway opens.
type GatewaySession struct {
	Token    [32]byte // SHA-256 of the access token
	ID       [32]byte // SHA-256 of the id token
	Bound    [32]byte // what passwordHash must match, bound to the session
	Facility care.FacilityCode
	User     string
	Address  string // network address it was given to
	Expires  time.Time
}

// Gateways keeps accounts and sessions of the drop-in gateway.
type Gateways interface {
	// PutAccount keeps an account with its act, in place of an older one of the
	// same user and facility; ErrTaken when the user is another facility's.
	PutAccount(ctx context.Context, a GatewayAccount, act Act) error
	// Account returns the account of a user; ErrAbsent, also when revoked.
	Account(ctx context.Context, user string) (GatewayAccount, error)
	// Accounts lists the accounts of a facility, without hashes; "" of all.
	Accounts(ctx context.Context, facility care.FacilityCode) ([]GatewayAccount, error)
	// RevokeAccount ends an account and its sessions with its act; ErrAbsent.
	RevokeAccount(ctx context.Context, user string, at time.Time, act Act) error
	// Failed counts a failed login of a user or address and returns how many
	// there were since the moment; Passed forgets them.
	Failed(ctx context.Context, who string, at, since time.Time) (int, error)
	Passed(ctx context.Context, who string) error
	// Begin keeps a session and forgets those that are over.
	Begin(ctx context.Context, s GatewaySession, now time.Time) error
	// Session returns what a token opens now; ErrAbsent.
	Session(ctx context.Context, token [32]byte, now time.Time) (GatewaySession, error)
}

// Invite lets one agent enrol for a facility, once.
type Invite struct {
	Hash     [32]byte // keyed or plain SHA-256 of the code, which has 128 bits
	Facility care.FacilityCode
	Expires  time.Time
	Used     time.Time // zero: open
	Client   string    // who used it
}

// Enrolments keeps invites and clients that wait for a second person.
type Enrolments interface {
	// PutInvite keeps an invite with its act.
	PutInvite(ctx context.Context, i Invite, act Act) error
	// Redeem uses an invite for a key, in one commit with the client it makes
	// (DirectoryChange.Clients): the same invite with the same key again gives the
	// same client. approved false leaves the client waiting. ErrAbsent for an
	// invite unknown, expired, or used with another key.
	Redeem(ctx context.Context, hash [32]byte, change DirectoryChange, approved bool, now time.Time, act Act) (Invite, error)
	// Invites lists invites, newest first, at most 1,000.
	Invites(ctx context.Context, facility care.FacilityCode) ([]Invite, error)
	// Waiting lists clients that wait for approval.
	Waiting(ctx context.Context) ([]string, error)
	// Approve lets a waiting client in, with its act; ErrAbsent.
	Approve(ctx context.Context, client string, act Act) error
	// Sequence moves a client's sequence to n with the token next when prev is the
	// token kept, and returns the token to answer with: for a repeat of the last n
	// with the same prev the one kept. ok false: a fork.
	Sequence(ctx context.Context, client string, n int64, prev, next string, at time.Time) (token string, ok bool, err error)
	// Forks lists clients whose sequence forked, with when it was last seen.
	Forks(ctx context.Context) (map[string]time.Time, error)
}

// Feeds reads a facility's records in the order they were committed, and by day.
type Feeds interface {
	// After returns records of a facility behind a place in the order of
	// commits, at most limit, and the place after the last. No record is passed
	// over, also with several logs.
	After(ctx context.Context, facility care.FacilityCode, after string, limit int) ([]Fed, string, error)
	// Day returns every dossier a facility sent that day (received then, by the
	// calendar of Hanoi), records and places of replays not doubled: file digest
	// and index, kind, record, state.
	Day(ctx context.Context, facility care.FacilityCode, day int) ([]Fed, error)
}

// Fed is a record with the digest of the file it first came in.
type Fed struct {
	Record
	Digest [32]byte
}
