package custody

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"lienthong/internal/admin"
	"lienthong/internal/backup"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/sqlite/pages"
	webadmin "lienthong/internal/web/admin"
)

type BackupCmd struct {
	Make    backupMakeCmd    `cmd:"" default:"withargs" help:"Copy the store, encrypted, to a place the hub cannot change afterwards; also while the hub runs."`
	Key     backupKeyCmd     `cmd:"" help:"Make the identity that opens backups; it belongs on another machine, and offline."`
	Receive backupReceiveCmd `cmd:"" help:"Take a backup from stdin into a place: for a host that pulls."`
	Newest  backupNewestCmd  `cmd:"" help:"Print the digest of a place's newest backup, for --after."`
	Check   backupCheckCmd   `cmd:"" help:"Hold every file of a place against its manifests, without a key to open them."`
	Proven  backupProvenCmd  `cmd:"" help:"Tell the hub that a restore was proven: takes the report of restore --verify --report."`
	WAL     backupWALCmd     `cmd:"" name:"wal" help:"PostgreSQL's archive_command: keep one WAL file, encrypted."`
	Base    backupBaseCmd    `cmd:"" help:"Keep a PostgreSQL base backup (pg_basebackup's tar on stdin), encrypted."`
}

var (
	errPostgres = fault.New(fault.Invalid, "backup.postgres",
		"Dữ liệu ở PostgreSQL: sao lưu bằng lưu trữ WAL, xem doc/guide/postgres.md.", "The rows are in PostgreSQL: archive its WAL, see doc/guide/postgres.md.")
	errAfter = fault.New(fault.Invalid, "backup.after",
		"Hub không còn nhớ bản sao lưu này; bỏ --after để làm bản đầy đủ.", "The hub does not remember that backup; leave --after out for a full one.")
)

type backupMakeCmd struct {
	Data      string   `required:"" help:"Directory of the hub." type:"path"`
	To        string   `required:"" help:"Directory of the place; - writes one backup to stdout as a tar, for a host that pulls."`
	Recipient []string `required:"" help:"age recipient (age1...), or a file of them; its identity must not be on this machine. May be repeated."`
	Full      bool     `help:"Every page, not only what changed since the last one."`
	After     string   `help:"With --to -: the digest of the backup the other side has newest (backup newest); default a full one."`
	WithKeys  bool     `name:"with-keys" help:"Put the hub's keys in too: whoever holds an identity can then read every record."`
	JSON      bool     `name:"json" help:"As JSON."`
}

// recipients reads age recipients, each given or in a file.
func recipients(list []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, s := range list {
		text := s
		if !strings.HasPrefix(s, "age1") {
			b, err := os.ReadFile(s)
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		r, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, backup.ErrRecipient.Because(err)
		}
		all = append(all, r...)
	}
	return all, nil
}

// snapshots are the files of a store in one moment.
type snapshots struct {
	at               time.Time
	main, disclosure *pages.Snapshot
	archives         []backup.Part
	flat             []*pages.Flat
}

