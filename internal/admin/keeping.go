package admin

import (
	"context"
	"encoding/json"
	"slices"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// What is kept of the hub's copies: the actions of Note.
const (
	BackupMade    = "backup.made"       // object: the SHA-256 of its manifest
	RestoreProven = "restore.proven"    // object: the SHA-256 of the manifest restored from
	RestoreGoesOn = "restore.continued" // object: the origin of the log that goes on
	RestoreNewLog = "restore.new_log"   // object: the origin of the log begun
	ArchiveMoved  = "archive.moved"     // object: the month, YYYY-MM, before which records were received
)

// ErrNote: not one of the things that are kept this way.
var ErrNote = fault.New(fault.Invalid, "admin.note", "Hub không ghi việc này theo cách này.", "The hub does not keep this in this way.")

// Note is one thing done to the hub's copies, for the acts: no personal data.
type Note struct {
	Action string          `json:"action"`
	Object string          `json:"object"`
	Detail json.RawMessage `json:"detail"` // a JSON object of at most 64 KiB
}

// Keep keeps a note as an act, with its leaf in the ledger.
func (o *Office) Keep(ctx context.Context, actor string, n Note) error {
	var detail map[string]any
	if !slices.Contains([]string{BackupMade, RestoreProven, RestoreGoesOn, RestoreNewLog, ArchiveMoved}, n.Action) || len(n.Object) > 200 || len(n.Detail) > 64<<10 {
		return ErrNote
	}
	if err := json.Unmarshal(n.Detail, &detail); err != nil {
		return ErrNote.Because(err)
	}
	delete(detail, "marks") // those of a change to the directory, which this is not
	b, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	act := store.Act{At: o.Clock.Now(), Actor: actor, Action: n.Action, Object: n.Object, Detail: string(b)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return o.Acts.Act(ctx, act)
}
