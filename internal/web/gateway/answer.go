package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Waiting is the state of what an agent holds and the hub has not decided.
const Waiting dossier.State = "waiting"

// Outcome is what became of a file: one item for each dossier in it, in order;
// of an agent one for the file.
type Outcome struct {
	At    time.Time // received or spooled; the first time, for a file sent again
	Items []Item
}

// Item is what became of one dossier.
type Item struct {
	Reference string        // record, or place in the spool: maGiaoDich
	Record    string        // of an agent: the hub's record, once it is known
	State     dossier.State // a verdict, what came after it, or Waiting
	Replay    bool          // decided before: the first answer stands
	Problems  []Problem
	Deferred  *fault.Error // not decided: send again; nil when it was
}

// Problem is a finding, in the sender's language.
type Problem struct {
	Code     string `json:"maLoi"`
	Severity string `json:"mucDo"` // error, warning, info
	Table    string `json:"bang"`
	Row      int    `json:"dong"`
	Field    string `json:"truong"`
	Text     string `json:"noiDung"`
	Hint     string `json:"huongDan"`
}

// answer is what a submission is answered with: the insurer's four members in
// its order, and behind them what only a hub tells.
type answer struct {
	Code      string    `json:"maKetQua"`
	Reference string    `json:"maGiaoDich"`
	At        string    `json:"thoiGianTiepNhan"` // yyyyMMddHHmmss in Hanoi, "" when nothing was received
	Text      string    `json:"thongDiep"`
	Fault     string    `json:"maLoi,omitempty"`     // our stable code
	State     string    `json:"trangThai,omitempty"` // of a look-up
	Record    string    `json:"maHoSo,omitempty"`    // of an agent: the hub's record
	Problems  []Problem `json:"dsLoi,omitempty"`
	Dossiers  []part    `json:"dsHoSo,omitempty"` // of a file with several
}

type part struct {
	Code      string    `json:"maKetQua"`
	Reference string    `json:"maGiaoDich"`
	Record    string    `json:"maHoSo,omitempty"`
	State     string    `json:"trangThai"`
	Problems  []Problem `json:"dsLoi,omitempty"`
}

// The values of maKetQua (domain/vietnam.md §2.1).
const (
	ok         = "200"
	badSession = "401"
	mayNot     = "403"
	broken     = "500" // nothing was decided: send again
	badSeal    = "125"
	badInput   = "205" // sending the same again gives the same
)

// codeOf is the value of maKetQua that stands for a fault.
func codeOf(f *fault.Error) string {
	switch {
	case strings.HasPrefix(f.Code, "seal."):
		return badSeal
	case f.Code == "facility.unknown":
		return mayNot
	}
	switch f.Kind {
	case fault.Unauthenticated:
		return badSession
	case fault.Withheld:
		return mayNot
	case fault.Invalid, fault.TooLarge, fault.Absent, fault.Conflict:
		return badInput
	}
	return broken
}

// refusalOf is the answer to what was not taken at all.
func refusalOf(f *fault.Error) any {
	return answer{Code: codeOf(f), Text: fmt.Sprintf("%s [%s]", f.Text.VI, f.Code), Fault: f.Code}
}

// code is the value of maKetQua for one dossier.
func (x Item) code() string {
	switch {
	case x.Deferred != nil:
		return broken
	case x.State == dossier.Rejected:
		return badInput
	}
	return ok
}

