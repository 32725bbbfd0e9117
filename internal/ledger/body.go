package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"lienthong/internal/fault"
	"lienthong/internal/ledger/jcs"
)

// ErrBody: the bytes or values are not a receipt body of version 1.
var ErrBody = fault.New(fault.Invalid, "receipt.body",
	"Nội dung biên nhận không đúng dạng.", "The receipt body is not in its prescribed form.")

// The states a receipt can give (DESIGN §6).
const (
	StateAccepted             = "accepted"
	StateAcceptedWithWarnings = "accepted_with_warnings"
	StateRejected             = "rejected"
)

// Body is what the hub says in a receipt. Its bytes are AppendCanonical's.
type Body struct {
	V        int    // version of this form: 1
	Hub      string // name of the hub, the origin's part before "/log/"
	Record   string // the record's identifier
	Facility string // MA_CSKCB
	Episode  string // MA_LK, "" (null) where the dossier has none
	Kind     string // qd4750, checkin, ...
	Version  int    // from 1; 0 (null) where it takes no version number
	State    string // accepted, accepted_with_warnings, rejected
	Findings []Finding

	FileSHA256    string   // of the file's exact bytes, 64 lower-case hex digits
	ContentSHA256 string   // of the ordered decoded inner documents, the same
	InnerSHA256   []string // of each decoded inner document, in order, the same

	Pack       string    // rule pack the verdict was made with
	TrustEpoch int64     // trust state the seal was judged with
	ReceivedAt time.Time // kept in microseconds, UTC
	Durability string    // local, replicated
	Supersedes string    // the record this one replaces, "" (null) where there is none
	Kid        string    // the receipt key's, 16 hex digits
}

// Finding is one broken rule by its code and place. It never holds a value out
// of the record and no sentence: both are looked up by whoever may see them.
type Finding struct {
	Code     string
	Severity string   // error, warning, info
	Blocks   []string // payment, statistics
	Table    string   // "" (null) where the finding is about no table
	Row      int      // from 1; 0 (null) where it is about no row
	Field    string   // "" (null) where it is about no field
}

const timeLayout = "2006-01-02T15:04:05.000000Z"

// Canonical returns the body's bytes; see AppendCanonical.
func (b *Body) Canonical() ([]byte, error) {
	return b.AppendCanonical(make([]byte, 0, 768+96*len(b.Findings)+68*len(b.InnerSHA256)))
}

// AppendCanonical appends the body as RFC 8785 JSON, or returns ErrBody when a
// value is outside what a receipt may say.
func (b *Body) AppendCanonical(dst []byte) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, ErrBody.Because(err)
	}
	dst = jcs.AppendString(append(dst, `{"content_sha256":`...), b.ContentSHA256)
	dst = jcs.AppendString(append(dst, `,"durability":`...), b.Durability)
	dst = jcs.AppendTextOrNull(append(dst, `,"episode":`...), b.Episode)
	dst = jcs.AppendString(append(dst, `,"facility":`...), b.Facility)
	dst = jcs.AppendString(append(dst, `,"file_sha256":`...), b.FileSHA256)
	dst = append(dst, `,"findings":[`...)
	for i := range b.Findings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = b.Findings[i].appendCanonical(dst)
	}
	dst = jcs.AppendString(append(dst, `],"hub":`...), b.Hub)
	dst = jcs.AppendStrings(append(dst, `,"inner_sha256":`...), b.InnerSHA256)
	dst = jcs.AppendString(append(dst, `,"kid":`...), b.Kid)
	dst = jcs.AppendString(append(dst, `,"kind":`...), b.Kind)
	dst = jcs.AppendString(append(dst, `,"pack":`...), b.Pack)
	dst = append(dst, `,"received_at":"`...)
	dst = b.ReceivedAt.UTC().AppendFormat(dst, timeLayout)
	dst = jcs.AppendString(append(dst, `","record":`...), b.Record)
	dst = jcs.AppendString(append(dst, `,"state":`...), b.State)
	dst = jcs.AppendTextOrNull(append(dst, `,"supersedes":`...), b.Supersedes)
	dst = strconv.AppendInt(append(dst, `,"trust_epoch":`...), b.TrustEpoch, 10)
	dst = strconv.AppendInt(append(dst, `,"v":`...), int64(b.V), 10)
	dst = jcs.AppendIntOrNull(append(dst, `,"version":`...), b.Version)
	return append(dst, '}'), nil
}

func (f *Finding) appendCanonical(dst []byte) []byte {
	dst = jcs.AppendStrings(append(dst, `{"blocks":`...), f.Blocks)
	dst = jcs.AppendString(append(dst, `,"code":`...), f.Code)
	dst = jcs.AppendTextOrNull(append(dst, `,"field":`...), f.Field)
	dst = jcs.AppendIntOrNull(append(dst, `,"row":`...), f.Row)
	dst = jcs.AppendString(append(dst, `,"severity":`...), f.Severity)
	dst = jcs.AppendTextOrNull(append(dst, `,"table":`...), f.Table)
	return append(dst, '}')
}

