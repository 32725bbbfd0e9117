package gateway_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
	"lienthong/internal/xmltok"
)

// The table of doc/guide/gateway.md: what became of a file, and what a HIS reads.
func TestEveryOutcomeHasItsCode(t *testing.T) {
	t.Parallel()
	accepted := gateway.Item{Reference: "79901-a", State: dossier.Accepted}
	rejected := gateway.Item{Reference: "79901-r", State: dossier.Rejected, Problems: []gateway.Problem{
		{Code: "XML1.T_THUOC.sum", Severity: "warning", Text: "Tổng chưa khớp."},
		{Code: "subject.sex", Severity: "error", Table: "XML1", Field: "GIOI_TINH", Row: 1, Text: "Giới tính sai.", Hint: "Ghi 1, 2 hoặc 3."}}}
	deferred := gateway.Item{Deferred: store.ErrFull}
	for name, c := range map[string]struct {
		out       gateway.Outcome
		err       error
		code      string
		reference string
		fault     string
		text      string
		retry     string
	}{
		"accepted":        {out: one(accepted), code: "200", reference: "79901-a", text: "Tiếp nhận thành công."},
		"accepted before": {out: one(gateway.Item{Reference: "79901-a", State: dossier.Accepted, Replay: true}), code: "200", reference: "79901-a", text: "đã tiếp nhận trước đó"},
		"with warnings":   {out: one(gateway.Item{Reference: "79901-w", State: dossier.AcceptedWithWarnings, Problems: rejected.Problems[:1]}), code: "200", reference: "79901-w", text: "[XML1.T_THUOC.sum]"},
		"with errors that do not reject": {out: one(gateway.Item{Reference: "79901-w", State: dossier.AcceptedWithWarnings, Problems: rejected.Problems}), code: "200", reference: "79901-w",
			text: "Cần xem lại: [subject.sex] (XML1.GIOI_TINH dòng 1) Giới tính sai. Ghi 1, 2 hoặc 3. [XML1.T_THUOC.sum]"},
		"superseded":           {out: one(gateway.Item{Reference: "79901-s", State: dossier.Superseded, Replay: true}), code: "200", reference: "79901-s", text: "bản mới"},
		"withdrawn":            {out: one(gateway.Item{Reference: "79901-s", State: dossier.Withdrawn, Replay: true}), code: "200", reference: "79901-s", text: "rút lại"},
		"erased":               {out: one(gateway.Item{Reference: "79901-s", State: dossier.Erased, Replay: true}), code: "200", reference: "79901-s", text: "xóa"},
		"waiting at an agent":  {out: one(gateway.Item{Reference: "spool-1", State: gateway.Waiting}), code: "200", reference: "spool-1", text: "chờ gửi"},
		"rejected":             {out: one(rejected), code: "205", reference: "79901-r", fault: "subject.sex", text: "[subject.sex] (XML1.GIOI_TINH dòng 1) Giới tính sai. Ghi 1, 2 hoặc 3."},
		"deferred":             {out: one(deferred), code: "500", fault: "hub.storage_full", text: "Hub hết chỗ lưu", retry: "7"},
		"several, all good":    {out: one(accepted, accepted), code: "200", reference: "79901-a", text: "Tệp có 2 hồ sơ: 2 được nhận"},
		"several, one bad":     {out: one(accepted, rejected, accepted), code: "205", reference: "79901-r", fault: "subject.sex", text: "3 hồ sơ: 2 được nhận, 1 bị trả lại"},
		"several, one not yet": {out: one(rejected, deferred, accepted), code: "500", fault: "hub.storage_full", text: "1 chưa xử lý", retry: "7"},
		"nothing at all":       {out: one(), code: "500", fault: "hub.broken", retry: "7"},
		"busy":                 {err: intake.ErrBusy, code: "500", fault: "hub.busy", text: "Hub đang bận", retry: "7"},
		"full":                 {err: store.ErrFull, code: "500", fault: "hub.storage_full", retry: "7"},
		"stopping":             {err: store.ErrStopping, code: "500", fault: "hub.stopping", retry: "7"},
		"a defect":             {err: errors.New("disk"), code: "500", fault: "hub.broken", retry: "7"},
		"a broken seal":        {err: fault.New(fault.Invalid, "seal.broken", "Chữ ký sai.", ""), code: "125", fault: "seal.broken", text: "Chữ ký sai. [seal.broken]"},
		"no seal":              {err: fault.New(fault.Invalid, "seal.missing", "Thiếu chữ ký.", ""), code: "125", fault: "seal.missing"},
		"unknown facility":     {err: intake.ErrFacility, code: "403", fault: "facility.unknown"},
		"not its facility":     {err: intake.ErrSender, code: "403", fault: "sender.not_allowed"},
		"unreadable":           {err: xmltok.ErrUnreadable, code: "205", fault: "file.unreadable"},
		"too large":            {err: xmltok.ErrLimits, code: "205", fault: "file.limits"},
		"changed meanwhile":    {err: store.ErrTaken, code: "205", fault: "name.taken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.take()
			d.to.out, d.to.err = c.out, c.err
			a := d.send("một tệp")
			if a.status != http.StatusOK || a.Code != c.code || a.Reference != c.reference || a.Fault != c.fault || !strings.Contains(a.Text, c.text) || a.retry != c.retry {
				t.Errorf("%+v", a)
			}
			decided := c.err == nil && c.code != "500"
			if (a.At == "20261121100001") != decided || !decided && a.At != "" {
				t.Errorf("thoiGianTiepNhan %q", a.At)
			}
			if !strings.HasPrefix(a.raw, `{"maKetQua":"`+c.code+`","maGiaoDich":"`+c.reference+`","thoiGianTiepNhan":"`+a.At+`","thongDiep":"`) {
				t.Errorf("the insurer's members and their order: %s", a.raw)
			}
			if strings.Contains(a.raw, "disk") || (len(c.out.Items) > 1) != (len(a.Dossiers) == len(c.out.Items) && len(a.Dossiers) > 1) {
				t.Errorf("%s", a.raw)
			}
		})
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	p := gateway.Problem{Code: "time.order", Severity: "error", Text: "Sai."}
	d.to.out = one(gateway.Item{Reference: "79901-x", State: dossier.Rejected, Problems: []gateway.Problem{p, p, p, p, p}})
	if a := d.send("x"); !strings.Contains(a.Text, "Còn 2 lỗi khác") || len(a.Problems) != 5 || a.Problems[0]["maLoi"] != "time.order" {
		t.Errorf("%s", a.raw)
	}
}

