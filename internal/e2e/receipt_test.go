package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func TestEveryAnswerHasAReceiptThatProves(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		file := ours(pairs().rsa, envelope(newVisit(), newVisit().set("XML1", "GIOI_TINH", "0"), newVisit().set("XML1", "HO_TEN", "")))
		got, _ := w.send("79901", file)
		alone, _ := w.send("79901", ours(pairs().ec, checkin(arrival())))
		for _, a := range append(got, alone...) {
			original := file
			if a.Kind == "checkin" {
				original = nil
			}
			report, err := ledger.Verify(a.Receipt, ledger.VerifyOptions{LogKeys: []string{w.hub.LogKey.Verifier()}, Original: original})
			if err != nil || !report.OK || !report.Trusted {
				t.Fatalf("dossier %d: %v %+v", a.Index, err, report.Steps)
			}
			b := report.Body
			if b.Record != a.Record || b.State != a.State || b.Episode != a.Episode || b.Facility != a.Facility || b.Kind != a.Kind || b.Version != version(a) || len(b.Findings) != len(a.Findings) {
				t.Errorf("dossier %d: the receipt says %+v", a.Index, b)
			}
			if status, doc := w.get("79901", "/api/v1/records/"+a.Record+"/receipt"); status != 200 || string(doc) != string(a.Receipt) {
				t.Errorf("dossier %d: the receipt asked for is another: HTTP %d", a.Index, status)
			}
			bad := bytes.Replace(a.Receipt, []byte(`"salt":"`), []byte(`"salt":"AA`), 1)
			if report, err := ledger.Verify(bad, ledger.VerifyOptions{LogKeys: []string{w.hub.LogKey.Verifier()}}); err == nil && report.OK {
				t.Error("control: an edited receipt verifies")
			}
			other := ledger.VerifyOptions{LogKeys: []string{w.hub.LogKey.Verifier()}, Original: append([]byte(" "), file...)}
			if report, err := ledger.Verify(a.Receipt, other); err == nil && report.OK {
				t.Error("control: a receipt verifies over another file")
			}
		}
	})
}

func TestWhoReadsWhat(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		secret := newVisit().set("XML1", "LY_DO_VV", "điều không ai khác được đọc")
		file := ours(pairs().ec, envelope(newVisit(), secret, newVisit().set("XML1", "GIOI_TINH", "5")))
		got, _ := w.send("79901", file)
		for i, a := range got {
			base := "/api/v1/records/" + a.Record
			if status, raw := w.get("79901", base+"/original"); status != 200 || !bytes.Equal(raw, file) {
				t.Errorf("dossier %d: its own facility gets HTTP %d, %d bytes of %d", i, status, len(raw), len(file))
			}
			if status, body := w.get("79901", base); status != 200 || !strings.Contains(string(body), a.State) {
				t.Errorf("dossier %d: HTTP %d %s", i, status, body)
			}
			status, body := w.get("79901", base+"/timeline")
			var events struct {
				Items []struct{ What string } `json:"items"`
			}
			if err := json.Unmarshal(body, &events); status != 200 || err != nil || len(events.Items) < 2 || events.Items[0].What != "received" || events.Items[1].What != a.State {
				t.Errorf("dossier %d: timeline HTTP %d %s", i, status, body)
			}
			nothing := base[:len(base)-4] + "0000"
			for _, part := range []string{"", "/original", "/receipt", "/timeline", "/content", "/related"} {
				theirs, one := w.get("79902", base+part)
				absent, two := w.get("79902", nothing+part)
				if theirs != 404 || absent != 404 || strings.ReplaceAll(string(one), a.Record, "") != strings.ReplaceAll(string(two), nothing[len("/api/v1/records/"):], "") {
					t.Errorf("dossier %d%s: another facility is answered %d %s, for nothing %d %s", i, part, theirs, one, absent, two)
				}
			}
		}
		operator := disclose.Reader{Role: role.Role{Kind: role.Operator}, Name: "session:test", Route: "test", Reason: "kiểm tra"}
		id, err := dossier.ParseID(got[0].Record)
		w.check(err)
		raw, redacted, err := w.hub.Disclose.Original(w.ctx, operator, id)
		if err != nil || !redacted || bytes.Contains(raw, []byte(b64(secret.at("XML1").xml()))) || !bytes.Contains(raw, []byte("sha256:")) {
			t.Errorf("an operator's original: redacted %v, %v", redacted, err)
		}
		operator.Reason = ""
		if _, _, err := w.hub.Disclose.Original(w.ctx, operator, id); err == nil {
			t.Error("an operator without a reason is given content")
		}
	})
}

func TestNoContentWithoutItsRow(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit().set("XML1", "LY_DO_VV", "dấu vết trước nội dung")
		file := ours(pairs().ec, envelope(v))
		a := w.one("79901", file, fine)
		count := func() int {
			list, _, err := w.looks.List(context.Background(), role.Scope{All: true}, store.DisclosureFilter{Limit: 100})
			w.check(err)
			n := 0
			for _, d := range list {
				if d.Record.String() == a.Record {
					n++
				}
			}
			return n
		}
		parts := []string{"/original", "/content", "/related"}
		for i, part := range parts {
			if status, _ := w.get("79901", "/api/v1/records/"+a.Record+part); status != 200 || count() != i+1 {
				t.Errorf("%s: HTTP %d, %d rows", part, status, count())
			}
		}
		w.looks.set(true)
		for _, part := range parts {
			status, body := w.get("79901", "/api/v1/records/"+a.Record+part)
			if status < 500 || bytes.Contains(body, []byte("dấu vết")) || bytes.Contains(body, []byte(b64(v.at("XML1").xml()))) || bytes.Contains(body, []byte(v.bn)) {
				t.Errorf("%s without a row: HTTP %d %.200s", part, status, body)
			}
		}
		w.looks.set(false)
		if n := count(); n != len(parts) {
			t.Errorf("%d rows", n)
		}
	})
}

func TestTheRefusalIsShownToItsSender(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		got, status := w.send("79901", []byte("no file"))
		if status != 422 || len(got) != 1 || !got[0].Refused || got[0].Record != "" {
			t.Errorf("HTTP %d %s", status, fmt.Sprint(got))
		}
		code, _, body := w.do("79901", "POST", "/api/v1/submissions", "application/xml", []byte("no file"), "Content-Disposition", `attachment; filename="a b.xml"`)
		if code != 422 || !strings.Contains(string(body), `"file":"a b.xml"`) {
			t.Errorf("HTTP %d %s", code, body)
		}
	})
}
