package reverify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// planted is a value that must not be found, and what it is.
type planted struct{ class, value string }

// kept are the classes that are kept as they were typed, and the only table
// they may be found in: doc/design/at-rest.md lists the same.
var kept = map[string]string{
	"operator's reason": "disclosure: what an operator typed as the reason of a look",
}

// plantedVisit is a visit of synthetic person n in which every field that
// speaks of the person is distinct.
func plantedVisit(n int) (visit, []planted) {
	syllables := []string{"Quỳnh", "Đạt", "Ước", "Nghiêm", "Khuê", "Thắng", "Vượng", "Sương", "Hậu", "Diễm"}
	name := fmt.Sprintf("Lưu %s %s %s Ngọc", syllables[n%10], syllables[n/10%10], syllables[n/100%10])
	v := visit{
		"HO_TEN": name, "SO_CCCD": fmt.Sprintf("07999%d%06d", n%2, 310000+n), "MA_THE_BHYT": fmt.Sprintf("DN47999%08d", 52000000+n),
		"DIEN_THOAI": fmt.Sprintf("0977%06d", 640000+n), "DIA_CHI": fmt.Sprintf("Ngõ %d phố Hoàng Cầu Giả, phường Ô Chợ Dừa", 7000+n),
		"CHAN_DOAN_RV": fmt.Sprintf("Viêm phế quản thể đặc biệt số %d", 81000+n), "MA_LK": fmt.Sprintf("LK-KHONG-THAT-%05d", n), "MA_BN": fmt.Sprintf("BN-KHONG-THAT-%05d", n),
	}
	var all []planted
	for field, value := range v {
		all = append(all, planted{field, value})
	}
	return v, all
}

// net finds planted values in bytes, in the forms a program may write them.
type net struct{ by map[[netHead]byte][]hook }

// netHead is how many bytes of a form are looked up; the rest is compared.
const netHead = 8

type hook struct {
	planted
	form  string
	bytes []byte
}

func newNet(t testing.TB, values []planted) *net {
	n := &net{by: map[[netHead]byte][]hook{}}
	for _, p := range values {
		for _, text := range map[string]string{"as it is": p.value, "upper": strings.ToUpper(p.value), "lower": strings.ToLower(p.value)} {
			n.add(t, p, "UTF-8", []byte(text))
			n.add(t, p, "hexadecimal", []byte(hex.EncodeToString([]byte(text))))
			n.add(t, p, "HEXADECIMAL", []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))))
			n.add(t, p, "URL", []byte(url.QueryEscape(text)))
			n.add(t, p, "JSON", asciiJSON(text))
			var little, big []byte
			for _, u := range utf16.Encode([]rune(text)) {
				little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
			}
			n.add(t, p, "UTF-16LE", little)
			n.add(t, p, "UTF-16BE", big)
			for _, wide := range [][]byte{[]byte(text), little, big} {
				for shift := range 3 { // wherever in a longer text it stands
					for name, e := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
						out := e.EncodeToString(append(make([]byte, shift), wide...))
						n.add(t, p, name, []byte(out[(shift*8+5)/6:(shift+len(wide))*8/6]))
					}
				}
			}
		}
	}
	return n
}

func asciiJSON(text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if u < 0x80 {
			out = append(out, byte(u))
		} else {
			out = fmt.Appendf(out, `\u%04x`, u)
		}
	}
	return out
}

func (n *net) add(t testing.TB, p planted, form string, b []byte) {
	if len(b) < netHead {
		t.Fatalf("%s of %d bytes is too short to be looked for", p.class, len(b))
	}
	n.by[[netHead]byte(b)] = append(n.by[[netHead]byte(b)], hook{p, form, b})
}

// catch returns what of the planted is in data: class and form, never the value.
func (n *net) catch(data []byte) map[string]int {
	found := map[string]int{}
	for i := 0; i+netHead <= len(data); i++ {
		for _, h := range n.by[[netHead]byte(data[i:])] {
			if bytes.HasPrefix(data[i:], h.bytes) {
				found[h.class+" as "+h.form]++
			}
		}
	}
	return found
}

func (n *net) catchDir(t testing.TB, dir string) map[string]int {
	t.Helper()
	found := map[string]int{}
	read := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) { // another test's database, dropped meanwhile
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) { // a server's temporary file
			return nil
		}
		if err != nil {
			return err
		}
		read += len(b)
		for what, k := range n.catch(b) {
			found[filepath.Base(path)+": "+what] += k
		}
		return nil
	}))
	if read < 100_000 {
		t.Errorf("only %d bytes in %s", read, filepath.Base(dir))
	}
	return found
}

