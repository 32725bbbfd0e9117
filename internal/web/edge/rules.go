package edge

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/rulepack"
	"lienthong/internal/web/squeeze"
)

// errFacility: what only a facility's own systems ask for.
var errFacility = fault.New(fault.Withheld, "role.not_allowed",
	"Vai trò này không dùng được chức năng này.", "This role may not use this.")

// facility is whose agent asks.
func (c Caller) facility() (care.FacilityCode, error) {
	if c.Role.Kind != role.Facility {
		return "", errFacility
	}
	return care.FacilityCode(c.Role.ID), nil
}

// Rules answers GET /api/v1/rules: what the facility will be judged by, signed.
func (e *Edge) Rules(w http.ResponseWriter, r *http.Request, who Caller) error {
	code, err := who.facility()
	if err != nil {
		return err
	}
	p, err := e.pack(r, code)
	if err != nil {
		return err
	}
	content, err := p.Content()
	if err != nil {
		return err
	}
	tag := `"` + content + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	for said := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(said), "W/") == tag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	text, err := rulepack.Seal(p, e.Key)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jose")
	squeeze.Write(w, r, []byte(text))
	return nil
}

func (e *Edge) pack(r *http.Request, code care.FacilityCode) (rulepack.Pack, error) {
	d := e.Directory()
	v, ok := d.Current(code)
	if !ok {
		return rulepack.Pack{}, errors.New("edge: a credential of a facility that is not there")
	}
	pack := e.Pack()
	p := rulepack.Pack{Pack: pack.String(), IssuedAt: e.Clock.Now(), Hub: e.Hub, Revoked: []string{}, Anchors: d.Anchors, ReaderRelease: rulepack.Release(),
		Facility: rulepack.Facility{Code: string(code), Name: v.Name, TaxCode: v.TaxCode, Certificates: [][]byte{}}}
	if p.Anchors == nil {
		p.Anchors = [][]byte{}
	}
	for _, c := range d.Certificates(code) {
		if _, revoked := d.RevokedAt(c.Fingerprint); revoked {
			p.Revoked = append(p.Revoked, hex.EncodeToString(c.Fingerprint[:]))
			continue
		}
		p.Facility.Certificates = append(p.Facility.Certificates, c.DER)
	}
	for _, x := range pack.Rules() {
		p.Rules = append(p.Rules, rulepack.Rule{Code: x.Code, Severity: string(x.Severity), Blocks: words(x.Blocks), Rejects: x.Rejects, Text: x.Text, Hint: x.Hint})
	}
	if e.Books != nil {
		p.Books = e.Books()
	}
	if e.Sheets != nil {
		p.Sheets = e.Sheets()
	}
	for _, k := range e.keys() {
		p.ReceiptKeys = append(p.ReceiptKeys, rulepack.Key(k))
	}
	var err error
	p.LogKeys, err = e.LogKeys(r.Context())
	return p, err
}

func words(list []dossier.Purpose) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}
