package portal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/schema"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/session"
)

// The fakes answer for one made-up nation that stands still at noon.
var noon = time.Date(2026, 7, 14, 3, 42, 0, 0, time.UTC)

type world struct {
	places  []insight.Place
	rows    []view.Row
	opened  []view.Reader // every call to Content
	sent    int           // calls to Submit
	checked int
	queries []view.Query
	deny    error
	ways    *ways
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	rnd := rand.New(rand.NewPCG(1, 2))
	names := []string{"BVĐK khu vực Sông Thương", "TTYT Đồng Hỷ Mới", "TYT xã Tân Hòa", "BVĐK Hồng Lĩnh Nam", "BV Nhi Cửu Long", "TYT phường Sông Cầu"}
	levels := []facility.Level{facility.Commune, facility.Commune, facility.Regional, facility.Provincial, facility.Central, facility.Commune}
	provinces := catalog.Provinces()
	for i := range 230 {
		p := insight.Place{Code: care.FacilityCode(fmt.Sprintf("%05d", 22000+i*7)), Name: names[i%6], Level: levels[i%6],
			Province: provinces[i%31].Code, LastSeen: noon.Add(-time.Duration(rnd.IntN(300)) * time.Minute)}
		if i%17 == 3 {
			p.LastSeen = noon.Add(-30 * time.Hour)
		}
		if i%23 == 5 {
			p.LastSeen = time.Time{}
		}
		w.places = append(w.places, p)
	}
	states := []dossier.State{dossier.Accepted, dossier.Accepted, dossier.AcceptedWithWarnings, dossier.Accepted, dossier.Rejected, dossier.Superseded}
	for i := range 40 {
		p := w.places[i%len(w.places)]
		at := noon.Add(-time.Duration(i*7) * time.Second)
		id, err := dossier.NewID(p.Code, at, strings.NewReader(fmt.Sprintf("%010d", i)))
		if err != nil {
			t.Fatal(err)
		}
		row := view.Row{ID: id, At: at, Facility: view.Named{Code: p.Code, Name: p.Name, Province: p.Province}, Kind: "qd4750", State: states[i%6], Version: 1}
		switch row.State {
		case dossier.Rejected:
			row.Codes, row.Version = []string{"facility.mismatch"}, 0
		case dossier.AcceptedWithWarnings:
			row.Codes = []string{"XML4.DON_VI_DO.missing", "XML2.TT_THAU.pattern"}
		}
		if i%5 == 2 {
			row.Kind = "checkin"
		}
		w.rows = append(w.rows, row)
	}
	return w
}

func (w *world) Overview(_ context.Context, r role.Role, now time.Time) (insight.Overview, error) {
	in := insight.Input{Now: now, Places: w.places,
		Total:   []insight.Sum{{Measure: "accepted", N: 4700123}, {Measure: "accepted_with_warnings", N: 150321}, {Measure: "rejected", N: 23360}, {Measure: "doc:XML13", N: 169742}, {Measure: "doc:XML2", N: 2012794}, {Measure: "lookup", N: 521729}},
		WeekAgo: []insight.Sum{{Measure: "accepted", N: 36980}, {Measure: "doc:XML13", N: 1311}, {Measure: "doc:XML2", N: 15648}, {Measure: "lookup", N: 4873}}}
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, p := range w.places {
		if !p.Connected() || p.Silent(now) {
			continue
		}
		n := int64(rnd.IntN(900)) * int64(1+rnd.IntN(8)/6*4)
		in.Today = append(in.Today, insight.Cell{Facility: p.Code, Measure: "accepted", N: n}, insight.Cell{Facility: p.Code, Measure: "rejected", N: n / 37},
			insight.Cell{Facility: p.Code, Measure: "doc:XML13", N: n / 30}, insight.Cell{Facility: p.Code, Measure: "doc:XML2", N: n / 2}, insight.Cell{Facility: p.Code, Measure: "lookup", N: n / 7})
		for i, code := range []string{"facility.mismatch", "time.order", "subject.sex", "dossier.unreadable", "episode.mismatch", "time.future"} {
			if k := n / int64(90*(i+1)); k > 0 {
				in.Today = append(in.Today, insight.Cell{Facility: p.Code, Measure: "code:" + code, N: k})
			}
		}
	}
	in.Today = append(in.Today, insight.Cell{Facility: w.places[0].Code, Measure: "refused", N: 3})
	return insight.Board(in), nil
}

