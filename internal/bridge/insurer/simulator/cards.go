package simulator

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
)

// Card is a health insurance card the gateway knows.
type Card struct {
	Number   string `json:"number"`  // 15 characters
	Citizen  string `json:"citizen"` // 12 digits, or none
	Name     string `json:"name"`
	Born     string `json:"born"` // dd/MM/yyyy, MM/yyyy or yyyy
	Sex      string `json:"sex"`  // 1 male, 2 female, 3 undetermined
	Address  string `json:"address"`
	Facility string `json:"facility"` // registered at
	From     string `json:"from"`     // dd/MM/yyyy
	To       string `json:"to"`
	Code     string `json:"code"` // what a look-up answers, if name and birth are right
	Next     string `json:"next"` // number of the card issued instead (003, 004)
}

// meaning of the card codes, in the gateway's words as far as they are public.
var meanings = map[string]string{
	"000": "Thông tin thẻ chính xác", "001": "Thẻ do Bộ Quốc phòng quản lý", "002": "Thẻ do Bộ Công an quản lý",
	"003": "Thẻ cũ hết giá trị sử dụng, đã được cấp thẻ mới", "004": "Thẻ cũ còn giá trị sử dụng, đã được cấp thẻ mới",
	"010": "Thẻ hết giá trị sử dụng", "050": "Không thấy thông tin thẻ", "051": "Mã thẻ không đúng",
	"052": "Mã tỉnh cấp thẻ (ký tự thứ 4, 5) không đúng", "053": "Mã quyền lợi thẻ (ký tự thứ 3) không đúng",
	"054": "Thiếu số định danh của cán bộ tra cứu", "055": "Sai thông tin của cán bộ tra cứu",
	"060": "Thẻ sai họ tên", "061": "Thẻ sai họ tên (đúng ký tự đầu)", "070": "Thẻ sai ngày sinh",
	"100": "Lỗi khi lấy dữ liệu thẻ", "101": "Lỗi máy chủ", "110": "Thẻ đã thu hồi",
	"120": "Thẻ đã báo giảm", "121": "Thẻ đã báo giảm, chuyển ngoại tỉnh", "122": "Thẻ đã báo giảm, chuyển nội tỉnh",
	"123": "Thẻ đã báo giảm, thu hồi do tăng lại cùng đơn vị", "124": "Thẻ đã báo giảm, ngừng tham gia",
	"130": "Trẻ em không xuất trình thẻ", "205": "Sai định dạng tham số", "401": "Lỗi xác thực tài khoản",
}

// SyntheticCards returns a card for each code a card can have, all of one
// person's name, born 01/01/1990: number DN479 99000 00NNN with NNN the code,
// citizen 079990000NNN. No living person can have such a citizen number (its
// century is the 23rd).
func SyntheticCards() []Card {
	var cards []Card
	for _, code := range []string{"000", "001", "002", "003", "004", "010", "051", "100", "101", "110", "120", "121", "122", "123", "124", "130"} {
		c := Card{Number: "DN4799900000" + code, Citizen: "079990000" + code, Name: "NGUYỄN VĂN THỬ", Born: "01/01/1990", Sex: "1",
			Address: "Phường Sài Gòn, Thành phố Hồ Chí Minh", Facility: "79999", From: "01/01/2026", To: "31/12/2099", Code: code}
		switch code {
		case "001":
			c.Number = "QN5979900000001"
		case "002":
			c.Number = "CA5979900000002"
		case "130":
			c.Number = "TE1799900000130"
		case "010":
			c.From, c.To = "01/01/2020", "31/12/2020"
		case "003", "004":
			c.Next = "DN479990000100" + code[2:]
		}
		cards = append(cards, c)
	}
	return cards
}

// check is a look-up that was made: an item of dsLichSuKT2018.
type check struct {
	UserKT     string `json:"userKT"`
	ThoiGianKT string `json:"thoiGianKT"`
	ThongBao   string `json:"thongBao"`
	MaLoi      string `json:"maLoi"`
}

// stay is an item of dsLichSuKCB2018.
type stay struct {
	MaHoSo    string `json:"maHoSo"`
	MaCSKCB   string `json:"maCSKCB"`
	NgayVao   string `json:"ngayVao"`
	NgayRa    string `json:"ngayRa"`
	TenBenh   string `json:"tenBenh"`
	TinhTrang string `json:"tinhTrang"`
	KqDieuTri string `json:"kqDieuTri"`
	LyDoVV    string `json:"lyDoVV"`
}