// take takes both snapshots, records first: disclosures are durable before
// anything of a record leaves, so whatever the state of records tells of looks
// (a leaf, a count) has its rows in a state of disclosures taken after it.
func takeSnapshots(ctx context.Context, dir string) (*snapshots, error) {
	s := &snapshots{at: time.Now()}
	var err error
	if s.main, err = pages.Open(ctx, filepath.Join(dir, sqlite.MainFile)); err != nil {
		return nil, err
	}
	if s.disclosure, err = pages.Open(ctx, filepath.Join(dir, sqlite.DisclosureFile)); err != nil {
		return nil, errors.Join(err, s.main.Close())
	}
	if err := s.takeArchives(ctx, dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *snapshots) close() error {
	err := errors.Join(s.main.Close(), s.disclosure.Close())
	for _, f := range s.flat {
		err = errors.Join(err, f.Close())
	}
	return err
}

// plan says what is backed up.
func (s *snapshots) plan(ctx context.Context, p *command.Place) (backup.Plan, error) {
	plan := backup.Plan{Hub: p.Name, At: s.at, Parts: []backup.Part{{Name: sqlite.MainFile, Source: s.main}, {Name: sqlite.DisclosureFile, Source: s.disclosure}}}
	plan.Parts = append(plan.Parts, s.archives...)
	heads, err := s.main.Heads(ctx)
	if err != nil {
		return plan, err
	}
	for _, h := range heads {
		plan.Logs = append(plan.Logs, string(h.Checkpoint))
	}
	last, err := s.main.Last(ctx)
	if err != nil || last.Records == 0 {
		return plan, err
	}
	plan.Records = last.Records
	plan.Last = &backup.LastSeen{Record: last.Record.String(), ReceivedAt: backup.Stamp(time.UnixMicro(last.Received)), Log: last.Log, Index: last.Index}
	return plan, nil
}

// Run makes one backup.
func (c *backupMakeCmd) Run(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	if p.Database != "" {
		return errPostgres
	}
	maker, keys, err := c.maker(p)
	if err != nil {
		return err
	}
	began := time.Now()
	made, err := c.make(ctx, s, p, maker, keys)
	if err != nil {
		return err
	}
	m := made.Manifest
	detail, err := json.Marshal(map[string]any{"kind": m.Kind, "seq": m.Seq, "made_at": m.MadeAt, "records": m.Records, "last": m.Last, "bytes": made.Bytes,
		"pages": made.Pages, "keys": m.Keys})
	if err != nil {
		return err
	}
	err = command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		return a.Keep(ctx, command.Actor, admin.Note{Action: admin.BackupMade, Object: made.Digest, Detail: detail})
	})
	if err != nil {
		return fmt.Errorf("the backup is whole, but the hub could not note it: %w", err)
	}
	return c.show(s, made, time.Since(began))
}

func (c *backupMakeCmd) maker(p *command.Place) (*backup.Maker, map[string][]byte, error) {
	keys, err := p.ReadKeys()
	if err != nil {
		return nil, nil, err
	}
	signer, err := backup.NewSigner(p.Name, keys.LogSeed)
	if err != nil {
		return nil, nil, err
	}
	to, err := recipients(c.Recipient)
	if err != nil {
		return nil, nil, err
	}
	maker := &backup.Maker{Signer: signer, Recipients: to, States: backup.NewStates(filepath.Join(p.Dir, "backup.state"))}
	if !c.WithKeys {
		return maker, nil, nil
	}
	files, err := keys.Files()
	return maker, files, err
}

func (c *backupMakeCmd) make(ctx context.Context, s *command.Streams, p *command.Place, maker *backup.Maker, keys map[string][]byte) (made *backup.Made, err error) {
	var to backup.Place
	var previous *backup.Previous
	if c.To == "-" {
		stream := backup.NewStream(s.Out)
		defer func() {
			if err == nil {
				err = stream.Close()
			}
		}()
		to = stream
		if c.After != "" {
			if previous, err = maker.States.Known(c.After, maker.Signer.Verifier()); err == nil && previous == nil {
				err = errAfter
			}
		}
	} else {
		if command.Inside(c.To, p.Dir) {
			return nil, errPlaceInside
		}
		var dir *backup.Dir
		if dir, err = backup.OpenDir(c.To); err != nil {
			return nil, err
		}
		to = dir
		previous, err = dir.Newest(maker.Signer.Verifier())
	}
	if err != nil {
		return nil, err
	}
	taken, err := takeSnapshots(ctx, p.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, taken.close()) }()
	plan, err := taken.plan(ctx, p)
	if err != nil {
		return nil, err
	}
	plan.Previous, plan.Full, plan.Keys = previous, c.Full, keys
	return maker.Make(ctx, to, plan)
}

