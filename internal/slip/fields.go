package slip

import (
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
)

// OfFields returns how long a slip holds by what its fields say (XML13, XML14): a
// referral from the end of the visit on (a receiver may read NGAY_HET_HAN where a
// sender writes one), an appointment until its day. field gives the text of one, ""
// where it is absent.
func OfFields(form Form, field func(name string) string) Validity {
	moment := func(names ...string) care.Moment {
		for _, name := range names {
			if m, err := care.ParseMoment(field(name)); err == nil && m.Precision() >= care.ByDay {
				return m
			}
		}
		return care.Moment{}
	}
	icd := append(strings.Split(field("MA_BENH_KT"), ";"), field("MA_BENH_CHINH"))
	issued := moment("NGAY_CT", "NGAY_RA", "NGAY_VAO")
	if form == Appointment {
		return Of(form, issued, moment("NGAY_HEN_KL"), icd...)
	}
	v := Of(form, issued, care.Moment{}, icd...)
	if stated := moment("NGAY_HET_HAN", "GIA_TRI_DEN_NGAY"); !stated.IsZero() {
		v.Until = care.MomentOf(time.Date(stated.Year(), stated.Month(), stated.Day()%100, 0, 0, 0, 0, clock.Hanoi))
	}
	return v
}