// cardAnswer is the answer of KQNhanLichSuKCB2024.
type cardAnswer struct {
	MaKetQua        string  `json:"maKetQua"`
	GhiChu          string  `json:"ghiChu"`
	MaThe           string  `json:"maThe"`
	HoTen           string  `json:"hoTen"`
	NgaySinh        string  `json:"ngaySinh"`
	GioiTinh        string  `json:"gioiTinh"`
	DiaChi          string  `json:"diaChi"`
	MaDKBD          string  `json:"maDKBD"`
	CqBHXH          string  `json:"cqBHXH"`
	GtTheTu         string  `json:"gtTheTu"`
	GtTheDen        string  `json:"gtTheDen"`
	MaKV            string  `json:"maKV"`
	NgayDu5Nam      string  `json:"ngayDu5Nam"`
	MaSoBHXH        string  `json:"maSoBHXH"`
	MaTheCu         string  `json:"maTheCu"`
	MaTheMoi        string  `json:"maTheMoi"`
	GtTheTuMoi      string  `json:"gtTheTuMoi"`
	GtTheDenMoi     string  `json:"gtTheDenMoi"`
	DsLichSuKCB2018 []stay  `json:"dsLichSuKCB2018"`
	DsLichSuKT2018  []check `json:"dsLichSuKT2018"`
}

var (
	birth    = regexp.MustCompile(`^(([0-9]{2}/)?[0-9]{2}/)?[0-9]{4}$`)
	cardForm = regexp.MustCompile(`^[A-Z]{2}[0-9A-Z][0-9]{12}$`)
	digits   = regexp.MustCompile(`^[0-9]+$`)
)

// byQuery reads token, id_token, username and password.
func byQuery(r *http.Request) credentials {
	q := r.URL.Query()
	return credentials{q.Get("token"), q.Get("id_token"), q.Get("username"), q.Get("password")}
}

// card is POST /api/egw/KQNhanLichSuKCB2024.
func (s *Simulator) card(w http.ResponseWriter, r *http.Request) {
	who := byQuery(r)
	account, ok := s.session(r, who)
	if !ok || who.user == "" {
		s.answer(w, r, "401", cardAnswer{MaKetQua: "401", GhiChu: meanings["401"]})
		return
	}
	asked, err := fieldsOf(w, r, 64<<10)
	if err != nil {
		s.answer(w, r, "205", cardAnswer{MaKetQua: "205", GhiChu: meanings["205"]})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, code := s.look(asked)
	a := cardAnswer{MaKetQua: code, GhiChu: meanings[code], DsLichSuKCB2018: []stay{}, DsLichSuKT2018: []check{}}
	if c != nil && told(code) {
		a.fill(*c)
		number := insuranceNumber(c.Number)
		for _, f := range s.held.of(number, c.Citizen) {
			a.DsLichSuKCB2018 = append(a.DsLichSuKCB2018, stay{strconv.Itoa(f.number), f.Facility, f.visit.in, f.visit.out,
				f.visit.illness, f.visit.leaving, f.visit.outcome, f.visit.reason})
		}
		a.DsLichSuKT2018 = append(a.DsLichSuKT2018, s.checks[number]...)
		s.checks[number] = append(s.checks[number], check{account.User, s.stamp()[:12], meanings[code], code})
	}
	s.answer(w, r, code, a)
}

// told reports whether a look-up with this code shows the card.
func told(code string) bool {
	return slices.Contains([]string{"000", "001", "002", "003", "004", "010", "110", "120", "121", "122", "123", "124", "130"}, code)
}

// look finds the card asked for and the code it is answered with.
func (s *Simulator) look(asked map[string]string) (*Card, string) {
	number := strings.ToUpper(strings.TrimSpace(asked["maThe"]))
	switch {
	case number == "" || asked["hoTen"] == "" || !birth.MatchString(asked["ngaySinh"]):
		return nil, "205"
	case asked["cccdCb"] == "":
		return nil, "054"
	case len(asked["cccdCb"]) != 12 || !digits.MatchString(asked["cccdCb"]) || asked["hoTenCb"] == "":
		return nil, "055"
	}
	if code := wellFormed(number); code != "" {
		return nil, code
	}
	c := s.find(number)
	switch {
	case c == nil:
		return nil, "050"
	case len(number) == 15 && number[3:5] != c.Number[3:5]:
		return nil, "052"
	case len(number) == 15 && number[2] != c.Number[2]:
		return nil, "053"
	case len(number) == 15 && number != c.Number:
		return nil, "051"
	case !sameName(asked["hoTen"], c.Name):
		if name := care.Fold(c.Name); name != "" && strings.HasPrefix(care.Fold(asked["hoTen"]), name[:1]) {
			return nil, "061"
		}
		return nil, "060"
	case !sameBirth(asked["ngaySinh"], c.Born):
		return nil, "070"
	}
	return c, s.valid(c)
}

// wellFormed returns the code for a number that cannot be one, else "".
func wellFormed(number string) string {
	switch len(number) {
	case 10, 12:
		if !digits.MatchString(number) {
			return "051"
		}
	case 15:
		switch {
		case !cardForm.MatchString(number):
			return "051"
		case number[2] < '1' || number[2] > '5':
			return "053"
		case number[3:5] == "00" || number[3:5] > "97":
			return "052"
		}
	default:
		return "051"
	}
	return ""
}

// valid returns the card's code: its own, else by its dates.
func (s *Simulator) valid(c *Card) string {
	if c.Code != "" && c.Code != "000" {
		return c.Code
	}
	to, err := time.ParseInLocation("02/01/2006", c.To, clock.Hanoi)
	if err == nil && !s.c.Clock.Now().Before(to.AddDate(0, 0, 1)) {
		return "010"
	}
	return "000"
}

// find returns a known card, or the card that a dossier held was paid with.
func (s *Simulator) find(number string) *Card {
	social := insuranceNumber(number)
	for i, c := range s.c.Cards {
		if c.Citizen == number || social != "" && insuranceNumber(c.Number) == social {
			return &s.c.Cards[i]
		}
	}
	for _, f := range s.held.of(number, social) {
		if v := f.visit; len(v.card) == 15 {
			c := &Card{Number: v.card, Name: v.name, Born: v.born, Sex: v.sex, Address: v.address, Facility: v.registered, From: v.from, To: v.to}
			if last := v.numbers[len(v.numbers)-1]; len(last) == 12 {
				c.Citizen = last
			}
			return c
		}
	}
	return nil
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(care.Clean(a)), " "), strings.Join(strings.Fields(care.Clean(b)), " "))
}

