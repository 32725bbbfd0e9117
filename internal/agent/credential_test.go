package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"lienthong/internal/agent"
)

func credential(t testing.TB) []byte {
	t.Helper()
	key, _, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := agent.MakeCredential("lienthong.test", "79901", "79901-1", "k1", key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func offline(t testing.TB) *agent.Client {
	t.Helper()
	cred, err := agent.ParseCredential(credential(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := agent.New(agent.Config{HubURL: "https://hub.example", Credential: cred})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCredentialReadsBack(t *testing.T) {
	t.Parallel()
	key, _, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := agent.MakeCredential("https://hub.example", "79901", "79901-ab", "k1", key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := agent.ParseCredential(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Hub != "https://hub.example" || c.Facility != "79901" || c.ClientID != "79901-ab" || c.KeyID != "k1" || !c.PublicKey().Equal(&key.PublicKey) {
		t.Errorf("%+v", c)
	}
	if _, err := agent.New(agent.Config{Credential: c}); err != nil { // the hub's address is in it
		t.Error(err)
	}
}

func TestCredentialIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := map[string]any{}
	if err := json.Unmarshal(credential(t), &good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m map[string]any){
		"member missing":   func(m map[string]any) { delete(m, "kid") },
		"member unknown":   func(m map[string]any) { m["url"] = "x" },
		"member empty":     func(m map[string]any) { m["client_id"] = "" },
		"member of a type": func(m map[string]any) { m["hub"] = 1 },
		"facility":         func(m map[string]any) { m["facility"] = "7990" },
		"no PEM":           func(m map[string]any) { m["private_key"] = "x" },
		"PEM of a kind": func(m map[string]any) {
			m["private_key"] = strings.ReplaceAll(m["private_key"].(string), "PRIVATE", "PUBLIC")
		},
		"PEM and something": func(m map[string]any) { m["private_key"] = m["private_key"].(string) + "x" },
		"PEM cut":           func(m map[string]any) { m["private_key"] = m["private_key"].(string)[:100] },
	} {
		m := maps.Clone(good)
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := agent.ParseCredential(b); !errors.Is(err, agent.ErrCredential) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	whole := string(credential(t))
	for name, text := range map[string]string{
		"twice":     strings.Replace(whole, `"hub"`, `"kid": "2", "hub"`, 1),
		"trailing":  whole + "{}",
		"bad UTF-8": strings.Replace(whole, "lienthong", "\xff", 1),
		"too long":  whole + strings.Repeat(" ", 70_000),
		"empty":     "",
	} {
		if _, err := agent.ParseCredential([]byte(text)); !errors.Is(err, agent.ErrCredential) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOnlyP256MakesACredential(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agent.MakeCredential("h", "79901", "c", "k", key); !errors.Is(err, agent.ErrCredential) {
		t.Errorf("got %v", err)
	}
	if _, err := agent.MakeCredential("h", "79901", "c", "k", nil); !errors.Is(err, agent.ErrCredential) {
		t.Errorf("got %v", err)
	}
}

func TestHubsAddress(t *testing.T) {
	t.Parallel()
	cred, err := agent.ParseCredential(credential(t))
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]error{
		"https://hub.example": nil, "https://hub.example:8443/": nil, "http://127.0.0.1:8080": nil, "http://[::1]:80": nil, "http://localhost": nil,
		"http://hub.example": agent.ErrPlain, "http://10.0.0.1": agent.ErrPlain,
		"": agent.ErrHubURL, "hub.example": agent.ErrHubURL, "ftp://hub.example": agent.ErrHubURL, "https://": agent.ErrHubURL,
		"https://a:b@hub.example": agent.ErrHubURL, "https://hub.example/api": agent.ErrHubURL, "https://hub.example?x=1": agent.ErrHubURL, "://": agent.ErrHubURL,
	} {
		if _, err := agent.New(agent.Config{HubURL: url, Credential: cred}); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%q: got %v, want %v", url, err, want)
		}
	}
	if _, err := agent.New(agent.Config{HubURL: "http://hub.example", Credential: cred, PlainHTTP: true}); err != nil {
		t.Error(err)
	}
	if _, err := agent.New(agent.Config{HubURL: "https://hub.example"}); !errors.Is(err, agent.ErrCredential) {
		t.Errorf("got %v", err)
	}
}

func FuzzCredential(f *testing.F) {
	f.Add(credential(f))
	f.Add([]byte(`{"hub":"h","client_id":"c","facility":"79901","kid":"k","private_key":""}`))
	f.Add([]byte(`{"hub":"h","hub":"h"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := agent.ParseCredential(b)
		if err != nil {
			if !errors.Is(err, agent.ErrCredential) {
				t.Errorf("not coded: %v", err)
			}
			return
		}
		if c.Hub == "" || c.ClientID == "" || c.KeyID == "" || len(c.Facility) != 5 || c.PublicKey() == nil {
			t.Errorf("let in: %+v", c)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"file":"a","index":0,"record":"r","state":"accepted"}`, `{"file":"a","refused":true,"code":"seal.missing"}`,
		`{"file":"a","index":1,"deferred":true,"code":"hub.busy","retry_after":-3}`, `{"end":true,"results":3}`, `{"index":-1}`, `null`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := agent.ParseAnswer(b)
		switch {
		case err != nil && !errors.Is(err, agent.ErrAnswer):
			t.Errorf("not coded: %v", err)
		case err == nil && (a.Outcome == "" || a.Index < 0 || string(a.JSON) != string(b)):
			t.Errorf("let in: %+v", a)
		}
	})
}
