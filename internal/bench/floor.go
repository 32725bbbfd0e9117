package bench

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the floor's own durable insert
)

// FloorConfig says what the floor is measured on.
type FloorConfig struct {
	Dossiers [][]byte      // signed files as they are on disk
	Duration time.Duration // default 10 s
	Group    int           // rows of a durable commit, at most; default 64
	Dir      string        // where the database is made and removed; default the system's
}

// FloorResult has the keys of the yardstick this follows.
type FloorResult struct {
	Files          int     `json:"files"`
	Cores          int     `json:"cores"`
	Seconds        float64 `json:"seconds"`
	DossiersPerS   float64 `json:"dossiers_per_s"`
	EnvelopeMBPerS float64 `json:"envelope_mb_per_s"`
}

// Floor does the unavoidable work of intake, and nothing else, as fast as this
// machine can. For each dossier: undo zstd, SHA-256 of the envelope, one
// RSA-2048 verification, undo the base64 of the inner documents, one pass over
// their tags, zstd (fastest) of them; then one durable group insert (SQLite,
// WAL, synchronous=FULL, a row with four indexes and a leg row). No parsing, no
// rules, no identity, no ledger, no HTTP.
func Floor(ctx context.Context, c FloorConfig) (FloorResult, error) {
	if c.Duration <= 0 {
		c.Duration = 10 * time.Second
	}
	if c.Group <= 0 {
		c.Group = 64
	}
	if len(c.Dossiers) == 0 {
		return FloorResult{}, ErrCorpus.Because(errors.New("no dossiers for the floor"))
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return FloorResult{}, fmt.Errorf("bench: %w", err)
	}
	samples, err := floorSamples(c.Dossiers, key)
	if err != nil {
		return FloorResult{}, err
	}
	dir, err := os.MkdirTemp(c.Dir, "lienthong-floor")
	if err != nil {
		return FloorResult{}, fmt.Errorf("bench: %w", err)
	}
	db, err := floorStore(filepath.Join(dir, "floor.db"))
	if err != nil {
		return FloorResult{}, errors.Join(err, os.RemoveAll(dir))
	}
	r, err := runFloor(ctx, c, db, samples, &key.PublicKey)
	r.Files = len(c.Dossiers)
	return r, errors.Join(err, db.Close(), os.RemoveAll(dir))
}

func runFloor(ctx context.Context, c FloorConfig, db *sql.DB, samples []floorSample, pub *rsa.PublicKey) (FloorResult, error) {
	rows := make(chan floorRow, 4*c.Group)
	start := time.Now()
	stop := start.Add(c.Duration)
	group, inner := errgroup.WithContext(ctx)
	for w := range runtime.NumCPU() {
		group.Go(func() error { return floorWork(inner, samples, w, pub, stop, rows) })
	}
	worked := make(chan error, 1)
	go func() {
		worked <- group.Wait()
		close(rows)
	}()
	n, size, err := floorCommit(db, rows, c.Group)
	for range rows { // after a failed commit the workers must still find an end
	}
	took := time.Since(start)
	if err = errors.Join(err, <-worked); err != nil {
		return FloorResult{}, err
	}
	return FloorResult{Cores: runtime.NumCPU(), Seconds: took.Seconds(), DossiersPerS: perSecond(n, took),
		EnvelopeMBPerS: perSecond(size, took) / 1e6}, nil
}

// floorSample is a dossier as it would come off the wire.
type floorSample struct {
	wire  []byte   // zstd form of the envelope
	size  int64    // bytes of the envelope
	inner [][]byte // what stands in NOIDUNGFILE
	sig   []byte   // over the envelope's digest
}

// floorRow is what the store would keep of it.
type floorRow struct {
	id   [16]byte
	hash [32]byte
	body []byte
	size int64
}

