package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
)

// Prescription is the body of POST /api/v1/gui-don-thuoc, as far as it is looked at.
type Prescription struct {
	Kind      string `json:"loai_don_thuoc"` // c basic, n narcotic, h psychotropic, y traditional
	Code      string `json:"ma_don_thuoc"`
	Name      string `json:"ho_ten_benh_nhan"`
	Born      string `json:"ngay_sinh_benh_nhan"` // dd/MM/yyyy
	Sex       Number `json:"gioi_tinh"`           // 1 undetermined, 2 male, 3 female
	Diagnoses []struct {
		Code string `json:"ma_chan_doan"`
		Name string `json:"ten_chan_doan"`
	} `json:"chan_doan"`
	Course *struct {
		From string `json:"tu_ngay"`
		To   string `json:"den_ngay"`
	} `json:"dot_dung_thuoc"`
	Drugs []Drug `json:"thong_tin_don_thuoc"`
	At    string `json:"ngay_gio_ke_don"` // yyyy-MM-dd HH:mm:ss
}

// Drug is a line of a prescription, or of what was dispensed.
type Drug struct {
	Code   string `json:"ma_thuoc"`
	Name   string `json:"ten_thuoc"`
	Unit   string `json:"don_vi_tinh"`
	Amount Number `json:"so_luong"`
	Use    string `json:"cach_dung"`
}

// Number is a number that clients send as a number or as a string.
type Number float64

// UnmarshalJSON reads 2, "2" and "".
func (n *Number) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "" || text == "null" {
		*n = 0
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsInf(f, 0) || math.IsNaN(f)) {
		err = strconv.ErrRange
	}
	*n = Number(f)
	return err
}

var codeForm = regexp.MustCompile(`^[0-9A-Za-z]{5}[0-9a-z]{7}-([CcNnHhTtYy])$`)

// mostDays is the longest supply: 30 days, 90 for listed diseases (Circular
// 26/2025), which are not told apart here.
const mostDays = 90

// Check returns what is wrong with a prescription, nothing when it is right.
func (p *Prescription) Check() []problem {
	var wrong []problem
	want := func(ok bool, field, text string) {
		if !ok {
			wrong = append(wrong, problem{field, "KHONG_HOP_LE", text})
		}
	}
	kind := strings.ToLower(p.Kind)
	parts := codeForm.FindStringSubmatch(p.Code)
	want(parts != nil, "ma_don_thuoc", "Mã đơn thuốc sai dạng xxxxxyyyyyyy-z")
	want(strings.Contains("cnhy", kind) && len(kind) == 1, "loai_don_thuoc", "Loại đơn thuốc phải là c, n, h hoặc y")
	if parts != nil && len(kind) == 1 {
		letter := strings.ToLower(parts[1])
		want(letter == kind || letter == "t" && kind == "y", "ma_don_thuoc", "Mã đơn thuốc không khớp loại đơn")
	}
	want(strings.TrimSpace(p.Name) != "", "ho_ten_benh_nhan", "Thiếu họ tên")
	_, err := time.Parse("02/01/2006", p.Born)
	want(err == nil, "ngay_sinh_benh_nhan", "Ngày sinh phải có dạng dd/MM/yyyy")
	want(p.Sex == 1 || p.Sex == 2 || p.Sex == 3, "gioi_tinh", "Giới tính phải là 1, 2 hoặc 3")
	want(len(p.Diagnoses) > 0, "chan_doan", "Thiếu chẩn đoán")
	for _, d := range p.Diagnoses {
		want(d.Code != "" || d.Name != "", "chan_doan", "Chẩn đoán trống")
	}
	want(len(p.Drugs) > 0, "thong_tin_don_thuoc", "Thiếu thuốc")
	for _, d := range p.Drugs {
		want(d.Name != "" && d.Amount > 0 && d.Unit != "", "thong_tin_don_thuoc", "Thuốc thiếu tên, đơn vị hoặc số lượng")
	}
	_, err = time.Parse(time.DateTime, p.At)
	want(err == nil, "ngay_gio_ke_don", "Thời điểm kê đơn phải có dạng yyyy-MM-dd HH:mm:ss")
	if p.Course != nil && (p.Course.From != "" || p.Course.To != "") {
		want(p.course(), "dot_dung_thuoc", "Đợt dùng thuốc sai ngày hoặc quá 90 ngày")
	}
	return wrong
}

// course reports whether the course's days are in order and not too many. Days
// are written dd/MM/yyyy or yyyy-MM-dd: the notes do not say which.
func (p *Prescription) course() bool {
	day := func(s string) (time.Time, error) {
		if t, err := time.Parse("02/01/2006", s); err == nil {
			return t, nil
		}
		return time.Parse(time.DateOnly, s)
	}
	from, err := day(p.Course.From)
	to, err2 := day(p.Course.To)
	return err == nil && err2 == nil && !to.Before(from) && to.Sub(from) < mostDays*24*time.Hour
}

