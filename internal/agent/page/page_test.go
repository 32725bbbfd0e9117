package page_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/page"
	"lienthong/internal/agent/spool"
	"lienthong/internal/manifest"
)

// busyDay fills an agent with something of everything.
func busyDay(w *world) (rejected, refused, accepted spool.Item) {
	list := some(w.t.(*testing.T), 8)
	accepted = w.take("hs-1.xml", list[0].XML)
	w.answer(accepted, 0, spool.WasAccepted)
	w.answer(w.take("hs-2.xml", list[1].XML), 0, spool.WasWarned, warning)
	rejected = w.take("=cmd|'/c calc'!A1.xml", list[2].XML)
	w.answer(rejected, 0, spool.WasRejected, badDates)
	w.answer(w.take("hs-4.xml", list[3].XML), 0, spool.WasRejected, badDates)
	refused = w.take("hs-5.xml", list[4].XML)
	w.answer(refused, 0, spool.WasRefused)
	w.take("hs-6.xml", list[5].XML)
	err := w.spool.Follow(w.t.(*testing.T).Context(), "c1", []spool.News{
		{Record: recordOf(accepted), Destination: "insurer", Leg: "done", At: w.clock.Now(), Line: []byte(`{"type":"leg","record":"` + recordOf(accepted) +
			`","destination":"insurer","state":"done","created":"2026-11-22T02:00:00Z","sent":"2026-11-22T02:00:01Z","received":"2026-11-22T02:00:02Z","finalized":"2026-11-22T02:00:03Z","opened":null,"reference":"GD-1","attempts":1}`)},
		{Record: recordOf(accepted), Destination: "vneid", Leg: "parked", At: w.clock.Now(), Line: []byte(`{"type":"leg","state":"parked","code":"vneid.422","created":"2026-11-22T02:00:00Z"}`)}})
	if err != nil {
		w.t.Fatal(err)
	}
	return rejected, refused, accepted
}

func recordOf(i spool.Item) string {
	digits := strconv.FormatInt(i.ID*10, 10)
	return facilityCode + "-" + strings.Repeat("0", 26-len(digits)) + digits
}

var anyTag = regexp.MustCompile(`<[^>]*>`)

// Every page answers in both languages, whole, without a hole in its words.
func TestEveryPageSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	w := setup(t, way{pin: true})
	rejected, _, accepted := busyDay(w)
	w.post("/days", "day", "2026-11-22")
	paths := []string{"/", "/live", "/rejects", "/rejects?code=time.order", "/rejects?code=seal.untrusted", "/files", "/files?state=held", "/files?state=carried",
		"/files/" + string(rejected.Ref), "/files/" + string(accepted.Ref), "/receipts", "/receipts?day=2026-11-22", "/check", "/days", "/days/20261122", "/settings"}
	for _, path := range paths {
		for _, lang := range []string{"vi", "en"} {
			body := w.get(path, "Cookie: "+w.cookie.Name+"="+w.cookie.Value+"; lang="+lang)
			if strings.Contains(body, "«") {
				t.Errorf("%s %s: a sentence is missing: %s", lang, path, body[strings.Index(body, "«"):][:60])
			}
			if path != "/live" && (!strings.Contains(body, `<html lang="`+lang+`"`) || strings.Count(body, "<h1") != 1 || !strings.Contains(body, "</html>")) {
				t.Errorf("%s %s is no whole page", lang, path)
			}
			if strings.Contains(body, "onclick=") || strings.Contains(body, "<script>") || strings.Contains(body, "style=") {
				t.Errorf("%s: something inline that the policy forbids", path)
			}
		}
	}
}

func TestTheDayIsCounted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	busyDay(w)
	text := strings.Join(strings.Fields(anyTag.ReplaceAllString(w.get("/"), " ")), " ")
	for _, want := range []string{"Đã gửi 5", "Đã nhận 2 1 có cảnh báo", "Bị từ chối 3 trong đó 1 tệp trả lại", "Đang chờ 1", "Một nguyên nhân, 2 hồ sơ", "Ngày ra trước ngày vào"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in: %s", want, text)
		}
	}
}

