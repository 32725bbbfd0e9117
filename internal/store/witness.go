package store

import (
	"context"
	"time"

	"lienthong/internal/fault"
)

// ErrMoved: another process of this hub has gone on since it was read; read again.
var ErrMoved = fault.New(fault.Conflict, "witness.moved",
	"Trạng thái chứng kiến vừa được tiến trình khác cập nhật. Gửi lại.", "What was witnessed moved on meanwhile. Send again.")

// WatchedLog is a log of another hub that this one witnesses.
type WatchedLog struct {
	Origin     string // "<hub>/log/<n>"
	Key        string // verifier line of the log's key
	Size       uint64 // 0: nothing cosigned yet
	Checkpoint []byte // as cosigned last, the note without our line; nil at Size 0
	At         time.Time
	Since      time.Time
	Ended      time.Time // zero: in use
}

// The alarms about logs.
const (
	AlarmFork     = "fork"     // two signed checkpoints of one size that differ: proved
	AlarmUnproved = "unproved" // a signed checkpoint came without a proof that it continues what is known
	AlarmSender   = "sender"   // a sender remembers a checkpoint that this hub's log does not hold
	AlarmWitness  = "witness"  // a witness remembers a longer or another log than this hub has
	AlarmReceipt  = "receipt"  // a parent hub gave a receipt that does not prove what it should
)

// LogAlarm is what was seen of a log that does not fit what is known. It is
// kept once for what was seen.
type LogAlarm struct {
	Origin string
	Kind   string
	At     time.Time // first
	From   string    // who showed it: a client, a witness, "" unknown
	Known  []byte    // what is known: a checkpoint or "<origin> <size> <root>"
	Seen   []byte    // what was shown, the same
}

// Peer is another node that cosigns this hub's checkpoints.
type Peer struct {
	Key     string // verifier line of the witness
	URL     string // of the node, without the path
	Private bool   // may lie on a private network or on this machine
	Since   time.Time
	Ended   time.Time // zero: in use
}

// PeerState is how a witness does with one log.
type PeerState struct {
	Key      string
	Log      int
	Size     uint64 // it cosigned last; 0: none
	At       time.Time
	Failures int    // in a row
	Code     string // why the last asking failed
}

// Witness keeps both sides of witnessing.
type Witness interface {
	Witnessing
	Cosigning
}

// Witnessing keeps what this hub witnesses, and alarms.
type Witnessing interface {
	// WatchedLogs returns every log ever watched, by origin and key.
	WatchedLogs(ctx context.Context) ([]WatchedLog, error)
	// Watch begins to watch a log, with its act; one that is there under the same
	// origin and key is in use again and keeps what was seen of it.
	Watch(ctx context.Context, l WatchedLog, act Act) error
	// Advance moves a log from the size last seen on to a checkpoint: durable
	// when it returns. ErrMoved when the size kept is another.
	Advance(ctx context.Context, origin, key string, from, to uint64, checkpoint []byte, at time.Time) error
	// Alarm keeps an alarm and reports whether it is new.
	Alarm(ctx context.Context, a LogAlarm) (fresh bool, err error)
	// Alarms returns alarms, newest first, at most limit.
	Alarms(ctx context.Context, limit int) ([]LogAlarm, error)
}

// Cosigning keeps who cosigns this hub's checkpoints, and their cosignatures.
type Cosigning interface {
	// Peers returns every witness ever asked, by key.
	Peers(ctx context.Context) ([]Peer, error)
	// PutPeer keeps a witness with its act; one of the same key is replaced and in use again.
	PutPeer(ctx context.Context, p Peer, act Act) error
	// PeerStates returns how witnesses do, by key and log.
	PeerStates(ctx context.Context) ([]PeerState, error)
	// Asked keeps how an asking ended; line is the cosignature, "" when it failed,
	// and then the size cosigned before stays.
	Asked(ctx context.Context, s PeerState, line string) error
	// Cosigned returns the newest checkpoint of a log that a witness in use
	// cosigned, and the lines of all that cosigned that one; ErrAbsent.
	Cosigned(ctx context.Context, log int) (checkpoint []byte, lines []string, err error)
}
