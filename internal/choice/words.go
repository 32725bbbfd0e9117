package choice

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/law"
)

// Says puts a receipt in sentences: who said what, about which records, when it
// holds, by which law and how it was given. Facilities are named by their code,
// kinds and visits are counted: whoever reads it has no directory.
func (r *Receipt) Says() fault.Text {
	t := fault.Text{VI: "Theo biên nhận của " + r.Issuer + ", ", EN: "According to the receipt of " + r.Issuer + ", "}
	add := func(x fault.Text) { t.VI += x.VI; t.EN += x.EN }
	add(signers[consent.Signer(r.Signer)].or(r.Signer))
	add(fault.Text{VI: " " + r.verb().VI, EN: " " + r.verb().EN})
	add(r.Scope.says())
	add(r.purpose())
	add(r.times())
	if r.Channel != "" {
		c := channels[r.Channel].or(r.Channel)
		add(fault.Text{VI: " Cách nói: " + c.VI + ".", EN: " Given " + c.EN + "."})
	}
	if r.Law.Text != (fault.Text{}) {
		add(fault.Text{VI: " Căn cứ: " + r.Law.Text.VI + ".", EN: " By: " + r.Law.Text.EN + "."})
	}
	add(fault.Text{VI: " Biên nhận nói điều đã ghi lúc đó, không nói rằng nay còn hiệu lực.", EN: " It tells what was recorded then, not that it still holds."})
	return fault.Text{VI: printed(t.VI), EN: printed(t.EN)}
}

// printed leaves out what a terminal would obey: the words may be anybody's.
func printed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}

// words is a text that a code has; one without says the code.
type words fault.Text

func (w words) or(code string) fault.Text {
	if w == (words{}) {
		return fault.Text{VI: code, EN: code}
	}
	return fault.Text(w)
}

var signers = map[consent.Signer]words{
	"":               {VI: "một người", EN: "a person"},
	consent.Self:     {VI: "chính người bệnh", EN: "the person themself"},
	consent.Guardian: {VI: "người đại diện của người bệnh", EN: "the person's representative"},
	consent.Both:     {VI: "người bệnh cùng người đại diện", EN: "the person together with their representative"},
	consent.Proxy:    {VI: "người được ủy quyền", EN: "somebody the person authorised"},
}

var channels = map[string]words{
	"vneid":         {VI: "trên VNeID", EN: "in VNeID"},
	"portal":        {VI: "trên cổng thông tin", EN: "on the portal"},
	"counter_otp":   {VI: "tại quầy, bằng mã", EN: "at a counter, by a code"},
	"counter_paper": {VI: "tại quầy, phiếu giấy", EN: "at a counter, on paper"},
}

// verb is what was done, by the state and the effect.
func (r *Receipt) verb() fault.Text {
	deny := r.Effect == consent.Deny
	did := words{}
	switch r.State {
	case consent.Requested, consent.Shown:
		did = words{VI: "được hỏi và chưa trả lời về việc", EN: "was asked, and has not answered, about"}
	case consent.Refused:
		did = words{VI: "đã từ chối việc", EN: "refused"}
	case consent.TimedOut:
		did = words{VI: "không trả lời kịp về việc", EN: "did not answer in time about"}
	case consent.Revoked:
		did = words{VI: "đã thu hồi việc", EN: "took back"}
	case consent.Expired:
		did = words{VI: "đã để hết hạn việc", EN: "let run out"}
	case consent.Granted, consent.Active:
		did = words{VI: "đã nói:", EN: "said:"}
	}
	t := did.or(string(r.State))
	if deny {
		return fault.Text{VI: t.VI + " không cho xem", EN: t.EN + " nobody may see, as far as named here,"}
	}
	return fault.Text{VI: t.VI + " cho phép xem", EN: t.EN + " permission to see"}
}

// says tells what records of whom, and who reads.
func (s *ReceiptScope) says() fault.Text {
	vi, en := []string{" hồ sơ"}, []string{" records"}
	part := func(v, e string) { vi, en = append(vi, v), append(en, e) }
	if len(s.Authors) > 0 {
		part("của cơ sở "+codes(s.Authors), "of facility "+codes(s.Authors))
	}
	if len(s.Kinds) > 0 {
		part("loại "+strings.Join(s.Kinds, ", "), "of kind "+strings.Join(s.Kinds, ", "))
	}
	for _, v := range s.Visits {
		part("của một lượt khám tại cơ sở "+string(v.Facility), "of a visit at facility "+string(v.Facility))
	}
	if len(s.Classes) > 0 {
		part("phần nhạy cảm "+strings.Join(s.Classes, ", "), "of the sensitive classes "+strings.Join(s.Classes, ", "))
	}
	if s.From != 0 {
		part("nhận từ "+moment(s.From), "received since "+moment(s.From))
	}
	if s.To != 0 {
		part("nhận đến "+moment(s.To), "received until "+moment(s.To))
	}
	if len(s.Readers) > 0 {
		part("với cơ sở "+codes(s.Readers), "for the facility "+codes(s.Readers))
	} else {
		part("với mọi cơ sở", "for all facilities")
	}
	return fault.Text{VI: strings.Join(vi, " "), EN: strings.Join(en, " ")}
}

func codes(list []care.FacilityCode) string {
	out := make([]string, 0, len(list))
	for _, f := range slices.Sorted(slices.Values(list)) {
		out = append(out, string(f))
	}
	return strings.Join(out, ", ")
}

func (r *Receipt) purpose() fault.Text {
	t := fault.Text{VI: ".", EN: "."}
	if use, ok := law.Purpose(string(r.Purpose)); ok {
		t = fault.Text{VI: ", mục đích: " + use.Title.VI + ".", EN: ", purpose: " + use.Title.EN + "."}
	} else if r.Purpose != "" {
		t = fault.Text{VI: ", mục đích: " + string(r.Purpose) + ".", EN: ", purpose: " + string(r.Purpose) + "."}
	}
	if r.Emergency {
		t.VI += " Cả khi cấp cứu."
		t.EN += " In an emergency too."
	}
	return t
}

func (r *Receipt) times() fault.Text {
	var t fault.Text
	for _, x := range []struct {
		at     int64
		vi, en string
	}{{r.Asked, " Được hỏi lúc ", " Asked at "}, {r.Decided, " Nói lúc ", " Said at "}, {r.Since, " Có hiệu lực từ ", " It holds from "},
		{r.Until, " Đến ", " Until "}, {r.Ended, " Kết thúc lúc ", " Ended at "}} {
		if x.at != 0 {
			t.VI += x.vi + moment(x.at) + "."
			t.EN += x.en + moment(x.at) + "."
		}
	}
	if r.Until == 0 && r.State == consent.Active {
		t.VI += " Không có hạn, đến khi thu hồi."
		t.EN += " Until it is taken back."
	}
	return t
}

// moment writes seconds as a time of Vietnam.
func moment(at int64) string {
	return time.Unix(at, 0).In(clock.Hanoi).Format("15:04 02/01/2006")
}
