package gateway

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
)

// Question is what a receptionist asks about a card. It is personal: it goes
// into no log and no error.
type Question struct {
	Number care.InsuranceNo
	Name   string // hoTen, as typed
	Birth  string // dd/MM/yyyy, MM/yyyy or yyyy
}

// String keeps the question out of whatever prints it.
func (Question) String() string { return "card question" }

// GoString does so too.
func (Question) GoString() string { return "card question" }

// Card is the insurer's answer about a card, by the names it has there. Empty
// is not known.
type Card struct {
	Code, Note                    string // maKetQua of cards ("000", "051", ...), ghiChu
	Name, Birth, Sex, Address     string
	Registered, Office            string // maDKBD, cqBHXH
	From, To                      string // gtTheTu, gtTheDen
	Region, FiveYears, Social     string // maKV, ngayDu5Nam, maSoBHXH
	Old, New, NewFrom, NewTo, Now string // maTheCu, maTheMoi, gtTheTuMoi, gtTheDenMoi; Now: maThe, where it is another than asked
}

// Cards looks a card up. A hub asks the insurer for a facility, where it may.
type Cards interface {
	Card(ctx context.Context, from Sender, q Question) (Card, error)
}

// Visit is one item of dsLichSuKCB2018, in the words of its record.
type Visit struct {
	Record    string `json:"maHoSo"` // the hub's name of it
	Facility  string `json:"maCSKCB"`
	In        string `json:"ngayVao"` // yyyyMMddHHmm, as sent
	Out       string `json:"ngayRa"`
	Diagnosis string `json:"tenBenh"`
	State     string `json:"tinhTrang"`
	Outcome   string `json:"kqDieuTri"`
	Reason    string `json:"lyDoVV"`
}

// Histories tells the visits of the person a card is of, as far as the facility
// that asks has a basis to know of them at this moment; none otherwise. What is
// told is written down before it returns (package disclose).
type Histories interface {
	History(ctx context.Context, from Sender, q Question) ([]Visit, error)
}

// Unasked says of every card that nobody was asked.
type Unasked struct{}

// NotAsked is the code of a card that could not be looked up: the insurer's own
// for an error on its side, so that no HIS takes it for a valid card.
const NotAsked = "100"

// Card implements Cards.
func (Unasked) Card(context.Context, Sender, Question) (Card, error) {
	return Card{Code: NotAsked, Note: "Hub chưa hỏi cơ quan bảo hiểm xã hội nên chưa biết thẻ còn giá trị hay không. Tra thẻ trên cổng giám định của bảo hiểm xã hội. [card.not_asked]"}, nil
}

// cardAnswer has the members of KQNhanLichSuKCB2024 in their order.
type cardAnswer struct {
	Code       string   `json:"maKetQua"`
	Note       string   `json:"ghiChu"`
	Number     string   `json:"maThe"`
	Name       string   `json:"hoTen"`
	Birth      string   `json:"ngaySinh"`
	Sex        string   `json:"gioiTinh"`
	Address    string   `json:"diaChi"`
	Registered string   `json:"maDKBD"`
	Office     string   `json:"cqBHXH"`
	From       string   `json:"gtTheTu"`
	To         string   `json:"gtTheDen"`
	Region     string   `json:"maKV"`
	FiveYears  string   `json:"ngayDu5Nam"`
	Social     string   `json:"maSoBHXH"`
	Old        string   `json:"maTheCu"`
	New        string   `json:"maTheMoi"`
	NewFrom    string   `json:"gtTheTuMoi"`
	NewTo      string   `json:"gtTheDenMoi"`
	Visits     []Visit  `json:"dsLichSuKCB2018"` // empty where the facility has no basis to know of any
	Checks     []string `json:"dsLichSuKT2018"`
}

// unanswered is what a look-up answers when it could not be made.
func unanswered(f *fault.Error) any {
	return cardAnswer{}.with(Card{Code: codeOf(f), Note: fmt.Sprintf("%s [%s]", f.Text.VI, f.Code)})
}

