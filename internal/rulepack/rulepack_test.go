package rulepack_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/rulepack"
)

func key(t testing.TB) *ledger.ReceiptKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.NewReceiptKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func keysOf(list ...*ledger.ReceiptKey) []rulepack.Key {
	var out []rulepack.Key
	for _, k := range list {
		out = append(out, rulepack.Key{KID: k.Kid(), SPKI: k.SPKI()})
	}
	return out
}

func sample() rulepack.Pack {
	return rulepack.Pack{Pack: "v1/2026.2", IssuedAt: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Hub: "hub.test",
		Facility: rulepack.Facility{Code: "79901", Name: "Bệnh viện Ánh Sáng", Certificates: [][]byte{{1, 2}}}, Revoked: []string{"ab"}, Anchors: [][]byte{{3}},
		Rules:         []rulepack.Rule{{Code: "x.y", Severity: "error", Blocks: []string{"payment"}, Text: fault.Text{VI: "Sai", EN: "Wrong"}}},
		Sheets:        []string{`{"subject":"qd4750"}`},
		ReaderRelease: "1", ReceiptKeys: []rulepack.Key{{KID: "k", SPKI: []byte{4}}}, LogKeys: []string{"l"}}
}

func seal(t testing.TB, p rulepack.Pack, k *ledger.ReceiptKey) string {
	t.Helper()
	text, err := rulepack.Seal(p, k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASealedPackOpensWithItsKeyOnly(t *testing.T) {
	t.Parallel()
	old, now := key(t), key(t)
	text := seal(t, sample(), now)
	got, err := rulepack.Open(text+"\n", keysOf(old, now))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
	renamed := keysOf(old)
	renamed[0].KID = now.Kid()
	for name, keys := range map[string][]rulepack.Key{"none": nil, "another": keysOf(old), "another of the same name": renamed,
		"no key": {{KID: now.Kid(), SPKI: []byte("x")}}, "of another name": {{KID: "k", SPKI: now.SPKI()}}} {
		if _, err := rulepack.Open(text, keys); !errors.Is(err, rulepack.ErrPack) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingElseOpens(t *testing.T) {
	t.Parallel()
	k := key(t)
	good := strings.Split(seal(t, sample(), k), ".")
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := func(head, body string) string {
		s, err := k.Sign([]byte(head + "." + body))
		if err != nil {
			t.Fatal(err)
		}
		return head + "." + body + "." + base64.RawURLEncoding.EncodeToString(s)
	}
	h := func(alg, typ string, more ...string) string {
		m := map[string]string{"alg": alg, "typ": typ, "kid": k.Kid()}
		for _, name := range more {
			m[name] = "x"
		}
		return part(m)
	}
	if _, err := rulepack.Open(signed(h("ES256", rulepack.Type), good[1]), keysOf(k)); err != nil {
		t.Errorf("the control does not open: %v", err)
	}
	flipped := []byte(good[1])
	flipped[40] ^= 1
	for name, text := range map[string]string{
		"empty": "", "two parts": good[0] + "." + good[1], "four parts": strings.Join(append(good, good[0]), "."),
		"no signature": good[0] + "." + good[1] + ".", "alg none": signed(h("none", rulepack.Type), good[1]), "another typ": signed(h("ES256", "JWT"), good[1]),
		"crit": signed(h("ES256", rulepack.Type, "crit"), good[1]), "jwk": signed(h("ES256", rulepack.Type, "jwk"), good[1]),
		"changed": good[0] + "." + string(flipped) + "." + good[2], "line ends": good[0] + "\n." + good[1] + "." + good[2], "padded": good[0] + "=." + good[1] + "." + good[2],
		"no object": signed(h("ES256", rulepack.Type), part([]string{})), "no pack": signed(h("ES256", rulepack.Type), part(map[string]any{"pack": ""})),
		"a member twice": signed(h("ES256", rulepack.Type), base64.RawURLEncoding.EncodeToString([]byte(`{"pack":"a","pack":"b","facility":{"code":"79901"}}`))),
		"too long":       strings.Repeat("A", rulepack.MaxBytes+1),
	} {
		if _, err := rulepack.Open(text, keysOf(k)); !errors.Is(err, rulepack.ErrPack) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestContentIsWithoutTheMoment(t *testing.T) {
	t.Parallel()
	a, b, c := sample(), sample(), sample()
	b.IssuedAt = b.IssuedAt.Add(time.Hour)
	c.Revoked = nil
	var got [3]string
	for i, p := range []rulepack.Pack{a, b, c} {
		var err error
		if got[i], err = p.Content(); err != nil {
			t.Fatal(err)
		}
	}
	if got[0] != got[1] || got[0] == got[2] {
		t.Errorf("%v", got)
	}
	if rulepack.Release() == "" || rulepack.Release() != rulepack.Release() {
		t.Errorf("release %q", rulepack.Release())
	}
}

func FuzzOpen(f *testing.F) {
	k := key(f)
	f.Add(seal(f, sample(), k))
	f.Add("eyJhbGciOiJFUzI1NiJ9..")
	f.Add("a.b.c")
	keys := keysOf(k)
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := rulepack.Open(text, keys); err == nil && p.Pack != "v1/2026.2" {
			t.Errorf("opened something that was not sealed: %+v", p)
		}
	})
}