func (w *world) Minutes(_ context.Context, _ role.Role, now time.Time) ([]insight.Minute, error) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var sums []insight.MinuteSum
	for i := range 60 {
		at := now.Add(-time.Duration(i) * time.Minute)
		sums = append(sums, insight.MinuteSum{At: at, Measure: "accepted", N: int64(60 + rnd.IntN(30))}, insight.MinuteSum{At: at, Measure: "rejected", N: int64(rnd.IntN(5))})
	}
	return insight.Minutes(now, 60, sums), nil
}

func (w *world) Standings(_ context.Context, _ role.Role, now time.Time, _ int) ([]insight.Standing, error) {
	var cells []insight.Cell
	for i, p := range w.places {
		cells = append(cells, insight.Cell{Facility: p.Code, Measure: "accepted", N: int64(i * 13)}, insight.Cell{Facility: p.Code, Measure: "rejected", N: int64(i)})
	}
	return insight.Standings(now, w.places, cells), nil
}

func (w *world) Causes(_ context.Context, _ role.Role, now time.Time, days int) (view.Causes, error) {
	cause := func(code string, n int64, rejects bool) view.Cause {
		return view.Cause{Cause: insight.Cause{Code: code, N: n, Facilities: 4, FixOnce: insight.FixOnce(code)}, Rejects: rejects}
	}
	return view.Causes{FromDay: clock.Day(now.AddDate(0, 0, 1-days)), ToDay: clock.Day(now), Sent: 4218,
		Rejecting: []view.Cause{cause("facility.mismatch", 212, true), cause("subject.sex", 41, true), cause("time.order", 36, true)},
		Holding:   []view.Cause{cause("XML1.MA_BENH_CHINH.not_in_list", 90, false)}}, nil
}

func (w *world) Today(_ context.Context, r role.Role, now time.Time) (view.Today, error) {
	return view.Today{Facility: view.Named{Code: care.FacilityCode(r.ID), Name: "BVĐK khu vực Sông Thương"}, Records: insight.Flow{Today: 412, WeekAgo: 398},
		Accepted: 401, Rejected: 11, Refused: 1, LastSeen: now.Add(-3 * time.Minute),
		Certificates: []view.Certificate{{Subject: "CN=BVĐK khu vực Sông Thương,O=BVĐK khu vực Sông Thương", Until: now.Add(20 * 24 * time.Hour)}}}, nil
}

func (w *world) List(_ context.Context, r role.Role, q view.Query) (view.List, error) {
	w.queries = append(w.queries, q)
	if q.Episode != "" && q.Facility == "" {
		return view.List{}, view.ErrEpisodeFacility
	}
	var list view.List
	for _, row := range w.rows {
		if q.State == "" || string(row.State) == q.State {
			list.Rows = append(list.Rows, row)
		}
	}
	if q.Limit == 10 {
		list.Rows = list.Rows[:min(10, len(list.Rows))]
	}
	if q.Before == "" && q.Limit == 50 {
		list.Next = "abc_" + w.rows[len(w.rows)-1].ID.String()
	}
	return list, nil
}

func (w *world) Refused(_ context.Context, _ role.Role, _ view.Query) (view.RefusedList, error) {
	return view.RefusedList{Rows: []view.RefusedRow{
		{ID: "x", At: noon, Facility: w.rows[0].Facility, Sender: "22000/his", Size: 48213, Digest: strings.Repeat("ab", 32), Code: "seal.expired"},
		{ID: "y", At: noon.Add(-time.Minute), Facility: w.rows[1].Facility, Sender: "=cmd()", Size: 12, Digest: strings.Repeat("cd", 32), Code: "file.unreadable"}}}, nil
}

func findings() []dossier.Finding {
	return []dossier.Finding{
		{Code: "XML4.DON_VI_DO.missing", Severity: dossier.Warning, Table: "XML4", Row: 7, Field: "DON_VI_DO", Line: 71},
		{Code: "XML2.TT_THAU.pattern", Severity: dossier.Warning, Blocks: []dossier.Purpose{dossier.Payment}, Table: "XML2", Row: 3, Field: "TT_THAU", Line: 40}}
}

func (w *world) Record(_ context.Context, _ role.Role, id dossier.ID) (view.Record, error) {
	for _, row := range w.rows {
		if row.ID != id {
			continue
		}
		rec := view.Record{ID: id, Facility: row.Facility, Kind: row.Kind, Received: row.At, State: row.State, Version: row.Version, Current: true,
			Verdict: dossier.Verdict{State: row.State, Pack: "v1/2026.1", TrustEpoch: 12}, Documents: []string{"XML1", "XML2", "XML4", "XML7"}, Lane: "routine", Leaf: 4981377}
		if row.State == dossier.AcceptedWithWarnings {
			rec.Verdict.Findings = findings()
			rec.Events = []view.Event{{At: noon, What: "sealed_again"}}
		}
		return rec, nil
	}
	return view.Record{}, dossier.ErrID
}

