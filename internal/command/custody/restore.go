package custody

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"lienthong/internal/backup"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
)

type RestoreCmd struct {
	Run      restoreRunCmd  `cmd:"" default:"withargs" help:"Lay a backup down in a new directory, and prove it; or prove a directory that was restored."`
	Continue continueCmd    `cmd:"" help:"Let a restored hub's old log go on, when a checkpoint known from elsewhere proves that the restore holds it to its end."`
	WAL      restoreWALCmd  `cmd:"" name:"wal" help:"PostgreSQL's restore_command: give one archived WAL file back."`
	Base     restoreBaseCmd `cmd:"" help:"Write a PostgreSQL base backup to stdout, as it came."`
}

var (
	errKeys = fault.New(fault.Invalid, "restore.keys",
		"Cần khóa của hub để kiểm chứng: chỉ thư mục khóa bằng --keys (bản sao lưu này không kèm khóa).", "Proving a restore needs the hub's keys: name their directory with --keys (this backup does not hold them).")
	errOtherKeys = fault.New(fault.Invalid, "restore.other_keys",
		"Các khóa này là của hub khác.", "These keys are another hub's.")
	errWhat = fault.New(fault.Invalid, "restore.what",
		"Ghi --from và --data để khôi phục, hoặc --verify kèm thư mục đã khôi phục.", "Give --from and --data to restore, or --verify and a directory that was restored.")
)

type restoreRunCmd struct {
	From     string    `help:"Directory of the place." type:"path"`
	Identity string    `help:"File (mode 0600) with the age identity that opens the backup." type:"path"`
	Data     string    `help:"Directory to make; new or empty." type:"path"`
	Keys     string    `help:"Directory of the hub's keys; default DATA.keys. Of a backup with keys they are written there, if it is new." type:"path"`
	LogKey   string    `name:"log-key" help:"Verifier key of the hub's log, as init printed it, or a file that holds it: whose backup it must be. Default: that of --keys."`
	Database string    `help:"File (mode 0600) with the URL of a PostgreSQL server restored by its own means: it is proved and marked, nothing is copied." type:"path"`
	Name     string    `help:"With --database: name of the hub." default:"lienthong.local"`
	At       time.Time `help:"The newest backup not made after this moment (RFC 3339)."`
	Backup   int       `help:"Number of the backup; default the newest."`
	Verify   bool      `help:"Walk the restored store and its ledger whole."`
	All      bool      `help:"With --verify: make the content of every record again, not of one in 256; as audit does."`
	Profile  string    `hidden:"" help:"File for a CPU profile of --verify." type:"path"`
	Known    []string  `help:"Signed checkpoint known from elsewhere, to hold the log against." type:"existingfile"`
	Report   string    `help:"File to write the signed report of a proven restore to; must not exist." type:"path"`
	JSON     bool      `name:"json" help:"As JSON."`
	Dir      string    `arg:"" optional:"" help:"With --verify: a directory restored before." type:"path"`
}

// restored is what a restore has come to, for people and programs.
type restored struct {
	Backup     int              `json:"backup,omitempty"`
	Digest     string           `json:"digest,omitempty"`
	MadeAt     string           `json:"made_at,omitempty"`
	Signer     string           `json:"signer,omitempty"`
	SignerOnly bool             `json:"signer_unconfirmed,omitempty"` // nobody said whose key it must be
	Spoiled    []int            `json:"spoiled,omitempty"`            // manifests beside it that cannot be read
	Verified   bool             `json:"verified"`
	Records    int              `json:"records"`
	Whole      int              `json:"whole"` // of them, those whose content was made again
	Different  int              `json:"differences"`
	Last       *backup.LastSeen `json:"last"`
	Logs       []restoredLog    `json:"logs"`
	Laid       float64          `json:"restore_seconds"`
	Walked     float64          `json:"verify_seconds"`
	PerSecond  float64          `json:"records_per_s"`
}

type restoredLog struct {
	Log    int    `json:"log"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"`
	Closed bool   `json:"closed"`
}

// Run restores, proves, or both.
func (c *restoreRunCmd) Run(ctx context.Context, s *command.Streams) error {
	switch {
	case c.Dir != "" && c.Verify && c.From == "" && c.Data == "":
		return c.prove(ctx, s)
	case c.Dir != "" || c.Data == "" || (c.From == "") == (c.Database == ""):
		return errWhat
	}
	if err := vacant(c.Data); err != nil {
		return err
	}
	if c.Keys == "" {
		c.Keys = filepath.Clean(c.Data) + ".keys"
	}
	if c.Database != "" {
		return c.adopt(ctx, s)
	}
	return c.lay(ctx, s)
}

