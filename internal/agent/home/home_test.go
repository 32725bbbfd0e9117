package home_test

import (
	"crypto/elliptic"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/agent"
	"lienthong/internal/agent/home"
	"lienthong/internal/fault"
)

func setup(t *testing.T) *home.Home {
	t.Helper()
	h, err := home.Create(filepath.Join(t.TempDir(), "agent"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func config() home.Config {
	return home.Config{
		Hub: "https://hub.example.vn", Facility: "79901", Software: "HIS/1.0",
		Folders: []home.Folder{{Path: "/srv/xml", Lane: "urgent", Pattern: "*.xml"}},
		Signer:  home.SignerConfig{Type: home.SignerPKCS12, File: "/srv/key.p12"},
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func TestWhatIsSavedIsOpenedAgain(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if _, err := home.Open(h.Dir()); code(err) != "agent.not_set_up" {
		t.Fatalf("before setup: %v", err)
	}
	if err := h.Save(config()); err != nil {
		t.Fatal(err)
	}
	again, err := home.Open(h.Dir())
	if err != nil {
		t.Fatal(err)
	}
	want := config()
	want.Listen = home.DefaultListen
	if diff := cmp.Diff(want, again.Config()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, h.Config()); diff != "" {
		t.Error(diff)
	}
	if _, err := home.Create(h.Dir()); code(err) != "agent.exists" {
		t.Errorf("a second setup: %v", err)
	}
}

func TestTheSpoolKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first, err := h.SpoolKey()
	if err != nil || len(first) != 32 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	again, err := home.Create(h.Dir()) // setup broke off before the configuration was there
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.SpoolKey()
	if err != nil || string(second) != string(first) {
		t.Fatalf("another key, %v", err)
	}
	if err := os.WriteFile(h.Path("spool.key"), first[:31], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SpoolKey(); code(err) != "agent.spool_key" {
		t.Errorf("a cut key: %v", err)
	}
}

func TestWhatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	if os.PathSeparator != '/' {
		t.Skip("SKIPPED: modes are those of Unix")
	}
	for name, spoil := range map[string]func(h *home.Home) error{
		"directory": func(h *home.Home) error { return os.Chmod(h.Dir(), 0o755) },
		"config":    func(h *home.Home) error { return os.Chmod(h.Path("agent.json"), 0o640) },
	} {
		h := setup(t)
		if err := h.Save(config()); err != nil {
			t.Fatal(err)
		}
		if err := spoil(h); err != nil {
			t.Fatal(err)
		}
		if _, err := home.Open(h.Dir()); code(err) != "agent.modes" {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := setup(t)
	if err := os.Chmod(h.Path("spool.key"), 0o604); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SpoolKey(); code(err) != "agent.modes" {
		t.Errorf("spool key: %v", err)
	}
}

func TestConfigIsReadStrictly(t *testing.T) {
	t.Parallel()
	const good = `{"hub":"https://hub.example.vn","facility":"79901","signer":{"type":"none"}}`
	if _, err := home.ParseConfig([]byte(good)); err != nil {
		t.Fatal(err)
	}
	with := func(member string) string { return strings.TrimSuffix(good, "}") + "," + member + "}" }
	for name, doc := range map[string]string{
		"empty": "", "half written": good[:40], "array": "[]", "null hub": `{"hub":null,"facility":"79901"}`,
		"unknown member": with(`"pin":"123456"`), "member twice": with(`"hub":"https://other.vn"`), "something behind": good + "{}",
		"plain http": `{"hub":"http://hub.example.vn","facility":"79901"}`, "hub with a path": `{"hub":"https://hub.example.vn/x","facility":"79901"}`,
		"user in the hub": `{"hub":"https://u:p@hub.example.vn","facility":"79901"}`, "facility": `{"hub":"https://h.vn","facility":"7990"}`,
		"listen everywhere": with(`"listen":"0.0.0.0:8085"`), "listen nowhere": with(`"listen":"8085"`), "secure everywhere": with(`"secure":":443"`),
		"proxy with password": with(`"proxy":"http://u:p@proxy:3128"`), "proxy of another kind": with(`"proxy":"socks5://proxy:1080"`),
		"folder not absolute": with(`"folders":[{"path":"xml"}]`), "folder twice": with(`"folders":[{"path":"/a"},{"path":"/a/"}]`),
		"lane": with(`"folders":[{"path":"/a","lane":"fast"}]`), "pattern": with(`"folders":[{"path":"/a","pattern":"[" }]`),
		"done is the folder": with(`"folders":[{"path":"/a","done":"/a/"}]`), "gateway without hash": with(`"gateway":{"user":"u","hash":""}`),
		"software": with(`"software":"a\r\nX: y"`), "update without key": with(`"update":{"key":""}`),
		"signer": `{"hub":"https://h.vn","facility":"79901","signer":{"type":"usb"}}`, "pem without key": `{"hub":"https://h.vn","facility":"79901","signer":{"type":"pem","certificate":"/c"}}`,
		"remote in the clear": `{"hub":"https://h.vn","facility":"79901","signer":{"type":"remote","url":"http://csc.vn","secret_file":"/s"}}`,
		"relative module":     `{"hub":"https://h.vn","facility":"79901","signer":{"type":"pkcs11","module":"x.so"}}`,
		"too long":            good + strings.Repeat(" ", 300<<10),
	} {
		if _, err := home.ParseConfig([]byte(doc)); code(err) != "agent.config" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := home.ParseConfig([]byte(`{"hub":"http://127.0.0.1:8080","facility":"79901"}`)); err != nil {
		t.Errorf("this machine in the clear: %v", err)
	}
	h := setup(t)
	bad := config()
	bad.Listen = "0.0.0.0:1"
	if err := h.Save(bad); code(err) != "agent.config" {
		t.Errorf("saved: %v", err)
	}
	if _, err := os.Stat(h.Path("agent.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a bad configuration was written: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"hub":"https://h.vn","facility":"79901","folders":[{"path":"/a"}],"signer":{"type":"none"},"gateway":null}`))
	f.Add([]byte(`{"hub":"http://127.0.0.1:1","facility":"79901","proxy":"direct","update":{"key":"k"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := home.ParseConfig(b)
		if err != nil {
			if code(err) != "agent.config" {
				t.Fatalf("%v", err)
			}
			return
		}
		if !strings.HasPrefix(c.Hub, "http") || c.Listen == "" || c.Signer.Type == "" {
			t.Fatalf("taken without its members: %+v", c)
		}
	})
}

func TestCredentialAndReceiptKeys(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if _, err := h.Credential(); code(err) != "agent.not_set_up" {
		t.Fatalf("none yet: %v", err)
	}
	if err := h.SaveCredential([]byte("{}")); code(err) != "credential.invalid" {
		t.Fatalf("garbage: %v", err)
	}
	key, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := agent.MakeCredential("https://hub.example.vn", "79901", "client", "kid", key)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SaveCredential(b); err != nil {
		t.Fatal(err)
	}
	if c, err := h.Credential(); err != nil || c.ClientID != "client" {
		t.Fatalf("%+v, %v", c, err)
	}
	if keys, err := h.ReceiptKeys(); err != nil || keys != nil {
		t.Fatalf("none yet: %v, %v", keys, err)
	}
	want := []home.ReceiptKey{{ID: "r1", SPKI: spki}}
	if err := h.SaveReceiptKeys(want); err != nil {
		t.Fatal(err)
	}
	got, err := h.ReceiptKeys()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	if public, err := got[0].Public(); err != nil || public.Curve != elliptic.P256() {
		t.Fatal(err)
	}
	for _, bad := range [][]home.ReceiptKey{nil, {{ID: "", SPKI: spki}}, {{ID: "r", SPKI: spki[1:]}}} {
		if err := h.SaveReceiptKeys(bad); code(err) != "agent.receipt_keys" {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := h.Write("receipt-keys.json", []byte(`{"receipt_keys":[{"kid":"r1"}]}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReceiptKeys(); code(err) != "agent.receipt_keys" {
		t.Errorf("damaged: %v", err)
	}
}

func TestTriesThatCannotBeReadAreMany(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if n := h.Tries(); n != 0 {
		t.Fatalf("%d before any", n)
	}
	if err := h.SaveTries(2); err != nil || h.Tries() != 2 {
		t.Fatalf("%d, %v", h.Tries(), err)
	}
	if err := h.Write("signer.tries", nil); err != nil {
		t.Fatal(err)
	}
	if n := h.Tries(); n < 3 {
		t.Errorf("a damaged count allows %d", n)
	}
}

func TestProxySettings(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := config()
	c.Proxy = "http://lan@proxy.local:3128"
	if err := h.Save(c); err != nil {
		t.Fatal(err)
	}
	if err := h.SaveProxyPassword("bí mật"); err != nil {
		t.Fatal(err)
	}
	tr, err := h.Transport()
	if err != nil {
		t.Fatal(err)
	}
	u, err := tr.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "hub.example.vn"}})
	if password, _ := u.User.Password(); err != nil || u.Host != "proxy.local:3128" || u.User.Username() != "lan" || password != "bí mật" {
		t.Errorf("%s, %v", u.Host, err)
	}
	if tr, err := home.Transport("direct", ""); err != nil || tr.Proxy != nil {
		t.Errorf("direct: %v", err)
	}
	if tr, err := home.Transport("", ""); err != nil || tr.Proxy == nil {
		t.Errorf("environment: %v", err)
	}
	if _, err := home.Transport("ftp://x", ""); code(err) != "agent.config" {
		t.Errorf("ftp: %v", err)
	}
}

func TestOneProcessRunsAnAgent(t *testing.T) {
	t.Parallel()
	h := setup(t)
	release, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Lock(); code(err) != "agent.running" {
		t.Fatalf("a second: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = h.Lock(); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatRootWritesBelongsToTheService(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT TESTED: only root gives files to others")
	}
	h := setup(t)
	if err := os.Chown(h.Dir(), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := h.Save(config()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(h.Path("agent.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Stat(h.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(owner(info)), fmt.Sprint(owner(dir)); got != want {
		t.Errorf("belongs to %s, not %s", got, want)
	}
}

// owner is user and group as the system tells them.
func owner(info os.FileInfo) [2]uint64 {
	at := reflect.ValueOf(info.Sys()).Elem()
	return [2]uint64{at.FieldByName("Uid").Uint(), at.FieldByName("Gid").Uint()}
}
