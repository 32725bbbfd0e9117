package demo

import (
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/pquerna/otp/totp"

	"lienthong/internal/clock"
	"lienthong/internal/demo/ministry"
	"lienthong/internal/fault"
)

// The demo's page of people, and of one person's code.
const (
	peoplePath = "/try/people"
	codePath   = "/try/code/"
	sitPath    = "/try/sit/"
)

const stepSeconds = 30 // of a code, RFC 6238

// card is one of the cast on the page.
type card struct {
	Key, Name, Number, Where, Code string
	Text                           fault.Text
	Login, Phone, CodeHref         string
}

// journey is one to walk, in a few steps.
type journey struct {
	Title fault.Text
	Steps []fault.Text
}

// code of a second factor now, and how many seconds it holds on.
func codeNow(seed string) (string, int, error) {
	now := time.Now()
	code, err := totp.GenerateCode(seed, now)
	return code, stepSeconds - int(now.Unix()%stepSeconds), err
}

// facilityName is a facility as the page says it.
func (l *logins) facilityName(code string) string {
	switch code {
	case l.places.first.Code:
		return code + " " + l.places.first.Name
	case l.places.second.Code:
		return code + " " + l.places.second.Name
	case l.places.station.Code:
		return code + " " + l.places.station.Name
	}
	return ""
}

var homes = map[string]string{"clinician": "/patients", "privacy": "/privacy", "counter": "/counter", "auditor": "/audit"}

func (l *logins) cardsOfStaff() ([]card, int, error) {
	var out []card
	left := 0
	for _, w := range l.workers {
		code, n, err := codeNow(l.kept.Seeds[w.key])
		if err != nil {
			return nil, 0, err
		}
		left = n
		out = append(out, card{Key: w.key, Name: w.name, Number: w.licence, Where: l.facilityName(w.at), Code: code, Text: w.work,
			Login: "/login/staff?" + url.Values{"next": {homes[w.roles[0]]}}.Encode(), CodeHref: codePath + w.key})
	}
	return out, left, nil
}

func (l *logins) cardsOfCitizens() []card {
	var out []card
	for _, c := range l.people {
		x := card{Key: c.key, Name: c.name, Number: c.number, Where: c.birth.Format("02/01/2006"), Text: c.story}
		if c.account {
			x.Login, x.Phone = "/login/vneid?"+url.Values{"next": {"/me"}}.Encode(), l.vneid+"/phone/"+c.key
		}
		out = append(out, x)
	}
	return out
}

// cards is the page of people: who they are, how to log in as each, the codes of
// the staff's second factors, and what to walk through.
func (s *Show) cards(w http.ResponseWriter, _ *http.Request) {
	staff, left, err := s.in.cardsOfStaff()
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	s.page(w, cardsPage, map[string]any{"Staff": staff, "Left": left, "Citizens": s.in.cardsOfCitizens(), "Journeys": s.in.journeys(), "Seats": ministry.Seats(Home), "Walks": ministry.Walks(), "VNeID": s.in.vneid + "/phone"})
}