// send is POST /api/v1/gui-don-thuoc.
func (s *Simulator) send(w http.ResponseWriter, r *http.Request) {
	who, ok := s.who(w, r)
	if !ok {
		return
	}
	var p Prescription
	raw, ok := s.body(w, r, &p)
	if !ok {
		return
	}
	if wrong := p.Check(); len(wrong) > 0 {
		s.refuse(w, r, Refused, wrong...)
		return
	}
	facility := p.Code[:5]
	if who.Facility != "" && !strings.EqualFold(who.Facility, facility) {
		s.refuse(w, r, Forbidden, problem{"ma_don_thuoc", "KHONG_QUYEN", "Mã của cơ sở khác"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(p.Code)
	if s.held[key] != nil {
		s.refuse(w, r, Exists, problem{"ma_don_thuoc", Exists, "Mã đơn thuốc đã được gửi trước đó; đơn sửa phải mang mã mới"})
		return
	}
	if !faulty.Forgets(r.Context()) {
		sum := sha256.Sum256(raw)
		e, err := s.book.Record(tally.Entry{Kind: "prescription", Facility: facility, Episode: key, SHA256: hex.EncodeToString(sum[:]), Size: len(raw),
			Route: tally.Pattern(r.Pattern), Account: who.Name, Code: OK})
		if err != nil {
			s.refuse(w, r, Broken)
			return
		}
		h := &held{body: raw, sent: e.At, amounts: map[string]float64{}, dispensed: map[string]float64{}}
		for _, d := range p.Drugs {
			h.amounts[d.Code] += float64(d.Amount)
		}
		s.held[key] = h
	}
	s.done(w, r, outcome{Success: "Gửi đơn thuốc thành công"})
}

// Told is what a pharmacy is told of a prescription.
type Told struct {
	Prescription json.RawMessage    `json:"don_thuoc"`
	SentAt       string             `json:"ngay_gio_gui"` // yyyy-MM-dd HH:mm:ss in Hanoi
	State        string             `json:"trang_thai"`   // chua_ban, ban_mot_phan, da_ban, het_han
	Dispensed    map[string]float64 `json:"da_ban"`       // by ma_thuoc
}

func (h *held) state(now time.Time) string {
	all, some := true, false
	for code, n := range h.amounts {
		all = all && h.dispensed[code] >= n
		some = some || h.dispensed[code] > 0
	}
	switch {
	case all:
		return "da_ban"
	case !now.Before(h.sent.Add(Valid)):
		return "het_han"
	case some:
		return "ban_mot_phan"
	}
	return "chua_ban"
}

// tell is GET /api/v1/thong-tin-don-thuoc/{ma}, for pharmacies.
func (s *Simulator) tell(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.pharmacy(w, r); !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[strings.ToLower(r.PathValue("ma"))]
	if h == nil {
		s.refuse(w, r, Absent)
		return
	}
	s.book.Answer(tally.Pattern(r.Pattern), OK)
	tally.WriteJSON(w, http.StatusOK, Told{h.body, h.sent.In(clock.Hanoi).Format(time.DateTime), h.state(s.c.Clock.Now()), h.dispensed})
}

// dispense is POST /api/v1/cap-nhat-don-thuoc, for pharmacies: {ma_don_thuoc,
// thong_tin_don_thuoc:[{ma_thuoc,so_luong}]}. No more than was prescribed, and
// within five days.
func (s *Simulator) dispense(w http.ResponseWriter, r *http.Request) {
	who, ok := s.pharmacy(w, r)
	if !ok {
		return
	}
	var p Prescription
	raw, ok := s.body(w, r, &p)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[strings.ToLower(p.Code)]
	if h == nil {
		s.refuse(w, r, Absent)
		return
	}
	if h.state(s.c.Clock.Now()) == "het_han" {
		s.refuse(w, r, Refused, problem{"ma_don_thuoc", "HET_HAN", "Đơn thuốc đã quá 5 ngày"})
		return
	}
	sold := map[string]float64{}
	for _, d := range p.Drugs {
		sold[d.Code] += float64(d.Amount)
		if d.Amount <= 0 || h.dispensed[d.Code]+sold[d.Code] > h.amounts[d.Code] {
			s.refuse(w, r, Refused, problem{"thong_tin_don_thuoc", "QUA_SO_LUONG", "Bán quá số lượng đã kê"})
			return
		}
	}
	if len(sold) == 0 {
		s.refuse(w, r, Refused, problem{"thong_tin_don_thuoc", "KHONG_HOP_LE", "Thiếu thuốc"})
		return
	}
	if !faulty.Forgets(r.Context()) {
		sum := sha256.Sum256(raw)
		if _, err := s.book.Record(tally.Entry{Kind: "dispensing", Facility: who.Name, Episode: strings.ToLower(p.Code), SHA256: hex.EncodeToString(sum[:]),
			Size: len(raw), Route: tally.Pattern(r.Pattern), Account: who.Name, Code: OK}); err != nil {
			s.refuse(w, r, Broken)
			return
		}
		for code, n := range sold {
			h.dispensed[code] += n
		}
	}
	s.done(w, r, outcome{Success: "Cập nhật đơn thuốc thành công"})
}
