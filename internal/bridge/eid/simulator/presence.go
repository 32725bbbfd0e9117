package simulator

import (
	"crypto/rand"
	"encoding/base64"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/fault"
)

// The types of what a phone, or a chip in a reader, signs; and whom it is for.
const (
	PresenceType     = "presence+jwt"
	ChipType         = "chip+jwt"
	presenceAudience = "lienthong:presence"
	presenceLife     = time.Minute
)

var (
	// ErrChallenge (simulator.challenge): the text is no challenge of a hub.
	ErrChallenge = fault.New(fault.Invalid, "simulator.challenge", "Đây không phải mã xác nhận có mặt của một cơ sở khám chữa bệnh.", "This is not a facility's code for being present.")
	errPerson    = fault.New(fault.Absent, "simulator.person", "Không có người này.", "No such person.")
)

var challenge = regexp.MustCompile(`^lienthong-presence:1:([A-Za-z0-9_-]{20,200}):([0-9A-Z]{5})$`)

// ParseChallenge reads the text of a hub's code, "lienthong-presence:1:NONCE:FACILITY".
// Fault: simulator.challenge.
func ParseChallenge(text string) (nonce, facility string, err error) {
	if len(text) > 1000 {
		return "", "", ErrChallenge
	}
	m := challenge.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return "", "", ErrChallenge
	}
	return m[1], m[2], nil
}

// presence is what the signature is over.
type presence struct {
	jwt.Claims
	Nonce    string `json:"nonce"`
	Facility string `json:"facility"`
	Number   string `json:"citizen_id,omitempty"`
	Level    string `json:"acr,omitempty"`
}

// Presence signs a hub's challenge as a person's app does (typ PresenceType), or
// as a reader of chips answers (ChipType); issuer is under which name the hub
// knows this provider. Faults: simulator.challenge, simulator.person.
func (p *Provider) Presence(sub, typ, text, issuer string) (string, error) {
	nonce, facility, err := ParseChallenge(text)
	if err != nil {
		return "", err
	}
	x := p.person(sub, "")
	if x == nil || x.Number == "" {
		return "", errPerson
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.c.Key, KeyID: p.kid}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	now := p.c.Clock.Now()
	return jwt.Signed(s).Claims(presence{
		Claims: jwt.Claims{Issuer: issuer, Subject: x.Subject, Audience: jwt.Audience{presenceAudience}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(presenceLife))},
		Nonce: nonce, Facility: facility, Number: x.Number, Level: x.acr(),
	}).Serialize()
}

// scan is what somebody presses after their phone read a hub's code: what they are
// about to say is signed, shown as a code for the clinic's scanner and as text.
func (p *Provider) scan(w http.ResponseWriter, r *http.Request) {
	x := p.person(r.PathValue("sub"), "")
	if x == nil {
		p.page(w, r, http.StatusNotFound, "error", errPerson.Text.VI)
		return
	}
	typ := PresenceType
	if r.PostFormValue("chip") != "" {
		typ = ChipType
	}
	signed, err := p.Presence(x.Subject, typ, r.PostFormValue("challenge"), p.issuer(r))
	if err != nil {
		f := fault.Of(err).Text
		p.page(w, r, http.StatusUnprocessableEntity, "error", f.VI+" · "+f.EN)
		return
	}
	_, facility, _ := ParseChallenge(r.PostFormValue("challenge"))
	png, err := qrcode.Encode(signed, qrcode.Low, 480)
	if err != nil {
		p.page(w, r, http.StatusInternalServerError, "error", "QR")
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'")
	p.page(w, r, http.StatusOK, "present", map[string]any{"Person": x, "Facility": facility, "Signed": signed, "Chip": typ == ChipType,
		"QR": template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))}) //nolint:gosec // our own picture
}