// answerOf is the answer to a file that was taken. Of several dossiers the worst
// one speaks: one not decided (the file is to be sent again), else one
// rejected, else the first. f is why something was not decided.
func answerOf(out Outcome) (a answer, f *fault.Error) {
	speaks, worst := 0, -1
	rejected, deferred := 0, 0
	for i, x := range out.Items {
		weight := 0
		switch x.code() {
		case broken:
			weight = 2
			deferred++
		case badInput:
			weight = 1
			rejected++
		}
		if weight > worst {
			speaks, worst = i, weight
		}
	}
	if len(out.Items) == 0 { // no submitter answers so
		f = fault.Of(fmt.Errorf("gateway: a file without dossiers was taken"))
		return answer{Code: codeOf(f), Text: f.Text.VI, Fault: f.Code}, f
	}
	x := out.Items[speaks]
	a = answer{Code: x.code(), Reference: x.Reference, Record: x.Record, At: hanoi(out.At), Problems: x.Problems}
	if a.Text = x.sentence(); x.Deferred != nil {
		f = x.Deferred
		a.Fault, a.At = f.Code, ""
	}
	if x.State == dossier.Rejected && len(x.Problems) > 0 {
		a.Fault = firstError(x.Problems).Code
	}
	if n := len(out.Items); n > 1 {
		a.Text = fmt.Sprintf("Tệp có %d hồ sơ: %d được nhận, %d bị trả lại, %d chưa xử lý. %s", n, n-rejected-deferred, rejected, deferred, a.Text)
		for _, x := range out.Items {
			p := part{x.code(), x.Reference, x.Record, string(x.State), x.Problems}
			if x.Deferred != nil {
				p.State = "deferred"
			}
			a.Dossiers = append(a.Dossiers, p)
		}
	}
	return a, f
}

func (a answer) state(out Outcome) string {
	for _, x := range out.Items {
		if x.Reference == a.Reference && x.Record == a.Record {
			return string(x.State)
		}
	}
	return ""
}

// told is how many problems a sentence names.
const told = 3

// sentence says in Vietnamese what became of a dossier, by our codes, and what to do.
func (x Item) sentence() string {
	switch {
	case x.Deferred != nil:
		return fmt.Sprintf("%s [%s]", x.Deferred.Text.VI, x.Deferred.Code)
	case x.State == dossier.Rejected:
		return "Hồ sơ bị trả lại, chưa được dùng. " + list(x.Problems, "error") + " Sửa rồi gửi lại; tra biên nhận theo maGiaoDich."
	case x.State == Waiting:
		return "Đã lưu tại máy trạm, đang chờ gửi lên hub. Tra kết quả theo maGiaoDich."
	case x.State == dossier.Superseded:
		return "Hồ sơ này đã có bản mới thay thế."
	case x.State == dossier.Withdrawn:
		return "Hồ sơ này đã được cơ sở rút lại."
	case x.State == dossier.Erased:
		return "Hồ sơ này đã được xóa theo quyết định."
	}
	text := "Tiếp nhận thành công."
	if x.Replay {
		text = "Hồ sơ này đã tiếp nhận trước đó; giữ nguyên kết quả cũ."
	}
	if x.State == dossier.AcceptedWithWarnings {
		text += " Cần xem lại: " + list(x.Problems, "error", "warning")
	}
	return text
}

// list names the first problems, by severity.
func list(all []Problem, severities ...string) string {
	var b strings.Builder
	var named []Problem
	for _, severity := range severities {
		for _, p := range all {
			if p.Severity == severity {
				named = append(named, p)
			}
		}
	}
	n := 0
	for _, p := range named {
		if n++; n > told {
			continue // counted below
		}
		place := strings.Trim(p.Table+"."+p.Field, ".")
		if p.Row > 0 {
			place += fmt.Sprintf(" dòng %d", p.Row)
		}
		if place != "" {
			place = " (" + strings.TrimSpace(place) + ")"
		}
		fmt.Fprintf(&b, "[%s]%s %s ", p.Code, place, strings.TrimSpace(p.Text+" "+p.Hint))
	}
	if n > told {
		fmt.Fprintf(&b, "Còn %d lỗi khác.", n-told)
	}
	return strings.TrimSpace(b.String())
}

func firstError(all []Problem) Problem {
	for _, p := range all {
		if p.Severity == "error" {
			return p
		}
	}
	return Problem{}
}

// hanoi writes a moment as the insurer does.
func hanoi(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(time.FixedZone("", 7*60*60)).Format("20060102150405") // no other offset since 1975
}

// write answers with JSON as HIS code takes it apart: without blanks, with
// every character as it is.
func (g *Gateway) write(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		g.Logger.Error("answer not written", "error", err)
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) // who has gone sends again
}
