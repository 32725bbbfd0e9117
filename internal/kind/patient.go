package kind

import (
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
)

// EpisodeOf returns MA_LK, white space around it dropped: XML1's, without an
// XML1 XML0's, else that of the first table that states one.
func EpisodeOf(c dossier.Fields) string { return stated(c, "MA_LK") }

// PatientOf returns whom the tables speak of. As for EpisodeOf, XML1 goes before
// XML0 and before the others: fields of mothers, fathers and newborns have other
// names and are never taken.
func PatientOf(c dossier.Fields) Patient {
	card, _, _ := strings.Cut(stated(c, "MA_THE_BHYT"), ";")
	return Patient{
		LocalID:   stated(c, "MA_BN"),
		Name:      stated(c, "HO_TEN"),
		CitizenID: stated(c, "SO_CCCD"),
		Card:      strings.TrimSpace(card),
		Birth:     stated(c, "NGAY_SINH"),
		Sex:       stated(c, "GIOI_TINH"),
		Ward:      stated(c, "MAXA_CU_TRU"),
		Phone:     stated(c, "DIEN_THOAI"),
	}
}

// stated returns a field of the table that speaks for the dossier. A summary
// that leaves a field empty is believed: no other table fills it.
func stated(c dossier.Fields, field string) string {
	for _, name := range [...]string{"XML1", "XML0"} {
		if t := c.Table(name); t != nil {
			return strings.TrimSpace(t.Cell(0, field).Text)
		}
	}
	for _, t := range c.Tables() {
		if text := strings.TrimSpace(t.Cell(0, field).Text); text != "" {
			return text
		}
	}
	return ""
}

// SubjectByNumber is how a patient is known at a facility whose document names
// them by nothing but the citizen number: a LocalID that no hospital system
// gives. "" without a number.
func SubjectByNumber(citizen string) string {
	if id, err := care.ParseCitizenID(citizen); err == nil {
		return "cccd:" + string(id)
	}
	return ""
}
