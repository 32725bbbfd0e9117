package backup

import (
	"errors"
	"strings"
)

// Report says that a backup was restored elsewhere and re-walked whole. It is
// signed with the hub's log key, which whoever restores must have: it is how
// the hub learns, and shows, when a restore was last proven.
type Report struct {
	V          int       `json:"v"` // 1
	Hub        string    `json:"hub"`
	Backup     string    `json:"backup"` // SHA-256 of the manifest restored from; "" for a server restored by its own means
	MadeAt     string    `json:"made_at,omitempty"`
	RestoredAt string    `json:"restored_at"`
	Records    int       `json:"records"`
	Logs       []LogEnd  `json:"logs"`
	Last       *LastSeen `json:"last,omitempty"` // the last receipt restored
	PerSecond  float64   `json:"records_per_s"`  // restored and verified
}

// LogEnd is where a restored log ends.
type LogEnd struct {
	Log  int    `json:"log"`
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

const (
	reportHead = "lienthong/restored/v1\n"
	maxReport  = 1 << 20
)

// SealReport returns the report's signed bytes.
func (s *Signer) SealReport(r *Report) ([]byte, error) { return s.seal(reportHead, r) }

// ParseReport reads a signed report; ErrReport.
func ParseReport(b []byte, vkey string) (*Report, error) {
	r := &Report{}
	if len(b) > maxReport {
		return nil, ErrReport
	}
	if _, err := unseal(reportHead, b, vkey, r); err != nil {
		return nil, ErrReport.Because(err)
	}
	_, err := ParseStamp(r.RestoredAt)
	if r.V != 1 || err != nil || r.Backup != "" && !isDigest(r.Backup) || !strings.HasPrefix(vkey, r.Hub+"/") {
		return nil, ErrReport.Because(errors.New("numbers or names out of range"))
	}
	for _, l := range r.Logs {
		if l.Log < 0 || len(l.Root) != 32 {
			return nil, ErrReport.Because(errors.New("a log's end is none"))
		}
	}
	return r, nil
}
