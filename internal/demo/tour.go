package demo

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"lienthong/internal/fault"
	"lienthong/internal/web/portal"
)

// Tour leads a visitor of the demo: login links for each role, and things worth
// seeing. It is made before the hub, which shows it.
type Tour struct {
	base string
	show atomic.Pointer[Show]

	mu   sync.Mutex
	seen map[string]*sight
	best string // the facility that has most to show
}

// Home is the province that people of the ministry's house ask about: Bắc Ninh.
const Home = "24"

// NewTour returns a tour of the hub at base.
func NewTour(base string) *Tour { return &Tour{base: base} }

func (t *Tour) open(s *Show) { t.show.Store(s) }

// sight is what one facility has to show.
type sight struct{ accepted, rejected string }

// saw remembers records that show something.
func (t *Tour) saw(facility, record string, rejected bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]*sight{}
	}
	s := t.seen[facility]
	if s == nil {
		s = &sight{}
		t.seen[facility] = s
	}
	if rejected {
		s.rejected = record
	} else if s.accepted == "" {
		s.accepted = record
	}
	if b := t.seen[t.best]; b == nil || b.rejected == "" && s.rejected != "" || b.accepted == "" && s.accepted != "" && s.rejected != "" {
		t.best = facility
	}
}

// show returns the facility that has most to show, and its records.
func (t *Tour) sights() (facility, accepted, rejected string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.best == "" {
		return "", "", ""
	}
	s := t.seen[t.best]
	return t.best, s.accepted, s.rejected
}

// link makes a login link for a role that opens a page; "" where none can be made.
func (t *Tour) link(ctx context.Context, role, next string) string {
	show := t.show.Load()
	if show == nil {
		return ""
	}
	token, err := show.Acts.MakeLink(ctx, Actor, role, next)
	if err != nil {
		return ""
	}
	return "/login?token=" + url.QueryEscape(token)
}

// stop is one of the tour; without a role its page is the demo's own.
type stop struct {
	role, next          string
	title, text, action fault.Text
}

func (t *Tour) stops(ctx context.Context) []stop {
	facility, accepted, rejected := t.sights()
	own := "facility:" + facility
	if facility == "" {
		return nil
	}
	say := func(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }
	go1 := say("Mở trang", "Open")
	list := []stop{
		{"ministry", "/overview", say("Bộ thấy ngay", "What the ministry sees"), say("Số hồ sơ, phiếu chuyển, lượt tra cứu, từng tỉnh, từng phút. Bấm vào số nào cũng ra danh sách của số đó.", "Records, referrals, look-ups, by province and by minute. Every number opens its list."), go1},
		{own, "/today", say("Cơ sở biết hồ sơ đã tới nơi", "The facility knows what got through"), say("Một lần gửi, một biên nhận cho từng hồ sơ.", "One submission, one receipt for every record."), go1},
		{own, "/rejects", say("Sửa theo nguyên nhân", "Mend by cause"), say("Hồ sơ bị từ chối và hồ sơ có cảnh báo, gộp theo nguyên nhân, có cách sửa.", "What was rejected or warned of, grouped by cause, with how to mend it."), go1},
	}
	if accepted != "" {
		list = append(list, stop{own, "/records/" + accepted, say("Đọc được ngay", "Readable in the same second"), say("Các bảng XML hiện thành giấy tờ đọc được; bấm Kiểm chứng để đối chiếu biên nhận với sổ.", "The XML tables as documents people can read; Verify checks the receipt against the ledger."), go1})
	}
	if rejected != "" {
		list = append(list, stop{own, "/records/" + rejected, say("Vì sao bị từ chối", "Why one was rejected"), say("Bảng nào, dòng nào, trường nào, sửa thế nào. Từ chối cũng có biên nhận.", "Which table, row and field, and what to do. A rejection has its receipt too."), go1})
	}
	people := say("Xem ai", "Meet them")
	list = append(list,
		stop{"", peoplePath + "#house", say("Ngôi nhà của Bộ", "The ministry's house"), say("Ngồi vào Bộ, một cục, một sở, bảo hiểm, đối tác bằng một cú bấm: mười ba cơ sở dữ liệu, tám chữ về chất lượng, nhiệm vụ, quy tắc, làm sạch.", "Sit down as the ministry, a department, a province, the insurer, a partner with one click: thirteen databases, eight words of quality, tasks, rules, cleaning."), people},
		stop{"", peoplePath + "#journeys", say("Người bệnh không tên, lượt khám đóng lại", "A patient without a name, a visit closed"), say("Đóng vai bác sĩ lúc 02:10, người bệnh chọn ai được xem, cán bộ bảo vệ dữ liệu: từng bước, mỗi hành trình vài phút.", "Be the doctor at 02:10, the patient who chooses who may look, the privacy officer: step by step, a few minutes each."), people},
		stop{"", peoplePath, say("Đăng nhập bằng tên người", "Log in as somebody"), say("Sáu người dân và tám nhân viên ở ba cơ sở, hai dịch vụ danh tính giả lập, mã xác thực, điện thoại của từng người.", "Six citizens and eight of the staff at three facilities, two simulated identity services, second-factor codes, everybody's phone."), people})
	list = append(list, t.ways(ctx)...)
	return append(list, stop{"operator", "/acts", say("Ai đã làm gì", "Who did what"), say("Người vận hành phải ghi lý do trước khi xem nội dung; mọi lượt xem và mọi thao tác đều để lại dấu trong sổ.", "An operator gives a reason before seeing content; every look and every act leaves a mark in the ledger."), go1})
}