func (c *backupMakeCmd) show(s *command.Streams, made *backup.Made, took time.Duration) error {
	out := s.Out
	if c.To == "-" {
		out = s.Err
	}
	m := made.Manifest
	if c.JSON {
		return command.WriteJSON(out, map[string]any{"seq": m.Seq, "kind": m.Kind, "base": m.Base, "digest": made.Digest, "made_at": m.MadeAt, "records": m.Records,
			"last": m.Last, "pages": made.Pages, "bytes": made.Bytes, "segments": len(m.Segments), "keys": m.Keys, "seconds": took.Seconds()})
	}
	words := map[string][3]string{
		"vi": {"bản sao lưu %d (%s): %d hồ sơ, %d trang, %.1f MB, %.1f giây\n", "KHÔNG gồm khóa: giữ một bản sao thư mục %s ở nơi khác; không có khóa thì không mở được hồ sơ nào\n",
			"CÓ gồm khóa: ai giữ khóa mở bản sao lưu sẽ đọc được mọi hồ sơ\n"},
		"en": {"backup %d (%s): %d records, %d pages, %.1f MB, %.1f s\n", "the keys are NOT in it: keep a copy of %s elsewhere; without them no record can be opened\n",
			"the keys ARE in it: whoever holds an identity can read every record\n"},
	}[s.Lang]
	_, err := fmt.Fprintf(out, words[0], m.Seq, m.Kind, m.Records, made.Pages, float64(made.Bytes)/1e6, took.Seconds())
	if m.Keys {
		_, e := fmt.Fprint(out, words[2])
		return errors.Join(err, e)
	}
	p, e := command.OpenPlace(c.Data)
	if e != nil {
		return errors.Join(err, e)
	}
	_, e = fmt.Fprintf(out, words[1], p.Keys)
	return errors.Join(err, e)
}

// logKey returns a verifier line given, or in a file.
func logKey(s string) string {
	if b, err := os.ReadFile(s); err == nil {
		return string(command.TrimNewline(b))
	}
	return s
}

type backupReceiveCmd struct {
	To     string `required:"" help:"Directory of the place." type:"path"`
	LogKey string `name:"log-key" required:"" help:"Verifier key of the hub's log, as init printed it, or a file that holds it."`
}

// Run takes a stream in.
func (c *backupReceiveCmd) Run(s *command.Streams) error {
	d, err := backup.OpenDir(c.To)
	if err != nil {
		return err
	}
	m, err := d.Receive(s.In, logKey(c.LogKey))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, map[bool]string{true: "received backup %d (%s): %d records\n", false: "đã nhận bản sao lưu %d (%s): %d hồ sơ\n"}[s.Lang == "en"], m.Seq, m.Kind, m.Records)
	return err
}

type backupNewestCmd struct {
	Place  string `arg:"" help:"Directory of the place." type:"existingdir"`
	LogKey string `name:"log-key" required:"" help:"Verifier key of the hub's log, or a file that holds it."`
}

// Run prints the digest of the newest backup; nothing of an empty place.
func (c *backupNewestCmd) Run(s *command.Streams) error {
	d, err := backup.OpenDir(c.Place)
	if err != nil {
		return err
	}
	p, err := d.Newest(logKey(c.LogKey))
	if err != nil || p == nil || p.Manifest == nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, p.Digest)
	return err
}

type backupCheckCmd struct {
	Place  string `arg:"" help:"Directory of the place." type:"existingdir"`
	LogKey string `name:"log-key" required:"" help:"Verifier key of the hub's log, or a file that holds it."`
	Backup int    `help:"Number of the backup; default the newest."`
}

// Run checks a backup and those it builds on.
func (c *backupCheckCmd) Run(ctx context.Context, s *command.Streams) error {
	d, err := backup.OpenDir(c.Place)
	if err != nil {
		return err
	}
	chain, err := d.Choose(logKey(c.LogKey), backup.Pick{Seq: c.Backup})
	if err != nil {
		return err
	}
	if err := chain.Check(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%d: %d manifests, %d records, made %s\n", chain.Last().Seq, len(chain.Manifests), chain.Last().Records, chain.Last().MadeAt)
	return err
}

type backupProvenCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Report string `arg:"" help:"The report." type:"existingfile"`
}

