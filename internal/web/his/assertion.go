package his

import (
	"crypto/ecdsa"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/consent"
	"lienthong/internal/fault"
)

const (
	longest = 8 << 10 // of an assertion
	life    = 60 * time.Second
	slack   = 5 * time.Second // of clocks
)

var (
	// ErrAssertion (his.assertion): the word about the clinician is not believed.
	ErrAssertion = fault.New(fault.Unauthenticated, "his.assertion",
		"Lời khai về nhân viên y tế không xác thực được: chữ ký, thời hạn, nơi nhận sai, hoặc đã dùng rồi.",
		"What was said of the clinician could not be verified: signature, term or audience is wrong, or it was used before.")
	// ErrClinician (his.clinician): it names no clinician, patient or purpose.
	ErrClinician = fault.New(fault.Invalid, "his.clinician",
		"Lời khai phải có số chứng chỉ hành nghề (licence), họ tên (name), mã người bệnh (patient) và mục đích (purpose: treatment, referral hoặc second_opinion).",
		"The assertion must name a licence, a name, a patient and a purpose (treatment, referral or second_opinion).")
)

// Asserted is what a facility's system says of the clinician it asks for.
type Asserted struct {
	Issuer     string // facility code
	ID         string // jti
	Audience   []string
	Issued     time.Time
	Expires    time.Time
	Licence    string
	Name       string
	Identifier string // of the patient, as typed
	Purpose    consent.Purpose
	KeyID      string
}

// ParseAssertion reads a compact JWS (RFC 7515, ES256 alone, typ
// "clinician+jwt") of at most 8 KiB signed with the key of the facility's
// credential: {iss, aud, iat, exp, jti, licence, name, patient, purpose}. Faults:
// his.assertion, his.clinician.
func ParseAssertion(text string, key *ecdsa.PublicKey) (*Asserted, error) {
	if text == "" || len(text) > longest || key == nil {
		return nil, ErrAssertion.Because(errors.New("none, or too long"))
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrAssertion.Because(err)
	}
	if typ, _ := parsed.Headers[0].ExtraHeaders[jose.HeaderType].(string); typ != "clinician+jwt" {
		return nil, ErrAssertion.Because(errors.New("another type"))
	}
	var c jwt.Claims
	var own struct {
		Licence string `json:"licence"`
		Name    string `json:"name"`
		Patient string `json:"patient"`
		Purpose string `json:"purpose"`
	}
	if err := parsed.Claims(key, &c, &own); err != nil {
		return nil, ErrAssertion.Because(err)
	}
	if c.Expiry == nil || c.IssuedAt == nil || c.ID == "" || len(c.ID) > 200 {
		return nil, ErrAssertion.Because(errors.New("no exp, iat or jti"))
	}
	a := &Asserted{Issuer: c.Issuer, ID: c.ID, Audience: c.Audience, Issued: c.IssuedAt.Time(), Expires: c.Expiry.Time(), KeyID: parsed.Headers[0].KeyID,
		Licence: strings.TrimSpace(own.Licence), Name: strings.TrimSpace(own.Name), Identifier: strings.TrimSpace(own.Patient), Purpose: consent.Purpose(own.Purpose)}
	if a.Licence == "" || a.Name == "" || a.Identifier == "" || len(a.Licence) > 100 || len(a.Name) > 200 || len(a.Identifier) > 1000 ||
		!slices.Contains([]consent.Purpose{consent.Treatment, consent.Referral, consent.SecondOpinion}, a.Purpose) {
		return nil, ErrClinician
	}
	return a, nil
}

// check holds an assertion against whom it should be from and for.
func (a *Asserted) check(from System, audiences []string, now time.Time) error {
	why := ""
	switch {
	case a.Issuer != string(from.Facility):
		why = "another facility"
	case a.KeyID != "" && from.KeyID != "" && a.KeyID != from.KeyID:
		why = "another key"
	case !slices.ContainsFunc(audiences, func(s string) bool { return slices.Contains(a.Audience, s) }):
		why = "another audience"
	case now.After(a.Expires.Add(slack)):
		why = "expired"
	case a.Issued.After(now.Add(slack)):
		why = "from the future"
	case a.Expires.Sub(a.Issued) > life, a.Expires.Sub(now) > life+slack:
		why = "valid for too long"
	default:
		return nil
	}
	return ErrAssertion.Because(errors.New(why))
}
