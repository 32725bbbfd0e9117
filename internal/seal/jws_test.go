package seal_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"lienthong/internal/seal"
)

var body = []byte("{\"ho_ten\":\"NGUYỄN THỊ HOA\"}\r\n\x00")

// token makes a token with any header; the value is by the EC key, as r‖s.
func token(tb testing.TB, header string) string {
	tb.Helper()
	head := base64.RawURLEncoding.EncodeToString([]byte(header))
	sum := sha256.Sum256([]byte(head + "." + string(body)))
	der := must(keys().ec.Sign(rand.Reader, sum[:], crypto.SHA256))
	return head + ".." + base64.RawURLEncoding.EncodeToString(rawPair(tb, der))
}

func list(certs ...*x509.Certificate) string {
	var out [][]byte
	for _, c := range certs {
		out = append(out, c.Raw)
	}
	return string(must(json.Marshal(out)))
}

func TestDetachedSealsVerify(t *testing.T) {
	t.Parallel()
	ca := issue(keys().ca, nil, nil, authority)
	for _, pair := range []seal.KeyPair{rsaPair(), ecPair(), {Key: keys().ec, Certificate: issue(keys().ec, ca, keys().ca, nil), Chain: []*x509.Certificate{ca}}} {
		tok, err := pair.SignDetached(body)
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := newVerifier(t).VerifyDetached(body, tok)
		if err != nil {
			t.Fatal(err)
		}
		s := verdict.Signatures[0]
		if !s.Certificate.Equal(pair.Certificate) || s.Covered != seal.Bytes || len(s.Chain) != len(pair.Chain) || s.Fingerprint != sha256.Sum256(pair.Certificate.Raw) {
			t.Fatalf("%+v", s)
		}
		for i := range body {
			bad := append([]byte(nil), body...)
			bad[i] ^= 1
			if _, err := newVerifier(t).VerifyDetached(bad, tok); faultCode(err) != "seal.broken" {
				t.Fatalf("byte %d changed: %v", i, err)
			}
		}
	}
}

