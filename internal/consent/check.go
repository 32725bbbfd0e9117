package consent

import (
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

var (
	// ErrOtherPerson: a say for another person by somebody who does not say so.
	ErrOtherPerson = fault.New(fault.Withheld, "consent.other_person",
		"Không thể đồng ý hoặc từ chối thay người khác khi không phải là người đại diện.",
		"Nobody can agree or deny for another person without acting for them.")
	// ErrPurpose: a permission without a purpose, or one that is not listed.
	ErrPurpose = fault.New(fault.Invalid, "consent.purpose",
		"Chọn một mục đích cho sự đồng ý.", "Choose one purpose for the consent.")
	// ErrEffect: neither a permission nor a denial, or a permission for emergencies.
	ErrEffect = fault.New(fault.Invalid, "consent.effect",
		"Chọn đồng ý hoặc từ chối. Chỉ lời từ chối mới nói về trường hợp cấp cứu.",
		"Choose to permit or to deny. Only a denial speaks of emergencies.")
	// ErrFacility: the scope names a facility that there is not, or none where one is needed.
	ErrFacility = fault.New(fault.Invalid, "consent.facility",
		"Cơ sở được chọn không có trong danh mục. Dữ liệu nhạy cảm phải nêu rõ cơ sở được xem.",
		"The facility chosen is not in the directory. For sensitive data say which facility may read.")
	// ErrKind: the scope names a kind of record that there is not.
	ErrKind = fault.New(fault.Invalid, "consent.kind",
		"Loại hồ sơ được chọn không có.", "The kind of record chosen does not exist.")
	// ErrTime: it ends before it begins, or has no time left.
	ErrTime = fault.New(fault.Invalid, "consent.time",
		"Thời gian không hợp lệ: ngày kết thúc phải sau ngày bắt đầu và sau hôm nay.",
		"This time cannot be: the end must be after the beginning, and after now.")
	// ErrTooLarge: a scope with too many entries.
	ErrTooLarge = fault.New(fault.TooLarge, "consent.too_large",
		"Lựa chọn có quá nhiều mục. Chia thành nhiều lựa chọn, mỗi lựa chọn tối đa 100 mục.",
		"This choice names too much. Make several, each of at most 100 entries.")
	// ErrProof: how it was said cannot be shown.
	ErrProof = fault.New(fault.Invalid, "consent.proof",
		"Cần bản quét giấy có chữ ký, hoặc mã xác nhận gửi tới điện thoại đã đăng ký.",
		"It needs the scan of the signed paper, or the code sent to the registered phone.")
)

// MostEntries is how many entries a list of a scope may have.
const MostEntries = 100

// Purposes lists all purposes.
func Purposes() []Purpose {
	return []Purpose{Treatment, Referral, SecondOpinion, Insurance, PublicHealth, Research, Administrative}
}

// Channels lists how something may be said.
func Channels() []string { return []string{"vneid", "portal", "counter_otp", "counter_paper"} }

// Known says what there is.
type Known struct {
	Facility func(care.FacilityCode) bool
	Kind     func(string) bool
}

// Check refuses a say that cannot be, before it is kept. Who says it is Signed's.
// Faults: consent.other_person (no person), consent.effect, consent.purpose,
// consent.facility, consent.kind, consent.time, consent.too_large, consent.proof.
func Check(c *Consent, known Known, at time.Time) error {
	if c.Person == (care.Person{}) {
		return ErrOtherPerson
	}
	if c.Effect != Permit && c.Effect != Deny || c.Effect == Permit && c.Emergency {
		return ErrEffect
	}
	if !slices.Contains(Purposes(), c.Purpose) && (c.Effect == Permit || c.Purpose != "") {
		return ErrPurpose
	}
	if err := checkScope(c, known); err != nil {
		return err
	}
	switch s := &c.Scope; {
	case !s.From.IsZero() && !s.To.IsZero() && !s.To.After(s.From):
		return ErrTime
	case !c.Until.IsZero() && (!c.Until.After(c.Since) || !c.Until.After(at)):
		return ErrTime
	case c.Effect == Deny && !c.Since.IsZero():
		return ErrTime // a denial holds from when it is said
	}
	open := c.State == Requested || c.State == Shown
	if !open && !slices.Contains(Channels(), c.Channel) || c.Channel == "counter_paper" && !open && c.Proof == [32]byte{} {
		return ErrProof
	}
	return nil
}

func checkScope(c *Consent, known Known) error {
	s := &c.Scope
	if len(s.Readers) > MostEntries || len(s.Authors) > MostEntries || len(s.Kinds) > MostEntries || len(s.Visits) > MostEntries {
		return ErrTooLarge
	}
	for _, list := range [][]care.FacilityCode{s.Readers, s.Authors, visited(s.Visits)} {
		for _, f := range list {
			if !known.Facility(f) {
				return ErrFacility
			}
		}
	}
	if c.Effect == Permit && len(s.Readers) == 0 && s.Classes != 0 || s.Classes&^care.AllClasses != 0 ||
		c.Asker != "" && !slices.Equal(s.Readers, []care.FacilityCode{c.Asker}) { // a facility asks for itself
		return ErrFacility
	}
	for _, k := range s.Kinds {
		if !known.Kind(k) {
			return ErrKind
		}
	}
	return nil
}

func visited(visits []Visit) []care.FacilityCode {
	out := make([]care.FacilityCode, len(visits))
	for i := range visits {
		out[i] = visits[i].Facility
	}
	return out
}
