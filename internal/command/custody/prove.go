package custody

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/backup"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/ledger"
	"lienthong/internal/reverify"
	"lienthong/internal/role"
	"lienthong/internal/store"
	webadmin "lienthong/internal/web/admin"
)

// sampled: of one record in so many a restore makes the content again; of every
// one the row, the receipt, the leaf and the seals are held (reverify.Options).
const sampled = 256

// walk re-verifies the store where that is asked for, and says where it ends.
func (c *restoreRunCmd) walk(ctx context.Context, s *command.Streams, slices *store.Slices, keys *keyring.Keys, out *restored) error {
	if err := ends(ctx, slices, out); err != nil {
		return err
	}
	if !c.Verify {
		return nil
	}
	if keys == nil {
		return errKeys
	}
	options := reverify.Options{Sample: sampled}
	if c.All {
		options.Sample = 1
	}
	for _, path := range c.Known {
		note, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		options.Known = append(options.Known, note)
	}
	deps, err := reverifyDeps(*keys)
	if err != nil {
		return err
	}
	deps.Slices = slices
	x, err := reverify.New(deps)
	if err != nil {
		return err
	}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	began := time.Now()
	report, err := x.Run(ctx, options)
	if err != nil {
		return err
	}
	out.Walked = time.Since(began).Seconds()
	out.Whole = report.Whole
	out.Verified, out.Records, out.Different = true, report.Records, len(report.Differences)+report.More
	if t := out.Laid + out.Walked; t > 0 {
		out.PerSecond = float64(report.Records) / t
	}
	for _, d := range report.Differences {
		fmt.Fprintf(s.Err, "%-20s %s %s %s: %s\n", d.Code, d.Table, d.Row, d.Field, d.Text.In(s.Lang))
	}
	return nil
}

// ends says the last receipt of a store and where its logs end.
func ends(ctx context.Context, slices *store.Slices, out *restored) error {
	logs, err := slices.Ledger.Logs(ctx)
	if err != nil {
		return err
	}
	out.Logs = []restoredLog{}
	for _, n := range logs {
		head, err := slices.Ledger.Head(ctx, n)
		if err != nil {
			return err
		}
		l := restoredLog{Log: n, Size: head.Size, Closed: head.Closed != nil}
		if head.Size > 0 {
			cp, err := ledger.ParseCheckpoint(head.Checkpoint)
			if err != nil {
				return err
			}
			l.Root = base64.StdEncoding.EncodeToString(cp.Root[:])
		}
		out.Logs = append(out.Logs, l)
	}
	newest, _, err := slices.Records.List(ctx, role.Scope{All: true}, store.Filter{Limit: 1})
	if err != nil || len(newest) == 0 {
		return err
	}
	r := newest[0]
	out.Last = &backup.LastSeen{Record: r.ID.String(), ReceivedAt: backup.Stamp(r.Received), Log: r.Place.Log, Index: r.Place.Index}
	return nil
}

// show prints what was restored.
func (c *restoreRunCmd) show(s *command.Streams, r *restored) error {
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	en := s.Lang == "en"
	say := func(vi, english string, args ...any) {
		if en {
			vi = english
		}
		fmt.Fprintf(s.Out, vi, args...)
	}
	if r.Backup > 0 {
		say("bản sao lưu %d, lúc %s\n", "backup %d, made %s\n", r.Backup, r.MadeAt)
	}
	if r.SignerOnly {
		say("chưa xác nhận của hub nào; khóa tự ghi là %s: so với khóa in lúc init\n", "nothing says whose it is; it names the key %s: compare it with the one init printed\n", r.Signer)
	}
	for _, n := range r.Spoiled {
		say("bảng kê %d trong nơi lưu không đọc được\n", "manifest %d in the place cannot be read\n", n)
	}
	if r.Last != nil {
		say("biên nhận cuối: %s lúc %s, sổ %d mục %d\n", "last receipt: %s at %s, log %d index %d\n", r.Last.Record, r.Last.ReceivedAt, r.Last.Log, r.Last.Index)
	}
	for _, l := range r.Logs {
		say("sổ %d: %d mục, gốc %s\n", "log %d: tree size %d, root %s\n", l.Log, l.Size, l.Root)
	}
	if !r.Verified {
		say("chưa kiểm chứng\n", "not verified\n")
		return nil
	}
	say("đã kiểm chứng %d hồ sơ (%d dựng lại toàn bộ nội dung), %d khác biệt; khôi phục %.1f giây, kiểm chứng %.1f giây: %.0f hồ sơ/giây\n",
		"verified %d records (%d to their content), %d differences; restored in %.1f s, verified in %.1f s: %.0f records/s\n", r.Records, r.Whole, r.Different, r.Laid, r.Walked, r.PerSecond)
	if c.Data != "" {
		say("sổ cũ đã đóng: khi chạy, hub mở sổ mới, trừ khi restore continue chứng minh được điểm chốt cuối\n",
			"its logs are closed: the hub begins a new one when it runs, unless restore continue proves the last checkpoint\n")
	}
	return nil
}

var (
	errBehind = fault.New(fault.Conflict, "restore.behind",
		"Bản khôi phục ngắn hơn điểm chốt này: thiếu phần cuối của sổ. Dùng --new-log để mở sổ mới từ điểm chốt này, rồi yêu cầu các cơ sở gửi lại.",
		"The restore is shorter than this checkpoint: the end of the log is missing. Use --new-log to begin a new log after this checkpoint, and ask facilities to send again.")
	errContradicted = fault.New(fault.Conflict, "restore.contradicted",
		"Sổ khôi phục khác với điểm chốt này: không phải cùng một lịch sử. Sổ không được ghi tiếp.",
		"The restored log differs from this checkpoint: it is another history. It does not go on.")
	errNotClosed = fault.New(fault.Conflict, "restore.not_closed",
		"Sổ này không đóng: không có gì phải tiếp tục.", "That log is not closed: there is nothing to continue.")
)