func floorSamples(docs [][]byte, key *rsa.PrivateKey) ([]floorSample, error) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	out := make([]floorSample, len(docs))
	for i, doc := range docs {
		s := floorSample{wire: z.EncodeAll(doc, nil), size: int64(len(doc))}
		for _, piece := range bytes.Split(doc, []byte("<NOIDUNGFILE>"))[1:] {
			inner, _, closed := bytes.Cut(piece, []byte("</NOIDUNGFILE>"))
			if !closed {
				return nil, ErrCorpus.Because(errors.New("NOIDUNGFILE is not closed"))
			}
			s.inner = append(s.inner, inner)
		}
		sum := sha256.Sum256(doc)
		if s.sig, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
		out[i] = s
	}
	return out, nil
}

func floorWork(ctx context.Context, samples []floorSample, first int, pub *rsa.PublicKey, stop time.Time, out chan<- floorRow) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	defer dec.Close()
	var envelope, inner []byte
	for i := first; time.Now().Before(stop) && ctx.Err() == nil; i++ {
		s := &samples[i%len(samples)]
		if envelope, err = dec.DecodeAll(s.wire, envelope[:0]); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		r := floorRow{hash: sha256.Sum256(envelope), size: s.size}
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, r.hash[:], s.sig); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		inner = inner[:0]
		for _, text := range s.inner {
			// What is not base64 stands inline; the yardstick takes what it can, too.
			inner, _ = base64.StdEncoding.AppendDecode(inner, text)
		}
		passTags(inner)
		r.body = enc.EncodeAll(inner, nil)
		rand.Read(r.id[:])
		out <- r
	}
	return ctx.Err()
}

// passTags goes once over the markup, as the cheapest tokenizer would.
func passTags(b []byte) (n int) {
	for {
		open := bytes.IndexByte(b, '<')
		if open < 0 {
			return n
		}
		end := bytes.IndexByte(b[open:], '>')
		if end < 0 {
			return n
		}
		b, n = b[open+end+1:], n+1
	}
}

func floorStore(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`
		CREATE TABLE record (id BLOB PRIMARY KEY, facility TEXT, episode TEXT, hash BLOB, at INTEGER, subject INTEGER, state INTEGER, body BLOB) STRICT, WITHOUT ROWID;
		CREATE INDEX record_time ON record (facility, at);
		CREATE INDEX record_subject ON record (facility, subject);
		CREATE INDEX record_episode ON record (facility, episode);
		CREATE UNIQUE INDEX record_hash ON record (facility, hash, id);
		CREATE TABLE leg (id BLOB, destination INTEGER, next INTEGER, state INTEGER, PRIMARY KEY (destination, next, id)) STRICT, WITHOUT ROWID`); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: %w", err), db.Close())
	}
	return db, nil
}

// floorCommit writes what has gathered, a group at a time, until rows is closed.
func floorCommit(db *sql.DB, rows <-chan floorRow, group int) (n, size int64, err error) {
	gathered := make([]floorRow, 0, group)
	for r := range rows {
		gathered = append(gathered[:0], r)
	more:
		for len(gathered) < group {
			select {
			case r, open := <-rows:
				if !open {
					break more
				}
				gathered = append(gathered, r)
			default:
				break more
			}
		}
		if err := floorInsert(db, gathered); err != nil {
			return n, size, fmt.Errorf("bench: %w", err)
		}
		n += int64(len(gathered))
		for i := range gathered {
			size += gathered[i].size
		}
	}
	return n, size, nil
}

func floorInsert(db *sql.DB, group []floorRow) (err error) {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	record, err := tx.Prepare(`INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	leg, err := tx.Prepare(`INSERT INTO leg VALUES (?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	for i := range group {
		r, now := &group[i], time.Now().UnixMicro()
		if _, err := record.Exec(r.id[:], "79901", fmt.Sprintf("%x", r.id[:6]), r.hash[:], now, int64(r.id[0])<<8|int64(r.id[1]), 1, r.body); err != nil {
			return err
		}
		if _, err := leg.Exec(r.id[:], 1, now, 0); err != nil {
			return err
		}
	}
	return tx.Commit()
}