func TestDetachedSealsRefused(t *testing.T) {
	t.Parallel()
	x5c := `"x5c":` + list(issue(keys().ec, nil, nil, nil))
	good := `{"alg":"ES256","b64":false,"crit":["b64"],` + x5c + `}`
	tok := token(t, good)
	parts := strings.Split(tok, ".")
	for name, c := range map[string]struct{ token, code string }{
		"control":               {tok, ""},
		"with type and key id":  {token(t, `{"typ":"JOSE","kid":"k","iat":1,"alg":"ES256","b64":false,"crit":["b64"],`+x5c+`}`), ""},
		"empty":                 {"", "seal.missing"},
		"not a token":           {"x", "seal.malformed"},
		"two parts":             {parts[0] + "." + parts[2], "seal.malformed"},
		"four parts":            {tok + ".x", "seal.malformed"},
		"payload attached":      {parts[0] + ".e30." + parts[2], "seal.malformed"},
		"header not base64":     {"!.." + parts[2], "seal.malformed"},
		"header padded":         {parts[0] + "=.." + parts[2], "seal.malformed"},
		"header not JSON":       {token(t, `x`), "seal.malformed"},
		"header is a list":      {token(t, `[]`), "seal.malformed"},
		"header and more":       {token(t, good+"{}"), "seal.malformed"},
		"header cut":            {token(t, good[:len(good)-1]), "seal.malformed"},
		"header not UTF-8":      {token(t, `{"kid":"`+"\xFF"+`",`+good[1:]), "seal.malformed"},
		"header too long":       {token(t, `{"kid":"`+strings.Repeat("k", 8200)+`",`+good[1:]), "seal.malformed"},
		"alg none":              {token(t, strings.Replace(good, "ES256", "none", 1)), "seal.algorithm"},
		"alg HS256":             {token(t, strings.Replace(good, "ES256", "HS256", 1)), "seal.algorithm"},
		"alg PS256":             {token(t, strings.Replace(good, "ES256", "PS256", 1)), "seal.algorithm"},
		"alg lower case":        {token(t, strings.Replace(good, "ES256", "es256", 1)), "seal.algorithm"},
		"alg of another key":    {token(t, strings.Replace(good, "ES256", "RS256", 1)), "seal.broken"},
		"alg a number":          {token(t, strings.Replace(good, `"ES256"`, "1", 1)), "seal.malformed"},
		"alg twice":             {token(t, `{"alg":"ES256",`+good[1:]), "seal.malformed"},
		"alg twice, escaped":    {token(t, `{"\u0061lg":"none",`+good[1:]), "seal.malformed"},
		"b64 true":              {token(t, strings.Replace(good, "false", "true", 1)), "seal.malformed"},
		"b64 missing":           {token(t, strings.Replace(good, `"b64":false,`, "", 1)), "seal.malformed"},
		"crit missing":          {token(t, strings.Replace(good, `"crit":["b64"],`, "", 1)), "seal.malformed"},
		"crit empty":            {token(t, strings.Replace(good, `["b64"]`, "[]", 1)), "seal.malformed"},
		"crit with more":        {token(t, strings.Replace(good, `["b64"]`, `["b64","exp"]`, 1)), "seal.malformed"},
		"crit a string":         {token(t, strings.Replace(good, `["b64"]`, `"b64"`, 1)), "seal.malformed"},
		"jku":                   {token(t, `{"jku":"https://example.org/",`+good[1:]), "seal.malformed"},
		"x5u":                   {token(t, `{"x5u":"https://example.org/",`+good[1:]), "seal.malformed"},
		"jwk":                   {token(t, `{"jwk":{"kty":"EC"},`+good[1:]), "seal.malformed"},
		"zip":                   {token(t, `{"zip":"DEF",`+good[1:]), "seal.malformed"},
		"kid an object":         {token(t, `{"kid":{},`+good[1:]), "seal.malformed"},
		"kid only":              {token(t, strings.Replace(good, x5c, `"kid":"k"`, 1)), "seal.malformed"},
		"x5c empty":             {token(t, strings.Replace(good, x5c, `"x5c":[]`, 1)), "seal.malformed"},
		"x5c of numbers":        {token(t, strings.Replace(good, x5c, `"x5c":[1]`, 1)), "seal.malformed"},
		"x5c not base64":        {token(t, strings.Replace(good, x5c, `"x5c":["-_"]`, 1)), "seal.broken"},
		"x5c not a certificate": {token(t, strings.Replace(good, x5c, `"x5c":["AAAA"]`, 1)), "seal.broken"},
		"another's certificate": {token(t, strings.Replace(good, x5c, `"x5c":`+list(issue(keys().other, nil, nil, nil)), 1)), "seal.broken"},
		"signer not first":      {token(t, strings.Replace(good, x5c, `"x5c":`+list(issue(keys().other, nil, nil, nil), issue(keys().ec, nil, nil, nil)), 1)), "seal.broken"},
		"another curve":         {token(t, strings.Replace(good, x5c, `"x5c":`+list(issue(keys().p384, nil, nil, nil)), 1)), "seal.algorithm"},
		"value empty":           {parts[0] + "..", "seal.broken"},
		"value not base64":      {parts[0] + "..!", "seal.broken"},
		"value cut":             {tok[:len(tok)-4], "seal.broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdict, err := newVerifier(t).VerifyDetached(body, c.token)
			if faultCode(err) != c.code || (verdict == nil) != (err != nil) {
				t.Fatalf("code %q (%v), want %q", faultCode(err), err, c.code)
			}
		})
	}
}

func FuzzJWS(f *testing.F) {
	good, err := ecPair().SignDetached(body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, good)
	f.Add(body, "e30..")
	f.Add([]byte{}, "")
	f.Add(body, good+"A")
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, b []byte, tok string) {
		verdict, err := v.VerifyDetached(b, tok)
		if err == nil { // a seed: it must hold for these bytes and no others
			if _, err := v.VerifyDetached(append(b, 0), tok); faultCode(err) != "seal.broken" || verdict == nil {
				t.Fatalf("verifies for more bytes than were sealed: %v", verdict)
			}
			return
		}
		if !strings.HasPrefix(faultCode(err), "seal.") {
			t.Fatalf("uncoded error %v", err)
		}
	})
}