func TestWhatABodyMustSay(t *testing.T) {
	t.Parallel()
	file := base64.StdEncoding.EncodeToString([]byte("<GIAMDINHHS>Đ</GIAMDINHHS>"))
	lines := file[:8] + "\r\n" + file[8:20] + "\n" + file[20:] + "\r\n"
	big := base64.StdEncoding.EncodeToString(make([]byte, 1<<20+1))
	edge := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 1<<20))
	const check = "/api/qd130/checkInKcbQd3176"
	for name, c := range map[string]struct{ path, kind, body, want string }{
		"as it should be":       {submitPath, "application/json", bodyOf("130", facility, file), "200"},
		"the older path":        {"/api/qd130/guiHoSoXmlQD4750", "application/json", bodyOf("130", facility, file), "200"},
		"the oldest path":       {"/api/qd130/guiHoSoXmlQD130", "application/json", bodyOf("130", facility, file), "200"},
		"a path in other case":  {"/api/qd130/guihosoxmlqd3176/", "application/json", bodyOf("130", facility, file), "200"},
		"a number":              {submitPath, "", strings.Replace(bodyOf("130", facility, file), `"130"`, `130`, 1), "200"},
		"a check-in":            {check, "application/json", bodyOf("0", facility, file), "200"},
		"an older check-in":     {"/api/qd130/checkInKcbQd4750", "application/json", bodyOf("0", facility, file), "200"},
		"base64 in lines":       {submitPath, "application/json", bodyOf("130", facility, lines), "200"},
		"the largest":           {submitPath, "application/json", bodyOf("130", facility, edge), "200"},
		"too large":             {submitPath, "application/json", bodyOf("130", facility, big), "205 file.limits"},
		"far too large":         {submitPath, "application/json", bodyOf("130", facility, big+big), "205 file.limits"},
		"a check-in as dossier": {submitPath, "application/json", bodyOf("0", facility, file), "205 gateway.field"},
		"a dossier as check-in": {check, "application/json", bodyOf("130", facility, file), "205 gateway.field"},
		"no kind":               {submitPath, "application/json", bodyOf("", facility, file), "205 gateway.field"},
		"no facility":           {submitPath, "application/json", bodyOf("130", "", file), "205 gateway.field"},
		"another facility":      {submitPath, "application/json", bodyOf("130", "79902", file), "403 gateway.facility"},
		"another user":          {submitPath, "application/json", strings.Replace(bodyOf("130", facility, file), user, "79902_BV", 1), "401 gateway.session"},
		"no file":               {submitPath, "application/json", bodyOf("130", facility, ""), "205 gateway.field"},
		"rubbish in the base64": {submitPath, "application/json", bodyOf("130", facility, "@@"+file), "205 file.unreadable"},
		"base64 cut short":      {submitPath, "application/json", bodyOf("130", facility, file[:len(file)-3]), "205 file.unreadable"},
		"base64 of an address":  {submitPath, "application/json", bodyOf("130", facility, "-_-_"), "205 file.unreadable"},
		"loose bits at the end": {submitPath, "application/json", bodyOf("130", facility, "YR=="), "205 file.unreadable"},
		"only blank lines":      {submitPath, "application/json", bodyOf("130", facility, "\n\n"), "205 file.unreadable"},
		"a member twice":        {submitPath, "application/json", strings.Replace(bodyOf("130", facility, file), `{`, `{"MACSKCB":"79902",`, 1), "205 gateway.body"},
		"no JSON":               {submitPath, "application/json", "fileHSBase64=x", "205 gateway.body"},
		"the file as an object": {submitPath, "application/json", strings.Replace(bodyOf("130", facility, file), `"fileHSBase64":"`+file+`"`, `"fileHSBase64":{}`, 1), "205 gateway.field"},
		"deep in brackets":      {submitPath, "application/json", strings.Repeat("[", 1000), "205 gateway.body"},
		"half a surrogate":      {submitPath, "application/json", `{"username":"\ud800"}`, "205 gateway.body"},
		"a form":                {submitPath, "application/x-www-form-urlencoded", "loaiHoSo=130&maCSKCB=79901&fileHSBase64=" + strings.ReplaceAll(file, "+", "%2B"), "200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.take()
			a := d.post(c.path, c.kind, c.body, d.headers()...)
			if got := strings.TrimSpace(a.Code + " " + a.Fault); got != c.want {
				t.Errorf("%s, want %s: %.300s", got, c.want, a.raw)
			}
			if (len(d.to.files) == 1) != (c.want == "200") {
				t.Errorf("%d files handed on", len(d.to.files))
			}
			if kept := len(d.to.refused) == 1; kept != strings.Contains(c.want, "205 file.") {
				t.Errorf("refusals kept: %v", d.to.refused)
			}
			if d.to.held != 0 {
				t.Errorf("%d bytes of room not given back", d.to.held)
			}
		})
	}
}