func (w *world) Samples(_ context.Context, _ role.Role, code string, limit int) ([]view.Sample, error) {
	var out []view.Sample
	for _, row := range w.rows[:min(limit, 5)] {
		out = append(out, view.Sample{Row: row, Finding: dossier.Finding{Code: code, Table: "XML1", Row: 1, Field: "MA_CSKCB"}})
	}
	return out, nil
}

func (w *world) Looks(_ context.Context, _ role.Role, _ dossier.ID, _ int64, _ int) ([]view.Look, bool, error) {
	return []view.Look{{ID: 9, At: noon, Reader: "1f2e3d4c5b", Role: "operator", Record: w.rows[2].ID, Facility: w.rows[2].Facility, Basis: "operator_reason", Reason: "Cơ sở hỏi vì sao bị giữ chặng thanh toán", Count: 1},
		{ID: 8, At: noon.Add(-time.Hour), Reader: "aa11bb22cc", Role: "facility:22000", Record: w.rows[1].ID, Facility: w.rows[1].Facility, Basis: "own_record", Count: 1}}, false, nil
}

func (w *world) Acts(_ context.Context, _ role.Role, _ int64, _ int) ([]view.Act, bool, error) {
	return []view.Act{{ID: 2, At: noon, Actor: "operator via admin.sock", Action: "facility.add", Object: "22000", Detail: `{"level":"regional"}`}}, false, nil
}

func (w *world) Open(ctx context.Context, reader view.Reader, id dossier.ID) (*view.Opened, error) {
	disclose.Nothing(ctx) // its rows are package disclose\'s to write
	w.opened = append(w.opened, reader)
	if w.deny != nil {
		return nil, w.deny
	}
	return &view.Opened{Episode: "26.07.14.004217", Content: content(), Receipt: []byte("{}"), Digest: strings.Repeat("9c41", 16),
		Seals: []view.Seal{{Subject: "2.5.4.97=#130e4d53543a393930303031353833333939,C=VN/" + strings.Repeat("x", 90), Algorithm: "ECDSA-SHA256"}}}, nil
}

func (w *world) Original(ctx context.Context, reader view.Reader, id dossier.ID) (view.File, error) {
	disclose.Nothing(ctx) // its rows are package disclose\'s to write
	w.opened = append(w.opened, reader)
	return view.File{Name: id.String() + ".xml", Type: "application/xml", Data: []byte("<GIAMDINHHS/>")}, w.deny
}

func (w *world) Receipt(_ context.Context, reader view.Reader, _ dossier.ID) ([]byte, error) {
	return []byte(`{"v":1}`), w.deny
}

func (w *world) Verify(_ context.Context, reader view.Reader, _ dossier.ID) (view.Proof, error) {
	return view.Proof{At: noon, Right: true, Origin: "lienthong.local/log/0", Leaf: 4981377, Size: 4981400}, nil
}

func (w *world) Book(ctx context.Context, reader view.Reader, id dossier.ID) ([]view.BookEntry, error) {
	disclose.Nothing(ctx) // its rows are package disclose\'s to write
	w.opened = append(w.opened, reader)
	return []view.BookEntry{{ID: id, Kind: "qd4750", Title: fault.Text{VI: "Hồ sơ", EN: "Dossier"}, At: noon, Episode: "26.07.14.004217", Content: content()}}, w.deny
}

func (w *world) Check(_ context.Context, _ role.Role, name string, data []byte) ([]view.Result, error) {
	w.checked++
	if !strings.HasPrefix(string(data), "<GIAMDINHHS") {
		return []view.Result{{Refused: true, Code: "file.unreadable", Message: fault.Text{VI: "Không đọc được tệp này.", EN: "This file cannot be read."}}}, nil
	}
	return []view.Result{{Index: 0, Episode: "26.07.14.1", Kind: "qd4750", State: dossier.AcceptedWithWarnings, Findings: findings()},
		{Index: 1, Episode: "26.07.14.2", Kind: "qd4750", State: dossier.Accepted}}, nil
}

func (w *world) Submit(ctx context.Context, reader view.Reader, name string, data []byte) ([]view.Result, error) {
	w.sent++
	list, err := w.Check(ctx, reader.Role, name, data)
	for i := range list {
		list[i].Record = w.rows[i].ID.String()
	}
	return list, err
}