type continueCmd struct {
	Data       string `required:"" help:"Directory of the restored hub, which does not run." type:"path"`
	Checkpoint string `required:"" help:"The last checkpoint known from elsewhere (a facility's receipt, a witness, /ledger/0/checkpoint)." type:"existingfile"`
	NewLog     bool   `name:"new-log" help:"The restore is shorter: begin the new log with this checkpoint."`
}

// Run proves that the restored log extends or equals the checkpoint.
func (c *continueCmd) Run(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	note, err := os.ReadFile(c.Checkpoint)
	if err != nil {
		return err
	}
	note = checkpointIn(note)
	said, err := ledger.ParseCheckpoint(note)
	if err != nil {
		return err
	}
	key, err := ledger.LogKeyFromSeed(said.Origin, keys.LogSeed)
	if err != nil {
		return err
	}
	if _, err := ledger.OpenCheckpoint(note, key.Verifier()); err != nil {
		return err
	}
	goesOn := false
	if err := p.WithSlices(ctx, func(slices *store.Slices) error {
		goesOn, err = c.decide(ctx, slices, said, note)
		return err
	}); err != nil {
		return err
	}
	if !goesOn {
		fmt.Fprintln(s.Out, map[bool]string{true: "the next log begins with this checkpoint", false: "sổ mới sẽ bắt đầu bằng điểm chốt này"}[s.Lang == "en"])
		return nil
	}
	detail, err := json.Marshal(map[string]any{"size": said.Size})
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.Keep(ctx, command.Actor, admin.Note{Action: admin.RestoreGoesOn, Object: said.Origin, Detail: detail}); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, map[bool]string{true: "proved: the log goes on", false: "đã chứng minh: sổ được ghi tiếp"}[s.Lang == "en"])
		fmt.Fprintf(s.Err, map[bool]string{
			true:  "  the checkpoint proves %d entries. If a newer one is known anywhere, do not start this hub: give that one.\n",
			false: "  điểm chốt này chứng minh %d mục. Nếu nơi nào còn điểm chốt mới hơn, chưa khởi động hub này: hãy dùng điểm chốt đó.\n"}[s.Lang == "en"], said.Size)
		return nil
	})
}

// checkpointIn takes the checkpoint out of a receipt document; a note stays as it
// is, but that a line end lost or added behind it does no harm.
func checkpointIn(b []byte) []byte {
	if d, err := ledger.ParseDocument(b); err == nil {
		return []byte(d.Checkpoint)
	}
	return append(bytes.TrimRight(b, "\n"), '\n')
}

// decide reopens the log the checkpoint is of, or keeps the checkpoint as the
// last known of it.
func (c *continueCmd) decide(ctx context.Context, slices *store.Slices, said ledger.Checkpoint, note []byte) (goesOn bool, err error) {
	logs, err := slices.Ledger.Logs(ctx)
	if err != nil {
		return false, err
	}
	for _, n := range logs {
		head, err := slices.Ledger.Head(ctx, n)
		if err != nil {
			return false, err
		}
		if head.Origin != said.Origin {
			continue
		}
		if head.Closed == nil {
			return false, errNotClosed
		}
		if said.Size > head.Size {
			if !c.NewLog {
				return false, errBehind
			}
			return false, slices.Ledger.CloseLog(ctx, n, string(note))
		}
		if said.Size > 0 {
			root, err := ledger.NewReader(slices.Ledger.Source(n), 0).Root(ctx, said.Size)
			if err != nil {
				return false, err
			}
			if root != said.Root {
				return false, errContradicted
			}
		}
		return true, slices.Ledger.ReopenLog(ctx, n)
	}
	return false, errContradicted.Because(errors.New("the store has no log of that origin"))
}

type opener struct {
	From     string `required:"" help:"Directory of the place." type:"existingdir"`
	Identity string `required:"" help:"File (mode 0600) with the age identity." type:"existingfile"`
	LogKey   string `name:"log-key" required:"" help:"Verifier key that signed it (backup base printed it), or a file that holds it."`
}

type restoreWALCmd struct {
	opener
	Name string `arg:"" help:"Name of the WAL file: %f."`
	To   string `arg:"" help:"Where to write it: %p."`
}

// Run gives a WAL file back; exit 1 where the archive has none of that name,
// which is where PostgreSQL ends; 2 for one that is there and not whole.
func (c *restoreWALCmd) Run() error {
	who, err := identities(c.Identity)
	if err != nil {
		return err
	}
	d, err := backup.OpenDir(c.From)
	if err != nil {
		return err
	}
	b, err := d.WAL(c.Name, who, logKey(c.LogKey))
	if errors.Is(err, backup.ErrNone) {
		return command.ErrNo
	}
	if err != nil {
		return err
	}
	return os.WriteFile(c.To, b, 0o600)
}

type restoreBaseCmd struct {
	opener
	At     time.Time `help:"The newest base backup not made after this moment (RFC 3339)."`
	Backup int       `help:"Number of the backup; default the newest."`
}

// Run writes the base backup out.
func (c *restoreBaseCmd) Run(ctx context.Context, s *command.Streams) error {
	who, err := identities(c.Identity)
	if err != nil {
		return err
	}
	d, err := backup.OpenDir(c.From)
	if err != nil {
		return err
	}
	chain, err := d.Choose(logKey(c.LogKey), backup.Pick{Seq: c.Backup, At: c.At})
	if err != nil {
		return err
	}
	return chain.Base(ctx, s.Out, who)
}