func TestTheFileArrivesByteForByte(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	all := make([]byte, 70_000)
	for i := range all {
		all[i] = byte(i * 7)
	}
	if a := d.send(string(all)); a.Code != "200" || len(d.to.files) != 1 || !bytes.Equal(d.to.files[0], all) {
		t.Errorf("%.200s", a.raw)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(bodyOf("130", facility, base64.StdEncoding.EncodeToString(all)))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if a := d.post(submitPath, "application/json", z.String(), append(d.headers(), "Content-Encoding", "gzip")...); a.Code != "200" || len(d.to.files) != 2 || !bytes.Equal(d.to.files[1], all) {
		t.Errorf("compressed: %.200s", a.raw)
	}
}

func TestABusyHubIsNeverASuccess(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	d.to.full = true
	if a := d.send("x"); a.Code != "500" || a.Fault != "hub.busy" || a.retry != "7" || a.Reference != "" || len(d.to.files) != 0 {
		t.Errorf("no room: %s", a.raw)
	}
	d.to.full, d.to.panics = false, true
	if a := d.send("x"); a.Code != "500" || a.Fault != "hub.broken" || a.retry == "" {
		t.Errorf("a defect: %s", a.raw)
	}
	if !strings.Contains(d.log.String(), "a defect") {
		t.Error("the operator does not hear of a defect")
	}
}

func TestAnAccountKeepsToItsRate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *gateway.Config, _ *gateway.Deps, _ *store.GatewayAccount) { c.RatePerS, c.Burst = 2, 3 })
	d.take()
	for i := range 6 {
		a := d.send("x")
		if (a.Code == "200") != (i < 3) || i >= 3 && (a.Code != "500" || a.Fault != "rate.exceeded" || a.retry != "1") {
			t.Errorf("%d: %s", i, a.raw)
		}
	}
	d.clock.Advance(time.Second)
	if a := d.send("x"); a.Code != "200" {
		t.Errorf("a second later: %s", a.raw)
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{{"POST", "/api/qd130/khac", 404}, {"POST", "/api/egw/", 404}, {"POST", "/api/kcb/tra-cuu-trang-thai/", 404}, {"GET", "/api/token/take", 405},
		{"GET", submitPath, 405}, {"PUT", submitPath, 405}, {"POST", "/api/kcb/tra-cuu-trang-thai/x", 405}} {
		if a := d.do(httptest.NewRequest(c.method, c.path, nil)); a.status != c.status || a.Code != "205" || a.Text == "" {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.raw)
		}
	}
}