// check says what keeps b from being a receipt body.
func (b *Body) check() error {
	if b.V != 1 {
		return errors.New("v is not 1")
	}
	for _, s := range [...]string{b.Hub, b.Record, b.Facility, b.Kind, b.Pack} {
		if s == "" {
			return errors.New("hub, record, facility, kind or pack is empty")
		}
	}
	if b.State != StateAccepted && b.State != StateAcceptedWithWarnings && b.State != StateRejected {
		return errors.New("state is none of the three")
	}
	if b.Durability != "local" && b.Durability != "replicated" {
		return errors.New("durability is neither local nor replicated")
	}
	if !isHex(b.FileSHA256, 64) || !isHex(b.ContentSHA256, 64) || !isHex(b.Kid, 16) {
		return errors.New("file_sha256, content_sha256 or kid is not lower-case hex of its length")
	}
	for _, s := range b.InnerSHA256 {
		if !isHex(s, 64) {
			return errors.New("inner_sha256 is not lower-case hex of its length")
		}
	}
	if b.Version < 0 || b.Version > jcs.MaxInteger {
		return errors.New("version is out of range")
	}
	if b.TrustEpoch < 0 || b.TrustEpoch > jcs.MaxInteger {
		return errors.New("trust_epoch is out of range")
	}
	if y := b.ReceivedAt.UTC().Year(); y < 2000 || y > 9999 {
		return errors.New("received_at is out of range")
	}
	for _, s := range [...]string{b.Hub, b.Record, b.Facility, b.Episode, b.Kind, b.Pack, b.Supersedes} {
		if !utf8.ValidString(s) {
			return errors.New("a text is not UTF-8")
		}
	}
	for i := range b.Findings {
		if err := b.Findings[i].check(); err != nil {
			return fmt.Errorf("finding %d: %w", i, err)
		}
	}
	return nil
}

func (f *Finding) check() error {
	if f.Code == "" || !utf8.ValidString(f.Code) || !utf8.ValidString(f.Table) || !utf8.ValidString(f.Field) {
		return errors.New("code is empty or a text is not UTF-8")
	}
	if f.Severity != "error" && f.Severity != "warning" && f.Severity != "info" {
		return errors.New("severity is none of the three")
	}
	if f.Row < 0 || f.Row > jcs.MaxInteger {
		return errors.New("row is out of range")
	}
	for _, s := range f.Blocks {
		if s != "payment" && s != "statistics" {
			return errors.New("blocks names an unknown purpose")
		}
	}
	return nil
}

func isHex(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// ParseBody reads a receipt body back. It takes the canonical bytes only: every
// member once and none besides, in RFC 8785's order and spelling. Anything else
// is ErrBody.
func ParseBody(data []byte) (*Body, error) {
	v, err := jcs.Parse(data)
	if err != nil {
		return nil, ErrBody.Because(err)
	}
	b, err := bodyOf(v)
	if err != nil {
		return nil, ErrBody.Because(err)
	}
	again, err := b.Canonical()
	if err != nil {
		return nil, err
	}
	if string(again) != string(data) {
		return nil, ErrBody.Because(errors.New("not in RFC 8785 form"))
	}
	return b, nil
}

func bodyOf(v jcs.Value) (*Body, error) {
	m := jcs.Object(v)
	b := &Body{
		V: int(m.Int("v")), Hub: m.Text("hub"), Record: m.Text("record"),
		Facility: m.Text("facility"), Episode: m.TextOrNull("episode"), Kind: m.Text("kind"),
		Version: m.IntOrNull("version"), State: m.Text("state"),
		FileSHA256: m.Text("file_sha256"), ContentSHA256: m.Text("content_sha256"),
		InnerSHA256: m.Texts("inner_sha256"), Pack: m.Text("pack"), TrustEpoch: m.Int("trust_epoch"),
		Durability: m.Text("durability"), Supersedes: m.TextOrNull("supersedes"), Kid: m.Text("kid"),
	}
	at, err := time.Parse(timeLayout, m.Text("received_at"))
	if err != nil {
		m.Fail("received_at", "is not a time in microseconds, UTC")
	}
	b.ReceivedAt = at
	for _, f := range m.Objects("findings") {
		b.Findings = append(b.Findings, Finding{
			Code: f.Text("code"), Severity: f.Text("severity"), Blocks: f.Texts("blocks"),
			Table: f.TextOrNull("table"), Row: f.IntOrNull("row"), Field: f.TextOrNull("field"),
		})
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return b, m.Close()
}

// HexSHA256 spells a digest as receipts do.
func HexSHA256(digest [32]byte) string { return hex.EncodeToString(digest[:]) }
