package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"lienthong/internal/fault"
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
	dst = appendString(append(dst, `{"content_sha256":`...), b.ContentSHA256)
	dst = appendString(append(dst, `,"durability":`...), b.Durability)
	dst = appendTextOrNull(append(dst, `,"episode":`...), b.Episode)
	dst = appendString(append(dst, `,"facility":`...), b.Facility)
	dst = appendString(append(dst, `,"file_sha256":`...), b.FileSHA256)
	dst = append(dst, `,"findings":[`...)
	for i := range b.Findings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = b.Findings[i].appendCanonical(dst)
	}
	dst = appendString(append(dst, `],"hub":`...), b.Hub)
	dst = appendStrings(append(dst, `,"inner_sha256":`...), b.InnerSHA256)
	dst = appendString(append(dst, `,"kid":`...), b.Kid)
	dst = appendString(append(dst, `,"kind":`...), b.Kind)
	dst = appendString(append(dst, `,"pack":`...), b.Pack)
	dst = append(dst, `,"received_at":"`...)
	dst = b.ReceivedAt.UTC().AppendFormat(dst, timeLayout)
	dst = appendString(append(dst, `","record":`...), b.Record)
	dst = appendString(append(dst, `,"state":`...), b.State)
	dst = appendTextOrNull(append(dst, `,"supersedes":`...), b.Supersedes)
	dst = strconv.AppendInt(append(dst, `,"trust_epoch":`...), b.TrustEpoch, 10)
	dst = strconv.AppendInt(append(dst, `,"v":`...), int64(b.V), 10)
	dst = appendIntOrNull(append(dst, `,"version":`...), b.Version)
	return append(dst, '}'), nil
}

func (f *Finding) appendCanonical(dst []byte) []byte {
	dst = appendStrings(append(dst, `{"blocks":`...), f.Blocks)
	dst = appendString(append(dst, `,"code":`...), f.Code)
	dst = appendTextOrNull(append(dst, `,"field":`...), f.Field)
	dst = appendIntOrNull(append(dst, `,"row":`...), f.Row)
	dst = appendString(append(dst, `,"severity":`...), f.Severity)
	dst = appendTextOrNull(append(dst, `,"table":`...), f.Table)
	return append(dst, '}')
}

func appendTextOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

func appendIntOrNull(dst []byte, n int) []byte {
	if n == 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
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
	if b.Version < 0 || b.Version > maxInteger {
		return errors.New("version is out of range")
	}
	if b.TrustEpoch < 0 || b.TrustEpoch > maxInteger {
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
	if f.Row < 0 || f.Row > maxInteger {
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
	v, err := parseJSON(data)
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

func bodyOf(v jsonValue) (*Body, error) {
	m := membersOf(v)
	b := &Body{
		V: int(m.integer("v")), Hub: m.text("hub"), Record: m.text("record"),
		Facility: m.text("facility"), Episode: m.textOrNull("episode"), Kind: m.text("kind"),
		Version: m.integerOrNull("version"), State: m.text("state"),
		FileSHA256: m.text("file_sha256"), ContentSHA256: m.text("content_sha256"),
		InnerSHA256: m.texts("inner_sha256"), Pack: m.text("pack"), TrustEpoch: m.integer("trust_epoch"),
		Durability: m.text("durability"), Supersedes: m.textOrNull("supersedes"), Kid: m.text("kid"),
	}
	at, err := time.Parse(timeLayout, m.text("received_at"))
	if err != nil {
		m.fail("received_at", "is not a time in microseconds, UTC")
	}
	b.ReceivedAt = at
	for _, item := range m.get("findings", jsonArray).items {
		f := membersOf(item)
		b.Findings = append(b.Findings, Finding{
			Code: f.text("code"), Severity: f.text("severity"), Blocks: f.texts("blocks"),
			Table: f.textOrNull("table"), Row: f.integerOrNull("row"), Field: f.textOrNull("field"),
		})
		if err := f.close(); err != nil {
			return nil, err
		}
	}
	return b, m.close()
}

// HexSHA256 spells a digest as receipts do.
func HexSHA256(digest [32]byte) string { return hex.EncodeToString(digest[:]) }