func TestWhatBecameOfASubmission(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	ask := func(path string, headers ...string) told {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return d.do(r)
	}
	const path = "/api/kcb/tra-cuu-trang-thai/79901-x"
	if a := ask(path); a.Code != "401" {
		t.Errorf("without a session: %s", a.raw)
	}
	for state, code := range map[dossier.State]string{dossier.Accepted: "200", dossier.AcceptedWithWarnings: "200", dossier.Rejected: "205",
		dossier.Superseded: "200", dossier.Withdrawn: "200", gateway.Waiting: "200"} {
		d.to.out = one(gateway.Item{Reference: "79901-x", State: state})
		if a := ask(path, d.headers()...); a.Code != code || a.State != string(state) || a.Reference != "79901-x" || a.At != "20261121100001" {
			t.Errorf("%s: %s", state, a.raw)
		}
	}
	if a := ask("/api/kcb/tra-cuu-trang-thai/79902-y", d.headers()...); a.Code != "205" || a.Fault != "record.absent" {
		t.Errorf("another's: %s", a.raw)
	}
	if a := ask("/api/kcb/tra-cuu-trang-thai/"+strings.Repeat("x", 300), d.headers()...); a.Code != "205" || a.Fault != "gateway.field" {
		t.Errorf("too long: %s", a.raw)
	}
}

// serve puts the gateway behind a real server.
func (d *desk) serve() string {
	d.t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = d.address
		d.gateway.ServeHTTP(w, r)
	}))
	d.t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// speak writes head and answers with what comes back until the server closes.
func speak(t *testing.T, address, head string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64<<10)
	n, _ := c.Read(b)
	return string(b[:n])
}

func head(d *desk, path string, length string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + length + "\r\naccessToken: " + d.access +
		"\r\ntokenId: " + d.id + "\r\npasswordHash: " + md5Of(password) + "\r\n\r\n"
}

func TestASenderThatDawdlesIsCutOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *gateway.Config, _ *gateway.Deps, _ *store.GatewayAccount) { c.Pause = 50 * time.Millisecond })
	d.take()
	address := d.serve()
	for _, path := range []string{submitPath, "/api/token/take"} {
		if got := speak(t, address, head(d, path, "500")+`{"username":`); !strings.Contains(got, `"maKetQua":"500"`) || !strings.Contains(got, "request.slow") {
			t.Errorf("%s: %q", path, got)
		}
	}
	if d.to.held != 0 || len(d.to.files) != 0 {
		t.Errorf("%d bytes held, %d files", d.to.held, len(d.to.files))
	}
}

// A HIS whose token has ended sends the whole file before it reads: it must
// read 401, not a connection reset.
func TestAnAnswerArrivesThoughTheBodyWasNotWanted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	address := d.serve()
	body := strings.Repeat("x", 1<<20)
	req, err := http.NewRequest("POST", "http://"+address+submitPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil || !strings.Contains(b.String(), `"maKetQua":"401"`) {
		t.Errorf("%v %s", err, b.String())
	}
}

func TestManyFilesAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 60 {
		wg.Go(func() {
			if a := d.send(strings.Repeat("x", 10_000)); a.Code == "200" {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if good != 60 || len(d.to.files) != 60 || d.to.held != 0 {
		t.Errorf("%d of 60 taken, %d handed on, %d bytes held", good, len(d.to.files), d.to.held)
	}
}