func TestACauseIsOpenedAndItsFileFollowed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rejected, refused, accepted := busyDay(w)
	body := w.get("/rejects?code=time.order")
	for _, want := range []string{"XML1 dòng 1 NGAY_RA", "24S00.1234567", "/files/" + string(rejected.Ref), "Sửa NGAY_RA ở phần mềm bệnh viện.", "hs-4.xml"} {
		if !strings.Contains(body, want) {
			t.Errorf("the cause does not say %q", want)
		}
	}
	if body := w.get("/rejects?code=seal.untrusted"); !strings.Contains(body, "/files/"+string(refused.Ref)) {
		t.Error("a refused file is not under its cause")
	}
	text := strings.Join(strings.Fields(anyTag.ReplaceAllString(w.get("/files/"+string(accepted.Ref)), " ")), " ")
	for _, want := range []string{"insurer bên kia đã nhận", "lập 22/11/2026 09:00 → gửi 22/11/2026 09:00 → bên kia nhận", "GD-1", "vneid tạm dừng, cần người xem vneid.422", recordOf(accepted)} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in: %s", want, text)
		}
	}
	rec := w.send("GET", w.at+"/files/"+string(accepted.Ref)+"/receipt/0", nil)
	if rec.Code != 200 || rec.Body.String() != `{"body":"e30="}` || !strings.Contains(rec.Header().Get("Content-Disposition"), "bien-nhan-24S00-") {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	for _, path := range []string{"/files/" + string(refused.Ref) + "/receipt/0", "/files/" + strings.Repeat("0", 32), "/files/x", "/nothing", "/days/20200101"} {
		if rec := w.send("GET", w.at+path, nil); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

// After the fix elsewhere what passes is sent again, and only that.
func TestWhatPassesIsSentAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	busyDay(w)
	list := some(t, 8)
	broken := w.take("broken.xml", bytes.Replace(list[7].XML, []byte("</GIAMDINHHS>"), []byte(" </GIAMDINHHS>"), 1))
	w.answer(broken, 0, spool.WasRejected, badDates)
	if body := w.post("/rejects/again", "code", "time.order", "do", "check").Body.String(); !strings.Contains(body, "2 tệp nay đã đạt") || !strings.Contains(body, "1 tệp vẫn chưa đạt") {
		t.Error("judged again: ", anyTag.ReplaceAllString(body, ""))
	}
	if i, err := w.spool.Get(t.Context(), broken.Ref); err != nil || i.State != spool.Rejected {
		t.Errorf("%v, %v", i.State, err)
	}
	if body := w.post("/rejects/again", "code", "time.order", "do", "send").Body.String(); !strings.Contains(body, "2 tệp đã vào hàng gửi.") {
		t.Error("sent again: ", anyTag.ReplaceAllString(body, ""))
	}
	if waits, err := w.spool.Unlooked(t.Context(), 10); err != nil || len(waits) != 3 { // and the one that was there
		t.Errorf("%d wait, %v", len(waits), err)
	}
	rec := w.post("/files/"+string(broken.Ref)+"/again", "do", "send")
	if i, err := w.spool.Get(t.Context(), broken.Ref); rec.Code != 200 || err != nil || i.State != spool.Rejected || !strings.Contains(rec.Body.String(), "seal.broken") {
		t.Errorf("%d, %v, %v", rec.Code, i.State, err)
	}
}

func TestWhatIsHeldIsLetGo(t *testing.T) {
	t.Parallel()
	w := setup(t, way{held: true})
	raw := some(t, 1)[0].XML
	i := w.take("held.xml", bytes.Replace(raw, []byte("</GIAMDINHHS>"), []byte(" </GIAMDINHHS>"), 1))
	w.look()
	if body := w.get("/files"); !strings.Contains(body, "held.xml") || !strings.Contains(body, "seal.broken") {
		t.Error("what is held is not shown")
	}
	if body := w.post("/files/again", "do", "send").Body.String(); !strings.Contains(body, "Chưa có tệp nào đạt") {
		t.Error("what does not pass was let go")
	}
	w.post("/files/again", "do", "anyway")
	w.look()
	if got, err := w.spool.Get(t.Context(), i.Ref); err != nil || got.State != spool.Ready {
		t.Errorf("%v, %v", got.State, err)
	}
}

func form(t *testing.T, name string, raw []byte, do string) (*bytes.Buffer, string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	file, err := m.CreateFormFile("file", name)
	if err == nil {
		_, err = file.Write(raw)
	}
	if err == nil {
		err = m.WriteField("do", do)
	}
	if err = errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	return &b, "Content-Type: " + m.FormDataContentType()
}

func TestAMendedFileIsTriedAndSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	raw := some(t, 1)[0].XML
	for _, c := range []struct {
		name string
		raw  []byte
		do   string
		want string
		took int
	}{
		{"good", raw, "check", "Chưa gửi gì.", 0},
		{"broken, to be sent", bytes.Replace(raw, []byte("</GIAMDINHHS>"), []byte(" </GIAMDINHHS>"), 1), "send", "seal.broken", 0},
		{"no dossier", []byte("<html/>"), "send", "envelope.invalid", 0},
		{"good, to be sent", raw, "send", "Đạt, đã vào hàng gửi", 1},
		{"nothing", nil, "send", "page.no_file", 1},
	} {
		body, kind := form(t, "../../a/"+c.name+".xml", c.raw, c.do)
		rec := w.send("POST", w.at+"/check", body, kind)
		if !strings.Contains(rec.Body.String(), c.want) || strings.Contains(rec.Body.String(), "../") {
			t.Errorf("%s: %d %s", c.name, rec.Code, anyTag.ReplaceAllString(rec.Body.String(), ""))
		}
		if list, err := w.spool.Unlooked(t.Context(), 10); err != nil || len(list) != c.took {
			t.Errorf("%s: %d taken, %v", c.name, len(list), err)
		}
	}
	if rec := w.post("/check"); rec.Code != http.StatusUnprocessableEntity && rec.Code != http.StatusBadRequest {
		t.Errorf("no form: %d", rec.Code)
	}
}

