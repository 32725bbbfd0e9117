package backup

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"lienthong/internal/ledger"
)

// The kinds of backup.
const (
	Full        = "full"        // every page
	Incremental = "incremental" // the pages that changed since the one before
	Base        = "base"        // of a PostgreSQL cluster, one stream
)

// Manifest says what a backup is made of. Its bytes are signed with the hub's
// log key, so that who holds the log's public key knows whose backup it is. It
// is in the clear and holds nothing of a person.
type Manifest struct {
	V        int       `json:"v"` // 1
	Hub      string    `json:"hub"`
	Kind     string    `json:"kind"`
	Seq      int       `json:"seq"`      // number in its place, from 1
	Base     int       `json:"base"`     // number of the full one it builds on; its own when full
	After    int       `json:"after"`    // number of the one before, 0: none
	Previous string    `json:"previous"` // SHA-256 of that one's file, hexadecimal
	MadeAt   string    `json:"made_at"`  // RFC 3339 UTC with microseconds: when the state was taken
	Files    []File    `json:"files"`
	Segments []Segment `json:"segments"`
	Logs     []string  `json:"logs"` // signed checkpoint of every log in that state
	Records  int64     `json:"records"`
	Last     *LastSeen `json:"last,omitempty"` // the newest record in that state
	Keys     bool      `json:"keys"`           // the hub's keys are in it
}

// File is one file of the store.
type File struct {
	Name     string `json:"name"`
	PageSize int    `json:"page_size"`
	Pages    uint32 `json:"pages"`
	Root     string `json:"root"` // see rootOf
}

// Segment is one encrypted file of the place.
type Segment struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Frames int    `json:"frames"`
}

// LastSeen names the newest record of a state.
type LastSeen struct {
	Record     string `json:"record"`
	ReceivedAt string `json:"received_at"`
	Log        int    `json:"log"`
	Index      uint64 `json:"index"`
}

const (
	manifestHead = "lienthong/backup/v1\n"
	stampForm    = "2006-01-02T15:04:05.000000Z"

	// maxManifest is the longest manifest read, in bytes: a segment is about
	// 150 bytes of it and 16 MiB of a store, so this is a store of some 7 TiB.
	maxManifest = 64 << 20
	// maxPageSize is SQLite's.
	maxPageSize = 1 << 16
)

// Stamp writes a time as manifests do.
func Stamp(t time.Time) string { return t.UTC().Format(stampForm) }

// ParseStamp reads it back; ErrManifest.
func ParseStamp(s string) (time.Time, error) {
	t, err := time.Parse(stampForm, s)
	if err != nil {
		return time.Time{}, ErrManifest.Because(err)
	}
	return t.UTC(), nil
}

// Signer signs manifests and reports with the hub's log key.
type Signer struct {
	key  ed25519.PrivateKey
	vkey string
}

// NewSigner returns the signer of a hub from the seed of its logs' key. What it
// signs begins with a line that no checkpoint has, so neither passes for the other.
func NewSigner(hub string, seed []byte) (*Signer, error) {
	log, err := ledger.LogKeyFromSeed(ledger.Origin(hub, 0), seed)
	if err != nil {
		return nil, err
	}
	return &Signer{key: ed25519.NewKeyFromSeed(seed), vkey: log.Verifier()}, nil
}

// Verifier is the public half: the verifier line of the hub's log 0.
func (s *Signer) Verifier() string { return s.vkey }

// seal returns head and body signed: head, the body's one line, and a line with
// the signer's name and signature.
func (s *Signer) seal(head string, body any) ([]byte, error) {
	line, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	text := append(append([]byte(head), line...), '\n')
	sig := ed25519.Sign(s.key, text)
	return append(text, s.vkey+" "+base64.StdEncoding.EncodeToString(sig)+"\n"...), nil
}

// unseal reads what seal wrote into body and returns who signed. vkey, where it
// is not empty, must be the one. The body is taken in its one spelling only.
func unseal(head string, b []byte, vkey string, body any) (string, error) {
	rest, ok := bytes.CutPrefix(b, []byte(head))
	if !ok {
		return "", errors.New("unknown form")
	}
	line, tail, ok := bytes.Cut(rest, []byte("\n"))
	name, sig64, two := strings.Cut(strings.TrimSuffix(string(tail), "\n"), " ")
	sig, err := base64.StdEncoding.Strict().DecodeString(sig64)
	if !ok || !two || err != nil || len(tail) == 0 || tail[len(tail)-1] != '\n' || strings.Contains(sig64, "\n") {
		return "", errors.New("no signature line")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		return "", err
	}
	if again, err := json.Marshal(body); err != nil || !bytes.Equal(again, line) {
		return "", errors.New("not in its one spelling")
	}
	if vkey != "" && name != vkey {
		return "", ErrSigner
	}
	v, err := note.NewVerifier(name)
	if err != nil || !v.Verify(b[:len(head)+len(line)+1], sig) {
		return "", ErrSigner
	}
	return name, nil
}

// ParseManifest reads a manifest file. vkey is the verifier line of the hub's
// log; with "" the signature must hold by the key it names itself, which proves
// only that nothing was changed since. ErrSigner, ErrManifest.
func ParseManifest(b []byte, vkey string) (*Manifest, string, error) {
	m := &Manifest{}
	signer, err := unseal(manifestHead, b, vkey, m)
	if errors.Is(err, ErrSigner) {
		return nil, "", err
	}
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return nil, "", ErrManifest.Because(err)
	}
	return m, signer, nil
}

// check refuses what no backup says: names that lead elsewhere, sizes that are none.
func (m *Manifest) check() error {
	if m.V != 1 || m.Seq < 1 || m.Base < 1 || m.Base > m.Seq || m.After < 0 || m.After >= m.Seq || m.Records < 0 {
		return errors.New("numbers out of range")
	}
	if (m.After == 0) != (m.Previous == "") || m.Previous != "" && !isDigest(m.Previous) {
		return errors.New("the one before is not named")
	}
	switch m.Kind {
	case Full, Base:
		if m.Base != m.Seq {
			return errors.New("a full one builds on none")
		}
	case Incremental:
		if m.Base > m.After {
			return errors.New("an incremental one builds on one before")
		}
	default:
		return errors.New("unknown kind")
	}
	if _, err := ParseStamp(m.MadeAt); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if !isName(f.Name) || seen[f.Name] || f.PageSize < 512 || f.PageSize > maxPageSize || f.PageSize&(f.PageSize-1) != 0 || !isDigest(f.Root) {
			return errors.New("a file of it is none of a store")
		}
		seen[f.Name] = true
	}
	for _, s := range m.Segments {
		if !isName(s.Name) || seen[s.Name] || s.Size < 1 || !isDigest(s.SHA256) || s.Frames < 0 {
			return errors.New("a segment of it is none")
		}
		seen[s.Name] = true
	}
	return nil
}

func isDigest(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// isName reports whether s is a plain name of a file, which leads nowhere else.
func isName(s string) bool {
	return s != "" && len(s) < 100 && s == path.Base(s) && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == "" && s[0] != '.'
}

const manifestEnding = ".manifest"

func manifestName(seq int) string { return fmt.Sprintf("%08d%s", seq, manifestEnding) }

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
