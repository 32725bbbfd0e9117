package share

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// FHIRDocument is the media type of what links hold.
const FHIRDocument = "application/fhir+json"

// ticketLife is how long the address of a file serves; the specification allows an hour.
const ticketLife = 5 * time.Minute

// File is one file of a manifest: Embedded, or at Location for a few minutes.
type File struct {
	ContentType string `json:"contentType"`
	Embedded    string `json:"embedded,omitempty"` // JWE, compact
	Location    string `json:"location,omitempty"`
}

// Manifest is the answer to who opens a link.
type Manifest struct {
	Status string `json:"status"` // "finalized": the content of a link does not change
	Files  []File `json:"files"`
}

// Request is what a recipient sends.
type Request struct {
	Recipient string `json:"recipient"`
	Passcode  string `json:"passcode"`
	Embedded  *int   `json:"embeddedLengthMax"`
}

// piece is one file as it is kept: it can be read with the link's key only.
type piece struct {
	Record string `json:"record"`
	Type   string `json:"type"`
	JWE    string `json:"jwe"`
}

// Open answers who holds a link: a PIN first, then what may be shown now. Each
// file shown is a disclosure, and the citizen is told. ErrLink for whatever
// opens nothing; *WrongPIN.
func (d *Desk) Open(ctx context.Context, path string, q Request) (*Manifest, error) {
	s, err := d.find(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := d.try(ctx, s, q.Passcode); err != nil {
		return nil, err
	}
	pieces, err := d.permitted(ctx, s, "", q.Recipient, "POST /s/{id}")
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now()
	detail, err := json.Marshal(map[string]any{"files": len(pieces), "label": Mark(s)})
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	if err := d.Notices.PutNotice(ctx, matter.Notice{Person: s.Person, At: now, Kind: "share.opened", About: hex.EncodeToString(s.ID[:]), Detail: string(detail)}); err != nil {
		return nil, fmt.Errorf("share: telling the citizen: %w", err)
	}
	m := &Manifest{Status: "finalized", Files: make([]File, len(pieces))}
	for i, p := range pieces {
		m.Files[i].ContentType = p.Type
		if q.Embedded == nil || len(p.JWE) <= *q.Embedded {
			m.Files[i].Embedded = p.JWE
			continue
		}
		ticket, err := d.ticket(path, p.Record, q.Recipient, now)
		if err != nil {
			return nil, err
		}
		m.Files[i].Location = d.Base + "/s/" + path + "/files/" + ticket
	}
	return m, nil
}

// File gives the file that a manifest pointed to: a JWE in compact form.
func (d *Desk) File(ctx context.Context, path, ticket string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || len(ticket) > 1000 {
		return "", ErrLink
	}
	plain, err := d.Box.OpenSecret("share/"+path, raw)
	if err != nil {
		return "", ErrLink // made up, or of another link
	}
	var t ticketOf
	if err := json.Unmarshal(plain, &t); err != nil {
		return "", ErrLink
	}
	now := d.Clock.Now()
	if now.Unix() > t.Until {
		return "", ErrLink
	}
	s, err := d.find(ctx, path)
	if err != nil {
		return "", err
	}
	pieces, err := d.permitted(ctx, s, t.Record, t.Recipient, "GET /s/{id}/files/{ticket}")
	if err != nil {
		return "", err
	}
	return pieces[0].JWE, nil
}

type ticketOf struct {
	Record    string `json:"r"`
	Recipient string `json:"n"`
	Until     int64  `json:"u"`
}

func (d *Desk) ticket(path, record, recipient string, now time.Time) (string, error) {
	b, err := json.Marshal(ticketOf{record, Recipient(recipient), now.Add(ticketLife).Unix()})
	if err != nil {
		return "", fmt.Errorf("share: %w", err)
	}
	sealed, err := d.Box.SealSecret("share/"+path, b)
	if err != nil {
		return "", fmt.Errorf("share: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// find returns a link that can be opened now.
func (d *Desk) find(ctx context.Context, path string) (*consent.Share, error) {
	if b, err := base64.RawURLEncoding.DecodeString(path); err != nil || len(b) != 32 {
		return nil, ErrLink
	}
	s, err := d.Shares.Share(ctx, sha256.Sum256([]byte(path)))
	if errors.Is(err, store.ErrAbsent) {
		return nil, ErrLink
	}
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	if !Live(s, d.Clock.Now()) {
		return nil, ErrLink
	}
	return s, nil
}

// try holds a PIN against the link. Whether it was right is told only once the
// store has taken the try: many guesses at once are not more tries.
func (d *Desk) try(ctx context.Context, s *consent.Share, pin string) error {
	guess := &d.guesses[int(s.ID[0])%len(d.guesses)]
	guess.Lock()
	defer guess.Unlock()
	fresh, err := d.Shares.Share(ctx, s.ID)
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	now := d.Clock.Now()
	if !Live(fresh, now) {
		return ErrLink
	}
	right := d.right(fresh, pin)
	left, err := d.Shares.TryShare(ctx, s.ID, right, now)
	switch {
	case errors.Is(err, store.ErrAbsent): // no try is left: nobody learns what this one was
		return ErrLink
	case err != nil:
		return fmt.Errorf("share: %w", err)
	case !right:
		return &WrongPIN{Left: max(0, left)}
	}
	return nil
}

// permitted returns the files that may be shown now (only: one record's), with
// the rows of their disclosure written; ErrLink where there are none.
func (d *Desk) permitted(ctx context.Context, s *consent.Share, only, recipient, route string) ([]piece, error) {
	var pieces []piece
	if err := json.Unmarshal(s.Payload, &pieces); err != nil {
		return nil, fmt.Errorf("share: reading a link: %w", err)
	}
	var ids []dossier.ID
	for _, p := range pieces {
		if only != "" && p.Record != only {
			continue
		}
		id, err := dossier.ParseID(p.Record)
		if err != nil {
			return nil, fmt.Errorf("share: reading a link: %w", err)
		}
		ids = append(ids, id)
	}
	reader := disclose.Reader{Role: role.Role{Kind: role.Citizen}, Person: s.Person, Route: route,
		Name: "link " + Mark(s) + ": " + Recipient(recipient)}
	may, err := d.Opener.Linked(ctx, reader, store.PersonID(s.Person), ids)
	if err != nil {
		return nil, err
	}
	var out []piece
	for _, id := range may {
		for _, p := range pieces {
			if p.Record == id.String() {
				out = append(out, p)
			}
		}
	}
	if len(out) == 0 {
		return nil, ErrLink
	}
	return out, nil
}

// Recipient is who says they open a link, in at most 60 characters, with long
// numbers taken out: it is shown to the citizen and kept.
func Recipient(s string) string {
	var b strings.Builder
	digits := 0
	for _, r := range strings.ToValidUTF8(strings.TrimSpace(s), "") {
		if b.Len() > 150 || strings.Count(b.String(), "")-1 >= 60 {
			break
		}
		if !unicode.IsGraphic(r) {
			r = ' '
		}
		if unicode.IsDigit(r) {
			if digits++; digits > 4 {
				r = '·'
			}
		} else if r != ' ' && r != '-' && r != '.' {
			digits = 0
		}
		b.WriteRune(r)
	}
	if strings.TrimSpace(b.String()) == "" {
		return "?"
	}
	return b.String()
}
