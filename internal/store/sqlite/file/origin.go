package file

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"lienthong/internal/store"
	"lienthong/internal/store/form"
)

// Origin is what is the same for nearly all files that one system sends: the
// table seal keeps each once.
type Origin struct {
	Sender       string
	Certificates []string // hashes of public_blob, hexadecimal
	Seals        []Seal
	Software     string `json:",omitempty"` // since release 4
}

// OriginOf is the origin of a file as the column note holds it.
func OriginOf(f *store.File) (string, error) {
	o := Origin{Sender: f.Sender, Software: f.Software, Certificates: make([]string, len(f.Certificates)), Seals: make([]Seal, len(f.Seals))}
	for i, c := range f.Certificates {
		o.Certificates[i] = hex.EncodeToString(c.Hash[:])
	}
	for i, s := range f.Seals {
		o.Seals[i] = SealOf(s)
	}
	text, err := json.Marshal(o)
	return string(text), err
}

// OriginColumn is file.seals of a file whose origin lies at an address in seal.
func OriginColumn(id int64) string { return strconv.FormatInt(id, 10) }

// ReadOrigin fills in sender, certificates by their hashes, and seals of a file
// from its columns. Before there was the table seal, seals held the notes
// themselves as a JSON array, and the other columns the rest.
func (s *Snapshot) ReadOrigin(f *store.File, sender string, certificates []byte, seals string) error {
	if strings.HasPrefix(seals, "[") || seals == "null" {
		f.Sender = sender
		if len(certificates)%32 != 0 {
			return fmt.Errorf("certificates of %d bytes", len(certificates))
		}
		for ; len(certificates) > 0; certificates = certificates[32:] {
			f.Certificates = append(f.Certificates, store.Blob{Hash: [32]byte(certificates)})
		}
		return json.Unmarshal([]byte(seals), &f.Seals)
	}
	var text string
	if err := s.Row(`SELECT note FROM seal WHERE CAST(id AS TEXT) = ? AND id = CAST(? AS INTEGER)`, seals, seals).Scan(&text); err != nil {
		return fmt.Errorf("the origin of a file: %w", err)
	}
	var o Origin
	if err := form.Exact(text, &o); err != nil {
		return fmt.Errorf("the origin of a file: %w", err)
	}
	f.Sender, f.Software = o.Sender, o.Software
	for _, c := range o.Certificates {
		var b store.Blob
		if err := digest(&b.Hash, c); err != nil {
			return err
		}
		f.Certificates = append(f.Certificates, b)
	}
	for i := range o.Seals {
		n := o.Seals[i].SealNote
		if err := digest(&n.Fingerprint, o.Seals[i].Fingerprint); err != nil {
			return err
		}
		f.Seals = append(f.Seals, n)
	}
	return nil
}

func digest(to *[32]byte, text string) error {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 32 {
		return fmt.Errorf("a digest of %d characters", len(text))
	}
	copy(to[:], b)
	return nil
}