func TestListsGoToTheHIS(t *testing.T) {
	t.Parallel()
	w := setup(t)
	busyDay(w)
	for path, rows := range map[string]int{"/rejects.csv": 4, "/rejects.csv?code=time.order": 3, "/rejects.csv?code=none": 1, "/receipts.csv": 6, "/receipts.csv?day=20200101": 1} {
		body := w.get(path)
		text, bom := strings.CutPrefix(body, "\uFEFF")
		list, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if !bom || err != nil || len(list) != rows || strings.Count(text, "\r\n") != rows {
			t.Errorf("%s: %v %d rows, %v\n%s", path, bom, len(list), err, text)
		}
		for _, row := range list {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
					t.Errorf("%s: a spreadsheet would run %q", path, cell)
				}
			}
		}
		if rows > 1 && path != "/rejects.csv?code=none" && !strings.Contains(text, "'=cmd|") {
			t.Errorf("%s: the name is not there", path)
		}
	}
}

// The PIN reaches the signer and no log, and no page of the agent shows it.
func TestThePINIsGivenHere(t *testing.T) {
	t.Parallel()
	w := setup(t, way{pin: true})
	if body := w.get("/"); !strings.Contains(body, "đang chờ mã PIN") {
		t.Error("the page does not say that it waits")
	}
	rec := w.post("/pin", "pin", "sai mật khẩu")
	if rec.Code != http.StatusUnprocessableEntity || !strings.Contains(rec.Body.String(), "signer.pin_wrong") {
		t.Errorf("%d %s", rec.Code, anyTag.ReplaceAllString(rec.Body.String(), ""))
	}
	if strings.Contains(rec.Body.String(), "sai mật khẩu") || strings.Contains(w.log.String(), "sai") {
		t.Error("the PIN was shown or logged")
	}
	if rec := w.post("/pin", "pin", password); rec.Code != http.StatusSeeOther {
		t.Errorf("%d %s", rec.Code, anyTag.ReplaceAllString(rec.Body.String(), ""))
	}
	body := w.get("/settings")
	if !strings.Contains(body, "Sẵn sàng") || !strings.Contains(body, "Bệnh viện Thử") || strings.Contains(body, `name="pin"`) {
		t.Error("the key is not shown as ready")
	}
	if strings.Contains(w.log.String(), password) || strings.Contains(body, password) {
		t.Error("the PIN was kept")
	}
}

