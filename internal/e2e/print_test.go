package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"lienthong/internal/ledger"
)

// form posts a form as nobody.
func (w *world) form(c *http.Client, path string, values url.Values) (int, string) {
	w.t.Helper()
	res, err := c.PostForm(w.server.URL+path, values)
	w.check(err)
	b := must(io.ReadAll(res.Body))
	w.check(res.Body.Close())
	return res.StatusCode, string(b)
}

func TestAPrintedReceiptIsCheckedByAnybody(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		a := w.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		body := must(ledger.ParseDocument(a.Receipt)).Body
		sum := sha256.Sum256(body)
		digest := hex.EncodeToString(sum[:])
		nobody := &http.Client{}
		for _, c := range []struct {
			record, digest string
			status         int
			want           string
		}{
			{a.Record, digest, http.StatusOK, "Đúng. Biên nhận này nằm trong sổ nhật ký"},
			{a.Record, strings.ToUpper(digest), http.StatusOK, "Đúng. Biên nhận này nằm trong sổ nhật ký"},
			{a.Record, strings.Repeat("0", 64), http.StatusOK, "Không tìm thấy biên nhận nào khớp"},
			{a.Record[:len(a.Record)-2] + "00", digest, http.StatusOK, "Không tìm thấy biên nhận nào khớp"},
			{"x", digest, http.StatusUnprocessableEntity, "không đúng dạng"},
			{a.Record, "zz", http.StatusUnprocessableEntity, "không đúng dạng"},
		} {
			status, page := w.form(nobody, "/check", url.Values{"record": {c.record}, "digest": {c.digest}})
			if status != c.status || !strings.Contains(page, c.want) {
				t.Errorf("%s %.8s: %d, without %q", c.record, c.digest, status, c.want)
			}
		}
		res := must(http.Get(w.server.URL + "/check?record=" + a.Record + "&digest=" + digest))
		page := must(io.ReadAll(res.Body))
		w.check(res.Body.Close())
		if !bytes.Contains(page, []byte(digest)) || bytes.Contains(page, []byte("Đúng. Biên nhận")) {
			t.Error("following the code must fill in the form and ask nothing yet")
		}
		clerk := &http.Client{Jar: must(cookiejar.New(nil))}
		token := must(w.hub.Office.MakeLink(w.ctx, "test", "facility:79901", "/"))
		if status, _ := w.form(clerk, "/login", url.Values{"token": {token}}); status != http.StatusOK {
			t.Fatalf("login: %d", status)
		}
		for who, want := range map[*http.Client]int{clerk: http.StatusOK, nobody: http.StatusUnauthorized} {
			res := must(who.Get(w.server.URL + "/records/" + a.Record + "/print"))
			pdf := must(io.ReadAll(res.Body))
			w.check(res.Body.Close())
			if res.StatusCode != want || bytes.HasPrefix(pdf, []byte("%PDF-")) != (want == http.StatusOK) {
				t.Errorf("print: %d, %d bytes", res.StatusCode, len(pdf))
			}
		}
	})
}