// sit leads to a seat of the ministry's house by a login link made for it.
func (s *Show) sit(w http.ResponseWriter, r *http.Request) {
	for _, x := range ministry.Seats(Home) {
		if x.Key != r.PathValue("who") {
			continue
		}
		w.Header().Set("Cache-Control", "no-store")
		if to := s.tour.link(r.Context(), x.Role, x.Next); to != "" {
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		http.Error(w, "503", http.StatusServiceUnavailable)
		return
	}
	http.NotFound(w, r)
}

// code is the code of one member of the staff, which is shown nowhere but here.
func (s *Show) code(w http.ResponseWriter, r *http.Request) {
	x := s.in.worker(r.PathValue("who"))
	if x == nil {
		http.NotFound(w, r)
		return
	}
	code, left, err := codeNow(s.in.kept.Seeds[x.key])
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Refresh", "5")
	s.page(w, codePage, map[string]any{"Name": x.name, "Code": code, "Left": left, "Seed": s.in.kept.Seeds[x.key]})
}

func (s *Show) page(w http.ResponseWriter, t *template.Template, about map[string]any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	about["At"] = time.Now().In(clock.Hanoi).Format(time.TimeOnly)
	_ = t.Execute(w, about) // the reader went away
}

// journeys are 5 and 6 of the project's acceptance, and three more to try.
func (l *logins) journeys() []journey {
	step := func(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }
	unknown, two := l.citizen(ha), l.places.second.Code
	return []journey{
		{step("Người bệnh không tên lúc 02:10", "An unknown patient at 02:10"), []fault.Text{
			step("Vào bằng BS. Đỗ Quang Minh, mở Cấp cứu, bấm cấp số tạm (giới: nữ).", "Log in as Dr Đỗ Quang Minh, open Emergency, take a temporary number (sex: female)."),
			step("Tìm: số người nhà "+unknown.phone+", tên Hà, năm sinh 1991. Chọn người khớp; nhập mã xác thực hiện ở dưới.", "Search: relative's phone "+unknown.phone+", name Hà, born 1991. Take who fits; enter the code shown below."),
			step("Đánh dấu hai dữ kiện, chọn lý do, ghi vài chữ, mở: bộ thông tin cấp cứu hiện ra. Điện thoại của "+unknown.name+" có thông báo.", "Tick two facts, choose a reason, write a few words, open: the emergency set. "+unknown.name+"'s phone has a notice."),
			step("Sáng hôm sau: mở lại số tạm, dán nội dung thẻ căn cước: "+unknown.card(), "Next morning: open the number again and paste the card's text: "+unknown.card()),
			step("Lý Thanh Tâm (cán bộ bảo vệ dữ liệu) duyệt; "+unknown.name+" xem Ai đã xem và phản đối; bác sĩ bấm Gỡ liên kết, mọi thứ trở lại như trước.", "Lý Thanh Tâm (privacy officer) reviews; "+unknown.name+" reads Who looked and objects; the doctor undoes the link, and all is as it was."),
		}},
		{step("Đóng một lượt khám", "Close a visit"), []fault.Text{
			step("Vào bằng Trần Văn Bình. Lượt khám tâm thần nằm ở Hồ sơ riêng tư, chỉ mở sau khi xác nhận lại danh tính.", "Log in as Trần Văn Bình. The psychiatric visit is under private records, which open after confirming who you are again."),
			step("Lựa chọn, đóng một lượt khám: chọn lượt trào ngược dạ dày (hoặc lượt tâm thần, có trong danh sách sau khi đã xác nhận lại), thử với cơ sở "+two+": xem trước, rồi lưu.", "Choices, close a visit: take the one for reflux (or the psychiatric one, listed once you have confirmed), try it with facility "+two+": look at the effect, then save."),
			step("BS. Trịnh Thùy Dương (bệnh viện thứ hai) tra số 001872000025, gửi mã tới điện thoại của Bình, đọc mã ở trang điện thoại: không có gì lộ ra là có lượt khám ấy.", "Dr Trịnh Thùy Dương (second hospital) looks up 001872000025, sends a code to Bình's phone, types what the phone shows: nothing tells that the visit exists."),
			step("Tải biên nhận có chữ ký của lựa chọn ngay dưới câu nói điều đang có hiệu lực. Mở cấp cứu vẫn thấy phần tối thiểu, trừ khi tắt công tắc cấp cứu.", "Download the signed receipt under the sentence that says what holds. An emergency still shows the minimum, unless the emergency switch is off."),
		}},
		{step("Chuyển tuyến", "A referral"), []fault.Text{
			step("Vào bằng BS. Phạm Khánh Vân, tra số 024958000612 (Vũ Thị Mai), chọn Giấy chuyển: hồ sơ của trạm mở ra vì giấy ghi tên bệnh viện này.", "Log in as Dr Phạm Khánh Vân, look up 024958000612 (Vũ Thị Mai), choose Referral: the station's records open, as the slip names this hospital."),
			step("BS. Trịnh Thùy Dương làm như vậy: không mở được.", "Dr Trịnh Thùy Dương does the same: nothing opens."),
		}},
		{step("Mẹ và con", "Mother and child"), []fault.Text{
			step("Vào bằng Nguyễn Thị Lan, chọn Nguyễn Minh Khôi ở đầu trang: sổ của con, đến ngày con tròn 7 tuổi.", "Log in as Nguyễn Thị Lan, choose Nguyễn Minh Khôi at the top: the child's book, until the seventh birthday."),
			step("Ai đã xem cũng ghi lượt xem của mẹ.", "Who looked lists the mother's looks too."),
		}},
		{step("Hồ sơ đóng", "Closed records"), []fault.Text{
			step("Vào bằng Phạm Văn Đức: hồ sơ HIV ở Hồ sơ riêng tư. Bác sĩ ở nơi khác, kể cả khi cấp cứu, không thấy và không biết là có.", "Log in as Phạm Văn Đức: the HIV records are under private records. Doctors elsewhere neither see them nor learn that there are any, in an emergency too."),
		}},
	}
}

const style = `<style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem}p{max-width:46rem}small,.en{opacity:.8}
.demo{border:2px solid currentColor;border-radius:.5rem;padding:.6rem .8rem;max-width:46rem}
ul.cast{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr));gap:.8rem}
ul.cast li{border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.5rem;padding:.8rem}
ul.cast h3{margin:0;font-size:1.05rem}ul.cast p{margin:.35rem 0}
a.go{display:inline-block;min-height:44px;line-height:44px;padding:0 .9rem;border:1px solid currentColor;border-radius:.4rem;margin:.2rem .4rem .2rem 0;text-decoration:none}
.num{font-variant-numeric:tabular-nums;font-family:ui-monospace,monospace}.code{font-size:1.3rem;letter-spacing:.08em}
</style>`

var cardsPage = template.Must(template.New("people").Parse(`<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Những người trong bản thử · Liên Thông</title>` + style + `</head><body><main>
<p><a href="/try">← Dùng thử · Try</a></p>
<h1>Những người trong bản thử · <span lang="en">The cast</span></h1>
<p class="demo">Chỉ có ở bản thử: không ai ở đây có thật, hai dịch vụ danh tính là giả lập, và mã xác thực của nhân viên được hiện công khai.<br>
<span class="en" lang="en">In the demo only: nobody here exists, both identity services are simulated, and the staff's second-factor codes are shown to everybody.</span></p>
<p>Một trình duyệt giữ một phiên. Để làm bác sĩ và người bệnh cùng lúc, mở thêm một cửa sổ riêng tư.<br>
<span class="en" lang="en">A browser holds one session. To be doctor and patient at once, open a private window beside it.</span></p>

<h2 id="citizens">Người dân · <span lang="en">Citizens</span></h2>
<ul class="cast">{{range .Citizens}}<li id="{{.Key}}"><h3>{{.Name}}</h3><p class="num">{{.Number}} · {{.Where}}</p><p>{{.Text.VI}}<br><small class="en" lang="en">{{.Text.EN}}</small></p>
{{if .Login}}<p><a class="go" href="{{.Login}}" title="{{.Name}}">Đăng nhập · <span lang="en">Log in</span></a><a class="go" href="{{.Phone}}">Điện thoại · <span lang="en">Phone</span></a></p>
<p><small>Ở trang VNeID giả lập, bấm tên này. · <span lang="en">On the simulated VNeID page, press this name.</span></small></p>{{end}}</li>{{end}}</ul>

<h2 id="staff">Nhân viên · <span lang="en">Staff</span></h2>
<p>Mã đổi sau {{.Left}} giây; mỗi mã dùng một lần. Bấm vào mã để xem trang tự đổi. <span class="en" lang="en">Codes change in {{.Left}} s, each works once. Press one for a page that keeps up.</span></p>
<ul class="cast">{{range .Staff}}<li id="{{.Key}}"><h3>{{.Name}}</h3><p>{{.Text.VI}} · <span lang="en">{{.Text.EN}}</span><br>{{.Where}}</p><p class="num"><small>{{.Number}}</small></p>
<p>Mã · <span lang="en">code</span>: <a class="num code" href="{{.CodeHref}}">{{.Code}}</a></p>
<p><a class="go" href="{{.Login}}" title="{{.Name}}">Đăng nhập · <span lang="en">Log in</span></a></p></li>{{end}}</ul>

<h2 id="house">Ngôi nhà của Bộ · <span lang="en">The ministry's house</span></h2>
<ul class="cast">{{range .Seats}}<li id="{{.Key}}"><h3>{{.Name.VI}} · <span lang="en">{{.Name.EN}}</span></h3><p>{{.Text.VI}}<br><small class="en" lang="en">{{.Text.EN}}</small></p>
<p><a class="go" href="` + sitPath + `{{.Key}}" title="{{.Name.VI}}">Ngồi vào · <span lang="en">Sit down</span></a></p></li>{{end}}</ul>
{{range .Walks}}<h3>{{.Title.VI}} · <span lang="en">{{.Title.EN}}</span></h3><ol>{{range .Steps}}<li>{{.VI}}<br><small class="en" lang="en">{{.EN}}</small></li>{{end}}</ol>{{end}}

<h2 id="journeys">Thử gì · <span lang="en">What to try</span></h2>
{{range .Journeys}}<h3>{{.Title.VI}} · <span lang="en">{{.Title.EN}}</span></h3><ol>{{range .Steps}}<li>{{.VI}}<br><small class="en" lang="en">{{.EN}}</small></li>{{end}}</ol>{{end}}
<p><small>{{.At}}</small></p></main></body></html>`))

var codePage = template.Must(template.New("code").Parse(`<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Mã của {{.Name}} · Liên Thông</title>` + style + `</head><body><main>
<p><a href="` + peoplePath + `#staff">← Những người trong bản thử · The cast</a></p>
<h1>{{.Name}}</h1>
<p class="demo">Chỉ ở bản thử: ngoài đời mã này chỉ hiện trên điện thoại của người ấy. <span class="en" lang="en">In the demo only: in life this code is on that person's phone alone.</span></p>
<p class="num code" id="code">{{.Code}}</p><p>còn {{.Left}} giây · <span lang="en">{{.Left}} s left</span></p>
<p><small>Khóa cho ứng dụng xác thực · <span lang="en">seed for an authenticator app</span>: <span class="num">{{.Seed}}</span></small></p></main></body></html>`))