func TestADayIsCompared(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, _, accepted := busyDay(w)
	w.clock.Advance(24 * time.Hour)
	w.enter()
	yesterday := "/days/20261122"
	w.mu.Lock()
	w.down = true
	w.mu.Unlock()
	if rec := w.post("/days", "day", "20261122"); rec.Code != http.StatusSeeOther || !strings.HasSuffix(rec.Header().Get("Location"), yesterday) {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
	if body := w.get(yesterday); !strings.Contains(body, "Chưa đối chiếu được") {
		t.Error("what stood in the way is not told")
	}
	var all []manifest.Held
	if err := w.spool.Elements(t.Context(), 20261122, func(e spool.Element) {
		all = append(all, manifest.Held{Kind: e.Kind, File: e.File, Index: e.N, Record: e.Record, Accepted: true})
	}); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.down, w.held = false, append([]manifest.Held{{Kind: "qd4750", File: [32]byte{9}, Record: "24S00-elsewhere", Accepted: true}}, all[1:]...)
	w.mu.Unlock()
	w.post("/days", "day", "2026-11-22")
	if body := w.get(yesterday); !strings.Contains(body, "Lệch: hub thiếu 1, máy này thiếu 1") || !strings.Contains(body, recordOf(accepted)) || !strings.Contains(body, "24S00-elsewhere") {
		t.Error(anyTag.ReplaceAllString(body, ""))
	}
	w.mu.Lock()
	w.held = all
	w.mu.Unlock()
	w.post("/days", "day", "2026-11-22")
	if body := w.get("/"); !strings.Contains(body, "Khớp, 4 hồ sơ") {
		t.Error("yesterday's tick is not on the first page")
	}
}

// What a day came to is found without anybody asking, as soon as the hub is there.
func TestYesterdayIsComparedByItself(t *testing.T) {
	t.Parallel()
	w := setup(t)
	busyDay(w)
	w.clock.Advance(24 * time.Hour)
	w.enter()
	var all []manifest.Held
	if err := w.spool.Elements(t.Context(), 20261122, func(e spool.Element) {
		all = append(all, manifest.Held{Kind: e.Kind, File: e.File, Index: e.N, Record: e.Record, Accepted: true})
	}); err != nil {
		t.Fatal(err)
	}
	w.held = all
	ctx, stop := context.WithCancel(t.Context())
	rounds := 0
	pages, err := page.New(page.Deps{Station: w.station, Home: w.home, Logger: w.station.Logger}, page.Config{Clock: w.clock,
		Sleep: func(ctx context.Context, _ time.Duration) error {
			if rounds++; rounds == 1 { // the hub was not heard before: somebody asks it something
				_, err := w.station.Reconcile(ctx, w.clock.Now())
				return err
			}
			stop()
			return ctx.Err()
		}})
	if err != nil {
		t.Fatal(err)
	}
	if err := pages.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if body := w.get("/days/20261122"); !strings.Contains(body, "Khớp, 4 hồ sơ") || rounds != 2 {
		t.Errorf("%d rounds, %s", rounds, anyTag.ReplaceAllString(body, ""))
	}
}

// Sentences follow the rules of the portal's.
func TestTheWords(t *testing.T) {
	t.Parallel()
	c, err := page.Words()
	if err != nil {
		t.Fatal(err)
	}
	src := ""
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if filepath.Ext(f) == ".templ" || filepath.Ext(f) == ".go" && !strings.HasSuffix(f, "_test.go") && !strings.HasSuffix(f, "_templ.go") {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			src += string(b)
		}
	}
	hole := regexp.MustCompile(`\{\d\}`)
	for key, vi := range c.Texts("vi") {
		if !strings.HasPrefix(key, "agent.") {
			continue
		}
		en := c.Texts("en")[key]
		if len(hole.FindAllString(vi, -1)) != len(hole.FindAllString(en, -1)) {
			t.Errorf("%s: different holes", key)
		}
		for _, banned := range []string{"vui lòng", "thành công", "tuân thủ", "chứng nhận", "please", "success", "compliant", "certified", "!"} {
			if strings.Contains(strings.ToLower(vi+" "+en), banned) {
				t.Errorf("%s says %q", key, banned)
			}
		}
		stem := key[:strings.LastIndex(key, ".")+1]
		if !strings.Contains(src, `"`+key+`"`) && !strings.Contains(src, `"`+stem+`"`) && !strings.HasSuffix(key, ".note") && !strings.HasSuffix(key, ".do") {
			t.Errorf("nothing says %s", key)
		}
	}
}