// Run holds a report against the hub's own log and keeps it as an act.
func (c *backupProvenCmd) Run(ctx context.Context, s *command.Streams) error {
	b, err := os.ReadFile(c.Report)
	if err != nil {
		return err
	}
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	signer, err := backup.NewSigner(p.Name, keys.LogSeed)
	if err != nil {
		return err
	}
	r, err := backup.ParseReport(b, signer.Verifier())
	if err != nil {
		return err
	}
	if err := p.Holds(ctx, r); err != nil {
		return err
	}
	detail, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		if err := a.Keep(ctx, command.Actor, admin.Note{Action: admin.RestoreProven, Object: r.Backup, Detail: detail}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.Out, map[bool]string{true: "kept: restored %s, %d records\n", false: "đã ghi: khôi phục lúc %s, %d hồ sơ\n"}[s.Lang == "en"], r.RestoredAt, r.Records)
		return err
	})
}

// sealer is what PostgreSQL's own user signs and encrypts with.
type sealer struct {
	To        string   `required:"" help:"Directory of the place." type:"path"`
	Recipient []string `required:"" help:"age recipient (age1...), or a file of them. May be repeated."`
	Hub       string   `help:"Name of the hub." default:"lienthong.local"`
	Key       string   `required:"" help:"File (mode 0600) with the hub's log key, or a key of its own for backups: 32 bytes in base64." type:"existingfile"`
}

func (c *sealer) open() (*backup.Dir, *backup.Maker, error) {
	text, err := command.ReadPrivate(c.Key)
	if err != nil {
		return nil, nil, err
	}
	seed, err := decodeSeed(text)
	if err != nil {
		return nil, nil, err
	}
	signer, err := backup.NewSigner(c.Hub, seed)
	if err != nil {
		return nil, nil, err
	}
	to, err := recipients(c.Recipient)
	if err != nil {
		return nil, nil, err
	}
	d, err := backup.OpenDir(c.To)
	return d, &backup.Maker{Signer: signer, Recipients: to}, err
}

type backupWALCmd struct {
	sealer
	File string `arg:"" help:"The WAL file: %p." type:"existingfile"`
}

// Run keeps one WAL file.
func (c *backupWALCmd) Run() error {
	d, maker, err := c.open()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return maker.KeepWAL(d, filepath.Base(c.File), b)
}

type backupBaseCmd struct{ sealer }

// Run keeps a base backup.
func (c *backupBaseCmd) Run(ctx context.Context, s *command.Streams) error {
	d, maker, err := c.open()
	if err != nil {
		return err
	}
	made, err := maker.KeepBase(ctx, d, c.Hub, time.Now(), io.Reader(s.In))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "base %d: %.1f MB, %s\n", made.Manifest.Seq, float64(made.Bytes)/1e6, maker.Signer.Verifier())
	return err
}

// decodeSeed reads a key file of 32 bytes in base64.
func decodeSeed(text []byte) ([]byte, error) {
	seed, err := base64.StdEncoding.DecodeString(string(command.TrimNewline(text)))
	if err != nil || len(seed) != 32 {
		return nil, errSeed
	}
	return seed, nil
}

type backupKeyCmd struct {
	Out string `required:"" help:"File to write the identity to; must not exist." type:"path"`
}

// Run makes an age identity and prints its recipient.
func (c *backupKeyCmd) Run(s *command.Streams) error {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	if err := command.WriteNew(c.Out, []byte("# opens backups of a hub; keep it away from the hub\n"+id.String()+"\n")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "recipient: %s\n", id.Recipient())
	return err
}

var (
	errPlaceInside = fault.New(fault.Invalid, "backup.place_inside",
		"Nơi lưu nằm trong thư mục dữ liệu: mất thư mục là mất cả hai.",
		"The place lies inside the data directory: it would go with it.")
	errSeed = fault.New(fault.Invalid, "usage.key_file", "Tệp khóa không chứa 32 byte dạng base64.", "The key file does not hold 32 bytes in base64.")
)
