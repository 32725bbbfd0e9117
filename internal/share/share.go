// Package share makes links of a citizen's own to records they choose, as SMART
// Health Links (HL7 FHIR SMART Health Cards and Links 1.0), and answers who opens
// one. What is shared is written as FHIR documents, one for each record, and
// encrypted (JWE, dir, A256GCM) under a key that only the link holds: the hub
// forgets it. A link has a PIN, a number of tries and an end. Whether a record may
// still be shown is decided at each opening, by package disclose.
//
// It encrypts and never decrypts a JWE (ADR 0018). It is not for reading by
// facilities: they have bases of their own.
package share

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// The limits of links.
const (
	MostRecords = 50
	MostLife    = 30 * 24 * time.Hour
	Tries       = 5 // of a PIN
	mostLive    = 20
	mostPayload = 4 << 20
	mostLabel   = 80 // characters, by the specification
)

var (
	// ErrChoice: nothing was chosen, or what is not there.
	ErrChoice = fault.New(fault.Invalid, "share.choice", "Chọn từ 1 đến 50 hồ sơ để chia sẻ.", "Choose between 1 and 50 records to share.")
	// ErrPIN: a PIN that is too easy or too long.
	ErrPIN = fault.New(fault.Invalid, "share.pin",
		"Mã PIN gồm 6 đến 12 chữ số, không phải toàn một chữ số hay dãy liền nhau.", "A PIN has 6 to 12 digits, not all the same and not in a row.")
	// ErrLife: it ends before it begins, or too late.
	ErrLife = fault.New(fault.Invalid, "share.life", "Đường dẫn có hạn nhiều nhất 30 ngày.", "A link lasts 30 days at most.")
	// ErrLabel: a label that is too long.
	ErrLabel = fault.New(fault.Invalid, "share.label", "Tên của đường dẫn dài nhất 80 ký tự.", "The label has at most 80 characters.")
	// ErrMany: too many links are open.
	ErrMany = fault.New(fault.TooMany, "share.many",
		"Bạn đang có 20 đường dẫn còn hạn. Thu hồi bớt rồi tạo thêm.", "You have 20 links that still hold. End some first.")
	// ErrLarge: what was chosen is too much for a link.
	ErrLarge = fault.New(fault.TooLarge, "share.large",
		"Các hồ sơ đã chọn quá lớn cho một đường dẫn. Chọn ít hơn.", "The records chosen are too large for one link. Choose fewer.")
	// ErrOther: whoever acts for a person shares nothing of theirs by link.
	ErrOther = fault.New(fault.Withheld, "share.other_person",
		"Người thay mặt không chia sẻ hồ sơ của người khác bằng đường dẫn được. Chính người đó tự tạo đường dẫn.",
		"Whoever acts for somebody shares none of their records by link. They make the link themselves.")
	// ErrLink: there is no such link, it is over, ended, locked, or nothing of it may be shown.
	ErrLink = fault.New(fault.Absent, "share.absent", "Không có đường dẫn này.", "There is no such link.")
)

// WrongPIN is the answer to a wrong passcode.
type WrongPIN struct{ Left int }

func (e *WrongPIN) Error() string { return fmt.Sprintf("share: wrong passcode, %d tries left", e.Left) }

// Opener opens records and decides about links; *disclose.Discloser is one.
type Opener interface {
	Open(ctx context.Context, reader disclose.Reader, id dossier.ID) (*disclose.Opened, error)
	Linked(ctx context.Context, reader disclose.Reader, person store.PersonID, ids []dossier.ID) ([]dossier.ID, error)
}

// Box seals short-lived tickets; *vault.Vault is one.
type Box interface {
	SealSecret(name string, plain []byte) ([]byte, error)
	OpenSecret(name string, sealed []byte) ([]byte, error)
}

// Deps is what a desk works with.
type Deps struct {
	Shares  store.Shares
	Notices store.Notices
	Opener  Opener
	Box     Box
	Names   func(care.FacilityCode) string // of facilities; "" where not known
	Clock   clock.Clock
	Base    string    // public address of the hub, "https://hub.example"
	Rand    io.Reader // nil: the operating system's
}

// Desk makes links and answers who opens them.
type Desk struct {
	Deps
	turns   chan struct{}  // few PINs are worked out at once: each takes 19 MiB
	guesses [64]sync.Mutex // by link: one guess at a time
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Shares == nil || d.Notices == nil || d.Opener == nil || d.Box == nil || d.Clock == nil {
		return nil, errors.New("share: a part is missing")
	}
	if u, err := url.Parse(d.Base); err != nil || u.Host == "" || len(d.Base) > 80 {
		return nil, errors.New("share: the public address is needed, in at most 80 characters")
	}
	if d.Names == nil {
		d.Names = func(care.FacilityCode) string { return "" }
	}
	if d.Rand == nil {
		d.Rand = rand.Reader
	}
	d.Base = strings.TrimSuffix(d.Base, "/")
	return &Desk{Deps: d, turns: make(chan struct{}, 2)}, nil
}

// Ask is what a citizen chooses.
type Ask struct {
	Person  care.Person
	Records []dossier.ID
	Label   string
	PIN     string
	Life    time.Duration
}

// Made is a new link. URI is shown once and kept nowhere.
type Made struct {
	URI   string // "shlink:/..."
	Mark  string // names the link in the citizen's list
	Until time.Time
	Files int
}

