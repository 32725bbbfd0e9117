package policy

import (
	"strings"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/law"
)

// Explain says in two languages why the answer was so: by which rule, on which
// facts, by which source and whether its reading is confirmed. It names no person.
// Whoever was refused is not shown it: what is refused looks absent; it is for the
// citizen, and for whoever reviews.
func (s *Set) Explain(a Answer, q Question) fault.Text {
	r, ok := s.Rule(a.Policy)
	t := none
	switch {
	case ok && a.Permit:
		t = fault.Text{VI: "Được phép. " + r.Says.VI, EN: "Allowed. " + r.Says.EN}
	case ok:
		t = fault.Text{VI: "Bị từ chối. " + r.Says.VI, EN: "Refused. " + r.Says.EN}
	case a.Policy == candidate:
		t = fault.Text{VI: "Để tìm xem một người bệnh chưa rõ danh tính là ai: chỉ so tên, năm sinh, giới tính, điện thoại, xã; không mở nội dung y tế.",
			EN: "To find out who a patient without a name is: only name, year of birth, sex, telephone and commune were compared; nothing clinical was opened."}
	case a.Policy == register:
		t = fault.Text{VI: "Để đối chiếu với sổ dân cư: chỉ gửi số định danh, họ tên, ngày sinh, giới tính; không gửi nội dung y tế.",
			EN: "To verify with the population register: only number, name, birth date and sex were sent; nothing clinical."}
	case a.Policy == features:
		t = fault.Text{VI: "Hub tự làm: lấy tên, năm sinh, điện thoại, xã để sau này tìm được người này khi cấp cứu mà chưa rõ danh tính; chỉ giữ mã băm; không ai xem nội dung y tế.",
			EN: "By the hub itself: name, year of birth, telephone and commune were taken so that this person can be found in an emergency without a name; only keyed hashes are kept, and nobody saw anything clinical."}
	case a.Policy != "":
		t = fault.Text{VI: "Theo một quy tắc cũ, nay không còn trong hệ thống.", EN: "By an earlier rule that is no longer in force here."}
	}
	if a.Version != "" && a.Version != s.version && a.Policy != "" && ok {
		t.VI += " (Quyết định theo bản quy tắc trước.)"
		t.EN += " (Decided by an earlier version of the rules.)"
	}
	if facts := factsOf(q); len(facts) > 0 {
		t.VI += " Dữ kiện: " + join(facts, "vi") + "."
		t.EN += " Facts: " + join(facts, "en") + "."
	}
	if ok {
		source := law.Text(r.Law)
		t.VI += " Căn cứ: " + source.VI + "."
		t.EN += " Source: " + source.EN + "."
	}
	return t
}

// candidate is what package disclose writes for a look at who somebody may be.
const candidate = "candidate"

// register is what it writes for what the population register is told.
const register = "register"

// features is what it writes for what people are looked for by later.
const features = "features"

// own is the kind of what a person states of themself.
const own = "own"

// none is said where no policy permitted.
var none = fault.Text{
	VI: "Bị từ chối. Không có quy tắc nào cho phép; không được phép thì mặc định là từ chối.",
	EN: "Refused. No rule permits it, and what no rule permits is refused.",
}

func join(facts []fault.Text, lang string) string {
	words := make([]string, len(facts))
	for i, f := range facts {
		words[i] = f.In(lang)
	}
	return strings.Join(words, "; ")
}

// factsOf says the facts of a question in words, those that stood.
func factsOf(q Question) []fault.Text {
	var out []fault.Text
	add := func(is bool, vi, en string) {
		if is {
			out = append(out, fault.Text{VI: vi, EN: en})
		}
	}
	at := q.Role.At()
	add(at != "" && at == q.Author, "hồ sơ do chính cơ sở lập", "the facility wrote the record itself")
	add(q.Kind == own, "do chính người bệnh khai", "the person stated it themself")
	add(at != "" && at != q.Author && q.Kind != own, "hồ sơ do cơ sở khác lập", "another facility wrote the record")
	if u, ok := law.Basis(string(q.Basis)); ok {
		add(true, "căn cứ xem là: "+lower(u.Title.VI), "the basis is: "+lower(u.Title.EN))
	} else {
		add(true, "không có căn cứ xem nào", "there is no basis of reading")
	}
	if u, ok := law.Purpose(string(q.Purpose)); ok {
		add(true, "mục đích: "+lower(u.Title.VI), "the purpose is: "+lower(u.Title.EN))
	}
	add(q.Staff, "người xem là nhân viên có tên trong hệ thống", "a named member of staff asked")
	add(q.Reason, "có ghi lý do", "a reason was given")
	add(q.SteppedUp, "đã xác thực lại", "they proved again who they are")
	add(q.Permitted, "có sự đồng ý bao gồm hồ sơ này", "a consent covers this record")
	add(q.Denied, "có từ chối bao gồm hồ sơ này", "a denial covers this record")
	add(q.DeniedToo, "từ chối có hiệu lực cả khi cấp cứu", "the denial holds in an emergency too")
	add(q.Closed, "nơi nhận được phép nhận dữ liệu nhạy cảm", "the receiver may take sensitive data")
	classes := func(c care.Classes, vi, en string) {
		if names := classTexts(c); len(names) > 0 {
			add(true, vi+join(names, "vi"), en+join(names, "en"))
		}
	}
	classes(q.Classes, "hồ sơ có dữ liệu nhạy cảm: ", "the record holds sensitive data: ")
	classes(q.Opened, "sự đồng ý nêu rõ loại: ", "the consent names: ")
	return out
}

// classTexts are the sensitive classes as people read them.
func classTexts(c care.Classes) []fault.Text {
	all := map[care.Classes]fault.Text{
		care.HIV:                  {VI: "HIV", EN: "HIV"},
		care.TB:                   {VI: "lao", EN: "tuberculosis"},
		care.MentalHealth:         {VI: "sức khỏe tâm thần", EN: "mental health"},
		care.PregnancyTermination: {VI: "đình chỉ thai nghén", EN: "termination of pregnancy"},
	}
	var out []fault.Text
	for bit := care.Classes(1); bit <= care.AllClasses && bit != 0; bit <<= 1 {
		if t, ok := all[c&bit]; ok {
			out = append(out, t)
		}
	}
	return out
}

// lower writes the first letter small: a title inside a sentence.
func lower(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToLower(s[:n]) + s[n:]
}