// history answers POST /api/egw/KQNhanLichSuKCB2024. The session comes in the
// query, which is taken away before anything else can see it.
func (g *Gateway) history(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.RawQuery
	r.URL.RawQuery, r.RequestURI = "", r.URL.Path
	p, err := parseForm(query)
	if err != nil {
		return errSession
	}
	who, err := g.session(r, presented{access: p.text("token"), id: p.text("id_token"), proof: p.text("password"), user: p.text("username")})
	if err != nil {
		return err
	}
	if err := g.paced(w, g.by, who.User); err != nil {
		return err
	}
	f, err := g.small(w, r)
	if err != nil {
		return err
	}
	said := cardAnswer{Number: strings.TrimSpace(f.text("maThe")), Name: strings.TrimSpace(f.text("hoTen")), Birth: strings.TrimSpace(f.text("ngaySinh"))}
	if said.Number == "" {
		return errField("maThe")
	}
	c, done := formOf(said, g.Clock.Now())
	if done {
		disclose.Nothing(r.Context())
	} else {
		number, err := care.ParseInsuranceNo(said.Number)
		if err != nil {
			return errField("maThe")
		}
		q := Question{number, said.Name, said.Birth}
		if c, err = g.Cards.Card(r.Context(), who, q); err != nil {
			return err
		}
		if said.Visits, err = g.visits(r.Context(), who, q); err != nil {
			return err
		}
	}
	g.write(w, http.StatusOK, said.with(c))
	return nil
}

// visits are those that the facility has a basis to know of.
func (g *Gateway) visits(ctx context.Context, who Sender, q Question) ([]Visit, error) {
	if g.Histories == nil {
		disclose.Nothing(ctx)
		return nil, nil
	}
	list, err := g.Histories.History(ctx, who, q)
	if len(list) == 0 {
		disclose.Nothing(ctx) // the card's own validity alone
	}
	return list, err
}

// formOf answers what needs no look-up: a number, name or date that cannot be
// right, and cards of funds that the insurer does not keep.
func formOf(said cardAnswer, now time.Time) (c Card, done bool) {
	number := strings.ToUpper(strings.Join(strings.Fields(said.Number), ""))
	if len(number) == 15 {
		switch {
		case !catalog.OldProvince(number[3:5]) && number[3:5] != "97" && number[3:5] != "98" && isDigits(number[3:5]):
			return Card{Code: "052", Note: "Mã tỉnh trong thẻ (ký tự 4 và 5) không có trong danh mục. [card.province]"}, true
		case number[2] < '1' || number[2] > '5':
			return Card{Code: "053", Note: "Ký tự thứ 3 của thẻ phải là mức hưởng từ 1 đến 5. [card.benefit]"}, true
		}
	}
	n, err := care.ParseInsuranceNo(said.Number)
	switch {
	case err != nil:
		return Card{Code: "051", Note: "Mã thẻ phải có 15 ký tự, hoặc là mã số bảo hiểm xã hội 10 chữ số, hoặc số định danh 12 chữ số. [card.number]"}, true
	case said.Name == "":
		return Card{Code: "060", Note: "Thiếu họ tên. [card.name]"}, true
	case !isBirth(said.Birth, now):
		return Card{Code: "070", Note: "Ngày sinh phải là dd/MM/yyyy, MM/yyyy hoặc yyyy và không ở tương lai. [card.birth]"}, true
	}
	switch n.Group() {
	case "QN", "CY", "TQ", "TY", "LS", "XK":
		return Card{Code: "001", Note: "Thẻ do bảo hiểm xã hội Bộ Quốc phòng quản lý. Đối chiếu thẻ với giấy tờ tùy thân; hub không hỏi được. [card.forces]"}, true
	case "CA", "TA":
		return Card{Code: "002", Note: "Thẻ do bảo hiểm xã hội Bộ Công an quản lý. Đối chiếu thẻ với giấy tờ tùy thân; hub không hỏi được. [card.forces]"}, true
	}
	return Card{}, false
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

var birthForm = regexp.MustCompile(`^(?:(?:(\d{2})/)?(\d{2})/)?(\d{4})$`)

// isBirth reports whether a date of birth is possible at the precision given.
func isBirth(s string, now time.Time) bool {
	m := birthForm.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	day, month := "01", "01"
	if m[1] != "" {
		day = m[1]
	}
	if m[2] != "" {
		month = m[2]
	}
	t, err := time.Parse("2006-01-02", m[3]+"-"+month+"-"+day)
	if err != nil {
		return false
	}
	year, _ := strconv.Atoi(m[3]) // four digits
	return year >= 1850 && !t.After(now.Add(7*time.Hour))
}

// with dresses what was asked in what is known.
func (a cardAnswer) with(c Card) cardAnswer {
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	set(&a.Number, c.Now)
	set(&a.Name, c.Name)
	set(&a.Birth, c.Birth)
	a.Code, a.Note = c.Code, c.Note
	a.Sex, a.Address, a.Registered, a.Office = c.Sex, c.Address, c.Registered, c.Office
	a.From, a.To, a.Region, a.FiveYears, a.Social = c.From, c.To, c.Region, c.FiveYears, c.Social
	a.Old, a.New, a.NewFrom, a.NewTo = c.Old, c.New, c.NewFrom, c.NewTo
	if a.Visits == nil {
		a.Visits = []Visit{}
	}
	a.Checks = []string{}
	return a
}