func (w *world) Rule(code string) (view.Rule, bool) {
	text := map[string][2]string{
		"facility.mismatch":              {"Mã cơ sở trong hồ sơ khác mã đơn vị gửi", "The facility in the dossier is not the sender's"},
		"subject.sex":                    {"Giới tính ngoài danh mục 1–3", "The sex is not one of 1 to 3"},
		"time.order":                     {"Ngày ra trước ngày vào", "Discharged before admitted"},
		"time.future":                    {"Ngày ở tương lai", "A date lies in the future"},
		"dossier.unreadable":             {"Bảng bên trong không đọc được", "An inner table cannot be read"},
		"episode.mismatch":               {"Mã lượt khám khác nhau giữa các bảng", "Episode codes differ between tables"},
		"XML4.DON_VI_DO.missing":         {"Thiếu đơn vị đo ở một kết quả xét nghiệm", "A test result has no unit"},
		"XML2.TT_THAU.pattern":           {"Thông tin thầu không đúng dạng", "The tender reference has a wrong form"},
		"XML1.MA_BENH_CHINH.not_in_list": {"Mã bệnh chính không có trong danh mục", "The main diagnosis is not on the list"},
		"seal.expired":                   {"Chứng thư hết hạn nên cả tệp bị trả lại", "The certificate has expired, so the file was returned"},
		"file.unreadable":                {"Không đọc được tệp", "The file cannot be read"},
	}[code]
	if text[0] == "" {
		return view.Rule{}, false
	}
	return view.Rule{Code: code, Text: fault.Text{VI: text[0], EN: text[1]}, Source: "QĐ 4750/QĐ-BYT",
		Hint: fault.Text{VI: "Sửa ở danh mục của phần mềm bệnh viện, các lượt sau sẽ đúng.", EN: "Fix it in the hospital system's list; later visits will be right."}}, true
}

// content is a small dossier with what the pages treat apart.
func content() *dossier.Content {
	v := schema.For(20260714)
	table := func(name string, rows ...map[string]string) *dossier.Table {
		cols := v.Table(name).Columns
		t := &dossier.Table{Columns: cols}
		for _, m := range rows {
			cells := make([]dossier.Cell, len(cols.Names()))
			for k, text := range m {
				cells[cols.Index(k)] = dossier.Cell{Text: text, Line: 3}
			}
			t.Rows = append(t.Rows, dossier.Row{Cells: cells})
		}
		return t
	}
	drug := func(name, strength, dose, use, n, unit string) map[string]string {
		return map[string]string{"MA_THUOC": "40.30", "TEN_THUOC": name, "HAM_LUONG": strength, "LIEU_DUNG": dose, "CACH_DUNG": use, "SO_LUONG": n, "DON_VI_TINH": unit, "NGAY_YL": "202607081500", "DON_GIA": "1250.000", "TT_THAU": "118;G1"}
	}
	test := func(name, value, unit, note string) map[string]string {
		return map[string]string{"MA_DICH_VU": "23.0075", "TEN_CHI_SO": name, "GIA_TRI": value, "DON_VI_DO": unit, "MO_TA": note, "NGAY_KQ": "202607130640"}
	}
	return &dossier.Content{All: []*dossier.Table{
		table("XML1", map[string]string{"MA_LK": "26.07.14.004217", "HO_TEN": "Trần Thị Thu Hà", "SO_CCCD": "001861004127", "NGAY_SINH": "196103120000", "GIOI_TINH": "2", "MA_DANTOC": "01",
			"NGAY_VAO": "202607081420", "NGAY_RA": "202607140830", "CHAN_DOAN_RV": "Viêm phổi, tác nhân không xác định", "MA_BENH_CHINH": "J18.9", "MA_BENH_KT": "I10;E11.9", "KET_QUA_DTRI": "2", "MA_LOAI_RV": "1", "T_TONGCHI_BV": "4812000.00", "MATINH_CU_TRU": "25", "MA_CSKCB": "22000", "GHI_CHU": "Uống thuốc theo đơn. Khám lại ngày 21/07/2026."}),
		table("XML2", drug("Ceftriaxon", "1 g", "1 lọ × 2 lần/ngày", "Tiêm tĩnh mạch", "12", "lọ"), drug("Azithromycin", "500 mg", "1 viên × 1 lần/ngày", "Uống", "5", "viên"), drug("Amlodipin", "5 mg", "1 viên × 1 lần/ngày", "Uống sáng", "7", "viên"), drug("Metformin", "850 mg", "1 viên × 2 lần/ngày", "Uống sau ăn", "14", "viên")),
		table("XML4", test("Bạch cầu", "13.8", "G/L", "4,0 - 10,0"), test("CRP", "96", "mg/L", ""), test("Glucose", "5.4", "mmol/L", ""), test("Natri", "133", "mmol/L", ""), test("Kali", "3.9", "mmol/L", "Trong giới hạn tham chiếu 3,5-5,0"), test("Nội soi", "", "", "Niêm mạc dạ dày bình thường"), test("Procalcitonin", "0.9", "", "< 0,5")),
		table("XML5", map[string]string{"DIEN_BIEN_LS": "Sốt 38,5 °C, ho đờm", "THOI_DIEM_DBLS": "202607081500"}, map[string]string{"DIEN_BIEN_LS": "Hết sốt, ăn uống được", "THOI_DIEM_DBLS": "202607120800"}),
		table("XML7", map[string]string{"CHAN_DOAN_RV": "Viêm phổi, tác nhân không xác định", "PP_DIEUTRI": "Kháng sinh tĩnh mạch 6 ngày", "NGAY_RA": "202607140830", "TEN_BS": "Bác sĩ Mẫu"}),
	}}
}

