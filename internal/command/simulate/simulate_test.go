package simulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"lienthong/internal/bridge/tally"
	"lienthong/internal/command"
	"lienthong/internal/command/simulate"
)

// run runs "simulate args..." until the test ends, or until stop, and returns its URL.
func run(t *testing.T, args ...string) (at string, stop func() error) {
	t.Helper()
	var c simulate.Cmd
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append(args, "--json"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	parsed.BindTo(ctx, (*context.Context)(nil))
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := parsed.Run(&command.Streams{Out: in})
		_ = in.CloseWithError(io.ErrUnexpectedEOF) // nobody waits for an address that never comes
		ended <- err
	}()
	stop = func() error { cancel(); return <-ended }
	var a struct{ Simulator, URL string }
	if err := json.NewDecoder(out).Decode(&a); err != nil {
		t.Fatalf("%v: %v", err, stop())
	}
	if a.Simulator != args[0] {
		t.Errorf("%+v", a)
	}
	return a.URL, stop
}

func counts(t *testing.T, at string) tally.Counts {
	t.Helper()
	res, err := http.Get(at + "/simulator/counts")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var c tally.Counts
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const dossier = `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>` +
	`<TONG_HOP><MA_LK>A1</MA_LK><SO_CCCD>079985000001</SO_CCCD></TONG_HOP></NOIDUNGFILE></FILEHOSO></HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>`

func TestEachSimulatorAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := write(t, dir, "secret", "whsec_c2VjcmV0\n")
	books := write(t, dir, "books", `[{"ma_so":"S1","so_cccd":"079985000001"}]`)
	for name, c := range map[string]struct {
		args, extra string
		want        int
	}{"insurer": {"", "passed_on", 0}, "vneid": {"--make-books=3 --books=" + books, "books", 4}, "prescription": {"", "", 0}, "axis": {"", "messages_repeated", 0},
		"webhook": {"--secret-file=" + secret, "", 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, stop := run(t, append([]string{name, "--journal=" + filepath.Join(dir, name+".ndjson"), "--fault=503:count=1"}, strings.Fields(c.args)...)...)
			if got := counts(t, at); got.Recorded != 0 || c.extra != "" && got.Extra[c.extra] != c.want {
				t.Errorf("%+v", got)
			}
			res, err := http.Post(at+"/x", "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			if res.Body.Close(); res.StatusCode != 503 || counts(t, at).Faults["503"] != 1 {
				t.Errorf("%d %+v", res.StatusCode, counts(t, at))
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheJournalGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.xml", dossier)
	write(t, dir, "b.xml", strings.Replace(dossier, "A1", "A2", 1))
	journal := filepath.Join(dir, "journal.ndjson")
	at, stop := run(t, "insurer", "--journal="+journal, "--hold="+dir)
	if c := counts(t, at); c.Recorded != 2 || c.Held != 2 {
		t.Errorf("%+v", c)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":3,"kin`); err != nil { // killed in the midst of a line
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	at, stop = run(t, "insurer", "--journal="+journal, "--hold="+filepath.Join(dir, "a.xml"))
	if c := counts(t, at); c.Recorded != 3 || c.Held != 2 || c.Duplicates != 1 {
		t.Errorf("%+v", c)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(journal)
	if err != nil || bytes.Count(raw, []byte("\n")) != 3 || !bytes.HasSuffix(raw, []byte("}\n")) {
		t.Errorf("%s %v", raw, err)
	}
}

func TestTheInsurerPassesOnToTheBook(t *testing.T) {
	t.Parallel()
	book, _ := run(t, "vneid")
	dir := t.TempDir()
	accounts := write(t, dir, "accounts", `[{"user":"u","password_hash":"0123456789ABCDEF0123456789ABCDEF","facilities":["79901"]}]`)
	at, _ := run(t, "insurer", "--vneid="+book, "--accounts="+accounts)
	res, err := http.PostForm(at+"/api/token/take", url.Values{"username": {"u"}, "password": {"0123456789abcdef0123456789abcdef"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct {
		APIKey map[string]string
	}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	packed, err := json.Marshal(map[string]any{"username": "u", "loaiHoSo": "130", "maTinh": "79", "maCSKCB": "79901", "fileHSBase64": []byte(dossier)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", at+"/api/qd130/guiHoSoXmlQD3176", bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("accessToken", a.APIKey["access_token"])
	r.Header.Set("tokenId", a.APIKey["id_token"])
	r.Header.Set("passwordHash", "0123456789ABCDEF0123456789ABCDEF")
	if res, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if c := counts(t, at); c.Held != 1 || c.Extra["passed_on"] != 1 {
		t.Errorf("insurer: %+v", c)
	}
	if c := counts(t, book); c.Held != 1 || c.Extra["entries_insurer"] != 1 || c.Extra["books"] != 1 {
		t.Errorf("book: %+v", c)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nonsense := write(t, dir, "nonsense", "x")
	write(t, dir, "79901.crt", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
	key := write(t, dir, "senders", `[{"gln":"1","key":"nonsense"}]`)
	none := write(t, dir, "senders2", `[{"gln":"1","certificates":["missing.pem"]}]`)
	whsec := write(t, dir, "whsec", "whsec_***")
	empty := write(t, dir, "empty", "\n")
	for _, args := range []string{"insurer --fault=nonsense", "insurer --accounts=" + nonsense, "insurer --cards=" + nonsense, "insurer --certificates=" + dir, "insurer --certificates=" + nonsense,
		"insurer --hold=" + nonsense, "insurer --hold=" + dir + "/missing", "insurer --journal=" + nonsense + "/x", "insurer --listen=256.0.0.1:0",
		"vneid --clients=" + nonsense, "vneid --books=" + nonsense, "prescription --logins=" + nonsense, "prescription --pharmacies=" + nonsense, "axis --senders=" + nonsense,
		"axis --senders=" + key, "axis --senders=" + none, "webhook --secret-file=" + whsec, "webhook --secret-file=" + empty, "webhook --secret-file=" + dir + "/missing"} {
		var c simulate.Cmd
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.Parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what comes up anyway goes down at once
		parsed.BindTo(ctx, (*context.Context)(nil))
		if err := parsed.Run(&command.Streams{Out: io.Discard}); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}