// Things is what the page "Dùng thử" shows: things worth seeing, and a link for each role.
func (t *Tour) Things(ctx context.Context) (things, links []portal.TryItem) {
	for _, s := range t.stops(ctx) {
		href := s.next
		if s.role != "" {
			href = t.link(ctx, s.role, s.next)
		}
		things = append(things, portal.TryItem{Title: s.title, Text: s.text, Action: s.action, Href: href})
	}
	for _, r := range t.roles() {
		links = append(links, portal.TryItem{Title: called(r), Action: fault.Text{VI: "Đăng nhập", EN: "Log in"}, Href: t.link(ctx, r, "/")})
	}
	return things, links
}

func (t *Tour) roles() []string {
	facility, _, _ := t.sights()
	roles := []string{"operator", "ministry", "province:24", "province:79", "auditor"}
	if facility != "" {
		roles = append(roles, "facility:"+facility)
	}
	return roles
}

// Print tells the terminal where to go.
func (t *Tour) Print(ctx context.Context, w io.Writer, dir string) {
	fmt.Fprintf(w, "\nMở trang · open:  %s/try   (những điều nên xem · things worth seeing)\n\nĐường dẫn đăng nhập, dùng một lần trong 10 phút · login links, once, 10 minutes:\n", t.base)
	for _, r := range t.roles() {
		fmt.Fprintf(w, "  %-16s %s%s\n", r, t.base, t.link(ctx, r, "/"))
	}
	fmt.Fprintf(w, "  thêm · more:     lienthong link --data %s --role facility:MÃ\n\n", filepath.Join(dir, "hub"))
}

// called is a role as people say it.
func called(r string) fault.Text {
	kind, id, _ := strings.Cut(r, ":")
	switch kind {
	case "operator":
		return fault.Text{VI: "Vận hành", EN: "Operator"}
	case "ministry":
		return fault.Text{VI: "Bộ Y tế", EN: "Ministry"}
	case "auditor":
		return fault.Text{VI: "Kiểm toán", EN: "Auditor"}
	case "province":
		return fault.Text{VI: "Sở Y tế, tỉnh " + id, EN: "Province " + id}
	}
	return fault.Text{VI: "Cơ sở " + id, EN: "Facility " + id}
}