// journal is a log that may be written by many and read at the end.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

// door is a whole hub with its doors open.
type door struct {
	*hub.Hub
	server  *httptest.Server
	cookies map[string]*http.Cookie
	signs   *testHub // makes files, and is not started
}

func openDoors(t testing.TB, open hub.OpenStore, log io.Writer) *door {
	t.Helper()
	keys, err := keyring.New(nil)
	must(t, err)
	h, err := hub.Start(context.Background(), hub.Config{Name: hubName, Keys: keys, Open: open, Clock: clock.NewFake(at),
		Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	must(t, err)
	d := &door{Hub: h, server: httptest.NewServer(h.Handler()), cookies: map[string]*http.Cookie{}}
	d.signs = &testHub{t: t, signers: map[string]seal.KeyPair{}}
	d.signs.signers["79901"] = d.signs.newSigner("79901")
	must(t, h.Office.AddFacility(context.Background(), "operator", admin.Facility{Code: "79901", Name: "Bệnh viện 79901", Province: "79",
		Certificates: []string{pemOf(d.signs.signers["79901"])}}))
	must(t, h.Trust.Refresh(context.Background()))
	for _, r := range []role.Role{{Kind: role.Operator}, {Kind: role.Facility, ID: "79901"}} {
		link, err := h.Sessions.Link(context.Background(), r, "/")
		must(t, err)
		w := httptest.NewRecorder()
		_, err = h.Sessions.Begin(w, httptest.NewRequest("POST", "/login", nil), link)
		must(t, err)
		d.cookies[r.String()] = w.Result().Cookies()[0]
	}
	return d
}

// ask makes a request in a role and returns the status and body.
func (d *door) ask(t testing.TB, who, method, path string, body []byte, header ...string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, d.server.URL+path, bytes.NewReader(body))
	must(t, err)
	if c := d.cookies[who]; c != nil {
		r.AddCookie(c)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, b
}

const (
	clerk    = "facility:79901"
	operator = "operator"
)

// plant sends values through every door, and returns what must not be found.
func plant(t testing.TB, d *door) (values []planted) {
	t.Helper()
	number := 0
	next := func() visit {
		v, all := plantedVisit(number)
		number++
		values = append(values, all...)
		return v
	}
	submit := func(want int, body []byte, header ...string) []string {
		status, answer := d.ask(t, clerk, "POST", "/api/v1/submissions", body, append([]string{"Content-Type", "application/xml"}, header...)...)
		if status != want {
			t.Fatalf("submitting: %d %s", status, answer)
		}
		var said struct {
			Results []struct{ Record, State string }
		}
		_ = json.Unmarshal(answer, &said) // a refusal has another form
		var ids []string
		for _, r := range said.Results {
			ids = append(ids, r.Record)
		}
		return ids
	}
	var ids []string
	for range 20 { // accepted
		ids = append(ids, submit(200, d.signs.dossiers("79901", "20261120", next(), next(), next()))...)
	}
	submit(200, d.signs.dossiers("79901", "20261120", with(next(), "GIOI_TINH", "9"), next())) // rejected beside accepted
	submit(200, d.signs.arrivals("79901", next(), next(), next()))
	again := next()
	submit(200, d.signs.dossiers("79901", "20261119", again))
	submit(200, d.signs.dossiers("79901", "20261120", with(again, "LY_DO_VV", "Ho")))
	file := next()
	broken := d.signs.dossiers("79901", "20261120", file)
	submit(422, bytes.Replace(broken, []byte("<SOLUONGHOSO>1<"), []byte("<SOLUONGHOSO>2<"), 1)) // refused, sealed wrongly
	submit(422, []byte("<GIAMDINHHS>"+file["HO_TEN"]+file["SO_CCCD"]))                          // refused, cut off
	submit(422, []byte("<x>"+file["HO_TEN"]+"</x>"), "Content-Disposition", `attachment; filename="`+url.PathEscape(file["HO_TEN"])+`.xml"`)
	submit(200, d.signs.dossiers("79901", "20261120", next()), "Content-Disposition", `attachment; filename="`+file["SO_CCCD"]+`.xml"`)

	besides(t, d, next)

	// Withdrawing: the reason is clinical text and is sealed.
	reason := next()
	if status, answer := d.ask(t, clerk, "POST", "/api/v1/records/"+ids[0]+"/withdraw", []byte(`{"reason":"nhầm với `+reason["HO_TEN"]+" "+reason["SO_CCCD"]+`"}`), "Content-Type", "application/json"); status != 200 {
		t.Fatalf("withdrawing: %d %s", status, answer)
	}
	// Reading, with values where they do not belong: paths, queries, headers.
	lost := next()
	for _, path := range []string{"", "/content", "/original", "/receipt", "/timeline", "/related"} {
		d.ask(t, clerk, "GET", "/api/v1/records/"+ids[1]+path, nil)
		d.ask(t, operator, "GET", "/api/v1/records/"+ids[1]+path+"?q="+url.QueryEscape(lost["HO_TEN"]), nil)
	}
	typed := planted{"operator's reason", "Khiếu nại của bà Lưu Thị Gõ Tay số 4471"}
	values = append(values, typed)
	if status, answer := d.ask(t, operator, "GET", "/api/v1/records/"+ids[1]+"/content", nil, "Disclosure-Reason", typed.value); status != 200 {
		t.Fatalf("an operator with a reason: %d %s", status, answer)
	}
	for _, path := range []string{"/api/v1/records?episode=" + lost["MA_LK"], "/api/v1/records/" + lost["SO_CCCD"], "/" + url.PathEscape(lost["HO_TEN"]),
		"/messages?q=" + url.QueryEscape(lost["SO_CCCD"]), "/login?token=" + lost["MA_BN"], "/fhir/Patient?identifier=" + lost["SO_CCCD"]} {
		for _, who := range []string{clerk, operator, ""} {
			d.ask(t, who, "GET", path, nil, "User-Agent", lost["DIEN_THOAI"]+lost["HO_TEN"], "Referer", "http://x/?"+url.QueryEscape(lost["DIA_CHI"]))
		}
	}
	d.ask(t, "", "POST", "/oauth2/token", []byte("grant_type=client_credentials&client_assertion="+lost["MA_THE_BHYT"]), "Content-Type", "application/x-www-form-urlencoded")
	d.ask(t, clerk, "POST", "/api/v1/submissions", []byte(lost["CHAN_DOAN_RV"]), "Content-Type", "text/"+lost["MA_BN"])
	for len(values) < 1000 {
		submit(200, d.signs.dossiers("79901", "20261120", next(), next(), next()))
	}
	return values
}

// besides sends kinds that are sealed beside their bytes: prescriptions and
// medical records in JSON and XML, once sealed and once not.
func besides(t testing.TB, d *door, next func() visit) {
	t.Helper()
	for i := range 3 {
		for what, make := range map[string]func(v visit) string{
			"prescription": func(v visit) string {
				return fmt.Sprintf(`{"loai_don_thuoc":"c","ma_don_thuoc":"%s","ho_ten_benh_nhan":"%s","ma_dinh_danh_y_te":"","ma_dinh_danh_cong_dan":"%s",
"ngay_sinh_benh_nhan":"05/03/1960","gioi_tinh":3,"chan_doan":[{"ma_chan_doan":"J18.9","ten_chan_doan":"%s","ket_luan":"%s"}],
"thong_tin_don_thuoc":[{"ma_thuoc":"40.30","biet_duoc":"Amlor","ten_thuoc":"Amlodipin 5 mg","don_vi_tinh":"Viên","so_luong":30,"cach_dung":"%s"}],
"ngay_tai_kham":"30","ngay_gio_ke_don":"2026-11-20 09:15:00"}`, fmt.Sprintf("79901%07d-C", i), v["HO_TEN"], v["SO_CCCD"], v["CHAN_DOAN_RV"], v["DIA_CHI"], v["DIEN_THOAI"])
			},
			"record in XML": func(v visit) string {
				return `<?xml version="1.0" encoding="UTF-8"?><HoSoBenhAn><MaLK>` + v["MA_LK"] + `</MaLK><ThongTinBenhNhan><MaBN>` + v["MA_BN"] + `</MaBN><HoTen>` + v["HO_TEN"] + `</HoTen>` +
					`<NgaySinh>05/03/1960</NgaySinh><GioiTinh>2</GioiTinh><SoCCCD>` + v["SO_CCCD"] + `</SoCCCD></ThongTinBenhNhan>` +
					`<ThongTinVaoVien><MaCSKCB>79901</MaCSKCB><NgayVao>202611180800</NgayVao></ThongTinVaoVien><ThongTinDieuTri><NgayRa>202611191500</NgayRa></ThongTinDieuTri>` +
					`<KetQuaXetNghiem><ChiSo><TenChiSo>WBC</TenChiSo><KetQua>` + v["CHAN_DOAN_RV"] + `</KetQua></ChiSo></KetQuaXetNghiem></HoSoBenhAn>`
			},
			"record in JSON": func(v visit) string {
				return `{"HoSoBenhAn":{"MaLK":"` + v["MA_LK"] + `","ThongTinBenhNhan":{"MaBN":"` + v["MA_BN"] + `","HoTen":"` + v["HO_TEN"] + `","NgaySinh":"05/03/1960","GioiTinh":"Nữ","SoCCCD":"` + v["SO_CCCD"] + `"},` +
					`"ThongTinVaoVien":{"NgayVao":"18/11/2026 08:00"},"YLenhThuocVatTu":[{"TenThuoc":"` + v["CHAN_DOAN_RV"] + `","SoLuong":20}]}}`
			},
		} {
			raw := []byte(make(next()))
			header := []string{"Content-Type", "application/json"}
			want := 422 // not sealed
			if i > 0 {
				token, err := d.signs.signers["79901"].SignDetached(raw)
				must(t, err)
				header, want = append(header, "Seal", token), 200
			}
			status, answer := d.ask(t, clerk, "POST", "/api/v1/submissions", raw, header...)
			if status != want || want == 200 && !bytes.Contains(answer, []byte(`"state":"accepted`)) {
				t.Fatalf("%s: %d %s", what, status, answer)
			}
		}
	}
}

// measured is what the hub tells of itself to whoever watches it.
func measured(t testing.TB, d *door) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	d.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Body.Len() < 1000 {
		t.Errorf("metrics of %d bytes", w.Body.Len())
	}
	return w.Body.Bytes()
}

// judge fails for everything found that is not kept by design.
func judge(t testing.TB, where string, found map[string]int) (listed int) {
	t.Helper()
next:
	for what, n := range found {
		for class := range kept {
			if strings.Contains(what, ": "+class+" as UTF-8") && where != "log" {
				listed += n
				continue next
			}
		}
		t.Errorf("%s holds in the clear: %s, %d times", where, what, n)
	}
	return listed
}

func TestNothingPersonalIsFoundAtRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log journal
	d := openDoors(t, func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return sqlite.Open(ctx, dir, sqlite.Config{Clock: clock.NewFake(at), OpenLog: open, HubName: hubName, Owner: "test", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	}, &log)
	values := plant(t, d)
	look := newNet(t, values)
	judge(t, "a store at work", look.catchDir(t, dir))
	judge(t, "metrics", prefixed(look.catch(measured(t, d))))
	d.server.Close()
	must(t, d.Close())
	if judge(t, "a closed store", look.catchDir(t, dir)) == 0 {
		t.Error("the operator's reason, kept as typed, was not found: the search looks in the wrong place")
	}
	judge(t, "log", prefixed(look.catch(log.b.Bytes())))
	t.Logf("%d values; the log has %d bytes", len(values), log.b.Len())
	// Control: one value in the clear, in each form, is caught.
	for i, form := range [][]byte{[]byte(values[3].value), []byte(strings.ToUpper(values[4].value)), []byte("x" + base64.StdEncoding.EncodeToString([]byte("ab"+values[5].value+"c")))} {
		copied := copyDir(t, dir)
		if !change(sqlite.MainFile, `INSERT INTO fact (name, value) VALUES ('leak', ?)`, form)(t, copied) {
			t.Fatal("nothing was planted")
		}
		if caught := look.catchDir(t, copied); len(caught) <= 1 {
			t.Errorf("control %d: a value in the clear was not caught: %v", i, caught)
		}
	}
}

func TestNothingPersonalIsFoundAtRestOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address := pgtest.Copy(t, postgres.Migrate)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	must(t, err)
	defer conn.Close(ctx)
	var dir string
	must(t, conn.QueryRow(ctx, `SHOW data_directory`).Scan(&dir))
	var log journal
	d := openDoors(t, func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
		return postgres.Open(ctx, address, postgres.Config{Clock: clock.NewFake(at), OpenLog: open, HubName: hubName, Owner: "test"})
	}, &log)
	values := plant(t, d)
	look := newNet(t, values)
	d.server.Close()
	must(t, d.Close())
	_, err = conn.Exec(ctx, `CHECKPOINT`)
	must(t, err)
	if judge(t, "the cluster", look.catchDir(t, dir)) == 0 {
		t.Error("the operator's reason, kept as typed, was not found: the search looks in the wrong place")
	}
	judge(t, "log", prefixed(look.catch(log.b.Bytes())))
}

func prefixed(found map[string]int) map[string]int {
	out := map[string]int{}
	for what, n := range found {
		out["log: "+what] = n
	}
	return out
}