// Make opens the records, seals them into a link and keeps it. Faults:
// share.choice, share.pin, share.life, share.label, share.many, share.large; those
// of disclose.Open.
func (d *Desk) Make(ctx context.Context, reader disclose.Reader, a Ask) (*Made, error) {
	a.Label = strings.TrimSpace(a.Label)
	switch {
	case reader.For != (care.Person{}) && reader.For != reader.Person, reader.Person != a.Person:
		return nil, ErrOther
	case len(a.Records) == 0 || len(a.Records) > MostRecords:
		return nil, ErrChoice
	case !goodPIN(a.PIN):
		return nil, ErrPIN
	case a.Life <= 0 || a.Life > MostLife:
		return nil, ErrLife
	case !utf8.ValidString(a.Label) || utf8.RuneCountInString(a.Label) > mostLabel || strings.ContainsFunc(a.Label, unicode.IsControl):
		return nil, ErrLabel
	}
	now := d.Clock.Now()
	live, err := d.Shares.Shares(ctx, store.PersonID(a.Person))
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	live = slices.DeleteFunc(live, func(s consent.Share) bool { return !Live(&s, now) })
	if len(live) >= mostLive {
		return nil, ErrMany
	}
	var secrets [80]byte // path, key, salt
	if _, err := io.ReadFull(d.Rand, secrets[:]); err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	path, key := base64.RawURLEncoding.EncodeToString(secrets[:32]), secrets[32:64]
	payload, err := d.payload(ctx, reader, key, a.Records)
	if err != nil {
		return nil, err
	}
	s := consent.Share{ID: sha256.Sum256([]byte(path)), Person: a.Person, Made: now, Until: now.Add(a.Life).Truncate(time.Second),
		Label: a.Label, PIN: d.hash(a.PIN, secrets[64:]), Tries: Tries, Payload: payload}
	if err := d.Shares.PutShare(ctx, s, act(now, reader.Name, "share.make", &s, len(a.Records))); err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	return &Made{URI: uri(d.Base+"/s/"+path, key, &s), Mark: Mark(&s), Until: s.Until, Files: len(a.Records)}, nil
}

// uri writes the link (specification, "Construct a SHLink Payload").
func uri(address string, key []byte, s *consent.Share) string {
	b, err := json.Marshal(struct {
		URL   string `json:"url"`
		Key   string `json:"key"`
		Exp   int64  `json:"exp"`
		Flag  string `json:"flag"`
		Label string `json:"label,omitempty"`
		V     int    `json:"v"`
	}{address, base64.RawURLEncoding.EncodeToString(key), s.Until.Unix(), "P", s.Label, 1})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return "shlink:/" + base64.RawURLEncoding.EncodeToString(b)
}

// Mark names a link for its owner: it opens nothing.
func Mark(s *consent.Share) string { return fmt.Sprintf("%x", s.ID[:8]) }

// Live reports whether a link can still be opened.
func Live(s *consent.Share, now time.Time) bool {
	return s.Ended.IsZero() && now.Before(s.Until) && s.Tries > 0
}

// Of lists a person's links, newest first, without what they hold.
func (d *Desk) Of(ctx context.Context, person care.Person) ([]consent.Share, error) {
	list, err := d.Shares.Shares(ctx, store.PersonID(person))
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	for i := range list {
		list[i].Payload, list[i].PIN = nil, nil
	}
	slices.SortStableFunc(list, func(a, b consent.Share) int { return b.Made.Compare(a.Made) })
	return list, nil
}

// End ends a person's link at once; ErrLink where they have none of that mark.
func (d *Desk) End(ctx context.Context, person care.Person, mark, actor string) error {
	list, err := d.Shares.Shares(ctx, store.PersonID(person))
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	for i := range list {
		if Mark(&list[i]) != mark {
			continue
		}
		if !list[i].Ended.IsZero() {
			return nil
		}
		now := d.Clock.Now()
		if err := d.Shares.EndShare(ctx, list[i].ID, now, act(now, actor, "share.end", &list[i], 0)); err != nil {
			return fmt.Errorf("share: %w", err)
		}
		return nil
	}
	return ErrLink
}

func act(now time.Time, actor, action string, s *consent.Share, files int) store.Act {
	b, err := json.Marshal(map[string]any{"until": s.Until.UTC().Format(time.RFC3339), "files": files})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	a := store.Act{At: now, Actor: actor, Action: action, Object: "link " + Mark(s), Detail: string(b)}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	return a
}

// goodPIN refuses what is guessed first.
func goodPIN(pin string) bool {
	if len(pin) < 6 || len(pin) > 12 || strings.Trim(pin, "0123456789") != "" {
		return false
	}
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		step := int(pin[i]) - int(pin[i-1])
		same, up, down = same && step == 0, up && step == 1, down && step == -1
	}
	return !same && !up && !down
}

// hash is argon2id (RFC 9106) in the form salt, key; its cost is in its first
// byte's name only: form 1 is two passes over 19 MiB.
func (d *Desk) hash(pin string, salt []byte) []byte {
	d.turns <- struct{}{}
	defer func() { <-d.turns }()
	return slices.Concat([]byte{1}, salt, argon2.IDKey([]byte(pin), salt, 2, 19<<10, 1, 32))
}

func (d *Desk) right(s *consent.Share, pin string) bool {
	if len(s.PIN) != 1+16+32 || s.PIN[0] != 1 || len(pin) > 64 {
		return false
	}
	return subtle.ConstantTimeCompare(s.PIN, d.hash(pin, s.PIN[1:17])) == 1
}
