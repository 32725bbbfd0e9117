package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/fault"
)

// The phone's page signs what is typed, and says no to what is no challenge.
func TestThePhoneSignsThatItsOwnerIsThere(t *testing.T) {
	t.Parallel()
	p, err := simulator.New(simulator.Config{People: people()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	text := "lienthong-presence:1:" + strings.Repeat("a", 75) + ":79901"
	for _, c := range []struct {
		sub, text string
		want      int
	}{{"an", text, 200}, {"an", " " + text + "\n", 200}, {"an", "lienthong-presence:2:x:79901", 422}, {"an", text + "9", 422}, {"an", "", 422}, {"lan", text, 422}, {"nobody", text, 404}} {
		res, err := srv.Client().PostForm(srv.URL+"/phone/"+c.sub+"/presence", url.Values{"challenge": {c.text}})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := res.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if signed := strings.Contains(b.String(), ">eyJ") && strings.Contains(b.String(), "data:image/png;base64,"); res.StatusCode != c.want || signed != (c.want == http.StatusOK) {
			t.Errorf("%s %q: %d, signed %v", c.sub, c.text, res.StatusCode, signed)
		}
	}
}

// Whatever is scanned is a challenge of the form, or none.
func FuzzParseChallenge(f *testing.F) {
	f.Add("lienthong-presence:1:" + strings.Repeat("a", 75) + ":79901")
	f.Add("lienthong-presence:1::")
	f.Add("https://example.test/lienthong-presence:1:aaaaaaaaaaaaaaaaaaaa:79901")
	f.Fuzz(func(t *testing.T, s string) {
		nonce, facility, err := simulator.ParseChallenge(s)
		if err != nil {
			if fault.Of(err).Code != "simulator.challenge" {
				t.Fatal(err)
			}
			return
		}
		if strings.TrimSpace(s) != "lienthong-presence:1:"+nonce+":"+facility || len(facility) != 5 {
			t.Fatalf("%q reads as %q at %q", s, nonce, facility)
		}
	})
}