// vacant refuses a target that holds anything.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return backup.ErrNotEmpty.Because(err)
	}
	if len(entries) > 0 {
		return backup.ErrNotEmpty
	}
	return nil
}

// identities reads the file that opens backups.
func identities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, backup.ErrIdentity.Because(errors.New("no --identity given"))
	}
	b, err := command.ReadPrivate(path)
	if err != nil {
		return nil, err
	}
	all, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil {
		return nil, backup.ErrIdentity.Because(errors.New("not a file of age identities")) // the cause would quote it
	}
	return all, nil
}

// signerOf returns the verifier line that a backup must be signed by: the one
// given, else that of the keys at hand, else "".
func (c *restoreRunCmd) signerOf(hubName string) (string, *keyring.Keys, error) {
	var keys *keyring.Keys
	if _, err := os.Stat(filepath.Join(c.Keys, "log.key")); err == nil {
		k, err := (&command.Place{Dir: c.Data, PlaceFile: command.PlaceFile{Keys: c.Keys}}).ReadKeys()
		if err != nil {
			return "", nil, err
		}
		keys = &k
	}
	if c.LogKey != "" {
		return logKey(c.LogKey), keys, nil
	}
	if keys == nil || hubName == "" {
		return "", keys, nil
	}
	signer, err := backup.NewSigner(hubName, keys.LogSeed)
	if err != nil {
		return "", nil, err
	}
	return signer.Verifier(), keys, nil
}

// choose finds the backup. Of keys at hand the name of the hub is not known
// before a manifest says it, so the choice is made again with the name.
func (c *restoreRunCmd) choose() (*backup.Chain, *keyring.Keys, error) {
	if _, err := os.Stat(c.From); err != nil {
		return nil, nil, backup.ErrNone.Because(err)
	}
	d, err := backup.OpenDir(c.From)
	if err != nil {
		return nil, nil, err
	}
	vkey, keys, err := c.signerOf("")
	if err != nil {
		return nil, nil, err
	}
	pick := backup.Pick{Seq: c.Backup, At: c.At}
	chain, err := d.Choose(vkey, pick)
	if err != nil || vkey != "" || keys == nil {
		return chain, keys, err
	}
	if vkey, _, err = c.signerOf(chain.Last().Hub); err != nil {
		return nil, nil, err
	}
	chain, err = d.Choose(vkey, pick)
	return chain, keys, err
}

// lay lays a backup down beside the target, proves it there, and gives it the
// target's name last: what is half restored never has it.
func (c *restoreRunCmd) lay(ctx context.Context, s *command.Streams) (err error) {
	who, err := identities(c.Identity)
	if err != nil {
		return err
	}
	chain, keys, err := c.choose()
	if err != nil {
		return err
	}
	if c.Verify && keys == nil && !chain.Last().Keys {
		return errKeys
	}
	if err := os.MkdirAll(filepath.Dir(c.Data), 0o700); err != nil {
		return err
	}
	unconfirmed := c.LogKey == "" && keys == nil // keys out of the backup itself confirm nothing
	began := time.Now()
	dir, err := os.MkdirTemp(filepath.Dir(c.Data), filepath.Base(c.Data)+".restoring-")
	if err != nil {
		return err
	}
	files, err := chain.Lay(ctx, dir, who)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if keys == nil && files != nil && chain.Last().Keys {
		if keys, err = c.keepKeys(files); err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
	}
	out := &restored{Backup: chain.Last().Seq, Digest: chain.Digest, MadeAt: chain.Last().MadeAt, Signer: chain.Signer, Spoiled: chain.Spoiled,
		SignerOnly: unconfirmed, Laid: time.Since(began).Seconds(), Records: int(chain.Last().Records), Last: chain.Last().Last}
	p := &command.Place{Dir: dir, PlaceFile: command.PlaceFile{Name: chain.Last().Hub, Keys: c.Keys}}
	if err := c.finish(ctx, s, p, keys, out); err != nil {
		if errors.Is(err, command.ErrNo) {
			fmt.Fprintf(s.Err, map[bool]string{true: "not as it was written: left in %s\n", false: "dữ liệu không khớp: để lại ở %s\n"}[s.Lang == "en"], dir)
			return err
		}
		return errors.Join(err, os.RemoveAll(dir))
	}
	return nil
}