// sessions reads the role from a header, so that tests choose it freely.
type sessions struct{}

func (sessions) Current(r *http.Request) (session.Reader, error) {
	text := r.Header.Get("Test-Role")
	if c, err := r.Cookie("test-role"); err == nil {
		text = c.Value
	}
	if text == "" {
		return session.Reader{}, session.ErrNone
	}
	text, account := strings.CutSuffix(text, " by name")
	who, err := role.Parse(text)
	reader := session.Reader{Role: who, Name: who.String(), Mark: "0011223344"}
	if account {
		reader.Staff = care.Staff{7}
	}
	return reader, err
}

func (sessions) Begin(w http.ResponseWriter, r *http.Request, token string) (string, error) {
	if token != "good" {
		return "", session.ErrLink
	}
	http.SetCookie(w, &http.Cookie{Name: "test-role", Value: "operator", Path: "/"})
	return "", nil
}

func (sessions) EndCurrent(w http.ResponseWriter, _ *http.Request) error {
	http.SetCookie(w, &http.Cookie{Name: "test-role", MaxAge: -1, Path: "/"})
	return nil
}

func setup(t testing.TB) (http.Handler, *world) {
	t.Helper()
	w := newWorld(t)
	w.ways = &ways{w: w, waiting: []admin.Pending{{Client: "22000-a", Facility: "22000", KeyID: "k", Since: noon, By: "Trần An", Software: "HIS/1"}}}
	rooms := w.ways.deps()
	rooms.Moves, rooms.Alarms = w.ways.moves(), alarmList{w.ways}
	h, err := portal.New(portal.Deps{Delivery: rooms, Boards: w, Messages: w, Trail: w, Content: w, Sender: w, Sessions: sessions{}, Rules: w},
		portal.Config{Clock: clock.NewFake(noon), Demo: true, PublicURL: "http://127.0.0.1:8080", Try: tryItems})
	if err != nil {
		t.Fatal(err)
	}
	return h, w
}

func tryItems(context.Context) (things, all []portal.TryItem) {
	for i := range 6 {
		things = append(things, portal.TryItem{Title: fault.Text{VI: fmt.Sprintf("Điều thứ %d", i+1), EN: fmt.Sprintf("Thing %d", i+1)},
			Text:   fault.Text{VI: "Gửi một hồ sơ đã ký và xem biên nhận trong cùng một giây.", EN: "Send a signed dossier and see its receipt within the second."},
			Action: fault.Text{VI: "Mở phòng", EN: "Open the room"}, Href: "/overview"})
	}
	return things, []portal.TryItem{{Title: fault.Text{VI: "Vận hành", EN: "Operator"}, Text: fault.Text{VI: "xem tất cả, có lý do", EN: "all, with a reason"}, Href: "/login?token=good"}}
}

// allRoles are one of each kind.
func allRoles() []role.Role {
	var list []role.Role
	for _, k := range role.Kinds() {
		r := role.Role{Kind: k}
		switch k {
		case role.Facility, role.Clinician, role.Privacy, role.Counter:
			r.ID = "22000"
		case role.Province:
			r.ID = "25"
		case role.Unit, role.Partner:
			r.ID = "kcb"
		}
		list = append(list, r)
	}
	return list
}

func enters(r role.Role, rooms []role.Room) bool {
	return len(rooms) == 0 || slices.ContainsFunc(rooms, r.May)
}