// sameBirth compares as much as both say.
func sameBirth(a, b string) bool {
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

func (a *cardAnswer) fill(c Card) {
	a.MaThe, a.HoTen, a.NgaySinh, a.DiaChi, a.MaDKBD = c.Number, c.Name, c.Born, c.Address, c.Facility
	a.GioiTinh = map[string]string{"1": "Nam", "2": "Nữ"}[c.Sex]
	a.GtTheTu, a.GtTheDen, a.MaSoBHXH = c.From, c.To, insuranceNumber(c.Number)
	a.CqBHXH = "Bảo hiểm xã hội (giả lập)"
	if c.Next != "" {
		a.MaTheCu, a.MaTheMoi, a.GtTheTuMoi, a.GtTheDenMoi = c.Number, c.Next, c.From, c.To
	}
}

// payment is an item of DataCCT.
type payment struct {
	MaThe      string  `json:"maThe"`
	MaCSKCB    string  `json:"maCSKCB"`
	NgayVao    string  `json:"ngayVao"`
	NgayRa     string  `json:"ngayRa"`
	TBNCCT     float64 `json:"tBNCCT"`
	TBNCCTLuyK float64 `json:"tBNCCTLuyKe"` // of the year up to this stay: cumulative
}

// paid is POST /api/TraCuuCCT/TraCuuTienMCCT, called as the card look-up is.
func (s *Simulator) paid(w http.ResponseWriter, r *http.Request) {
	type answer struct {
		MaKetQua string    `json:"maKetQua"`
		GhiChu   string    `json:"ghiChu"`
		DataCCT  []payment `json:"DataCCT"`
	}
	who := byQuery(r)
	if _, ok := s.session(r, who); !ok || who.user == "" {
		s.answer(w, r, "401", answer{"401", meanings["401"], []payment{}})
		return
	}
	asked, err := fieldsOf(w, r, 64<<10)
	if err != nil {
		s.answer(w, r, "205", answer{"205", meanings["205"], []payment{}})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, code := s.look(asked)
	list := []payment{}
	if c != nil && told(code) {
		stays := s.held.of(insuranceNumber(c.Number), c.Citizen)
		slices.Reverse(stays)
		sums := map[string]float64{}
		for _, f := range stays {
			if len(f.visit.out) < 4 {
				continue
			}
			year := f.visit.out[:4]
			sums[year] += f.visit.paid
			list = append(list, payment{c.Number, f.Facility, f.visit.in, f.visit.out, f.visit.paid, sums[year]})
		}
	}
	s.answer(w, r, code, answer{code, meanings[code], list})
}