// keepKeys writes the keys of a backup to the key directory, never over others.
func (c *restoreRunCmd) keepKeys(files map[string][]byte) (*keyring.Keys, error) {
	if command.Inside(c.Keys, c.Data) {
		return nil, command.ErrKeysInside
	}
	if err := os.MkdirAll(c.Keys, 0o700); err != nil {
		return nil, err
	}
	for name, b := range files {
		if err := command.WriteNew(filepath.Join(c.Keys, name), b); err != nil {
			return nil, err
		}
	}
	k, err := keyring.Read(func(name string) ([]byte, error) {
		if b, ok := files[name]; ok {
			return b, nil
		}
		return nil, fs.ErrNotExist
	})
	return &k, err
}

// adopt makes a directory for a PostgreSQL server that was restored by its own means.
func (c *restoreRunCmd) adopt(ctx context.Context, s *command.Streams) error {
	_, keys, err := c.signerOf(c.Name)
	if err != nil {
		return err
	}
	if keys == nil {
		return errKeys
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.Data), filepath.Base(c.Data)+".restoring-")
	if err != nil {
		return err
	}
	p := &command.Place{Dir: dir, PlaceFile: command.PlaceFile{Name: c.Name, Keys: c.Keys, Database: c.Database}}
	if err := c.finish(ctx, s, p, keys, &restored{}); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return nil
}

// finish closes the logs of a restored store, proves it, and names it.
func (c *restoreRunCmd) finish(ctx context.Context, s *command.Streams, p *command.Place, keys *keyring.Keys, out *restored) error {
	if err := p.WithSlices(ctx, func(slices *store.Slices) error {
		if err := closeLogs(ctx, slices); err != nil {
			return err
		}
		return c.walk(ctx, s, slices, keys, out)
	}); err != nil {
		return err
	}
	if out.Different > 0 {
		return errors.Join(command.ErrNo, c.show(s, out))
	}
	b, err := json.MarshalIndent(p.PlaceFile, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.Dir, command.HubFile), append(b, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Remove(c.Data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return backup.ErrNotEmpty.Because(err)
	}
	if err := os.Rename(p.Dir, c.Data); err != nil {
		return err
	}
	if err := c.report(keys, p.Name, out); err != nil {
		return err
	}
	return c.show(s, out)
}

// closeLogs ends every log of a restored store: whether they went on after the
// backup nobody here can know.
func closeLogs(ctx context.Context, s *store.Slices) error {
	logs, err := s.Ledger.Logs(ctx)
	if err != nil {
		return err
	}
	for _, n := range logs {
		head, err := s.Ledger.Head(ctx, n)
		if err != nil {
			return err
		}
		if head.Closed != nil {
			continue
		}
		if err := s.Ledger.CloseLog(ctx, n, string(head.Checkpoint)); err != nil {
			return err
		}
	}
	return nil
}

// prove walks a directory that was restored before.
func (c *restoreRunCmd) prove(ctx context.Context, s *command.Streams) error {
	p, err := command.OpenPlace(c.Dir)
	if err != nil {
		return err
	}
	if c.Keys != "" {
		p.Keys = c.Keys
	}
	keys, err := p.ReadKeys()
	if err != nil {
		return err
	}
	out := &restored{}
	if err := p.WithSlices(ctx, func(slices *store.Slices) error { return c.walk(ctx, s, slices, &keys, out) }); err != nil {
		return err
	}
	if out.Different > 0 {
		return errors.Join(command.ErrNo, c.show(s, out))
	}
	if err := c.report(&keys, p.Name, out); err != nil {
		return err
	}
	return c.show(s, out)
}

// report writes the signed report of a proven restore.
func (c *restoreRunCmd) report(keys *keyring.Keys, hubName string, out *restored) error {
	if c.Report == "" || !out.Verified {
		return nil
	}
	signer, err := backup.NewSigner(hubName, keys.LogSeed)
	if err != nil {
		return err
	}
	r := &backup.Report{V: 1, Hub: hubName, Backup: out.Digest, MadeAt: out.MadeAt, RestoredAt: backup.Stamp(time.Now()), Records: out.Records,
		Logs: []backup.LogEnd{}, Last: out.Last, PerSecond: out.PerSecond}
	for _, l := range out.Logs {
		root, err := base64.StdEncoding.DecodeString(l.Root)
		if err != nil {
			return err
		}
		if l.Size > 0 {
			r.Logs = append(r.Logs, backup.LogEnd{Log: l.Log, Size: l.Size, Root: root})
		}
	}
	b, err := signer.SealReport(r)
	if err != nil {
		return err
	}
	return command.WriteNew(c.Report, b)
}
