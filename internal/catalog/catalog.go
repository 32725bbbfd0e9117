// Package catalog holds the code lists that dossiers refer to, each entry with
// the days it is valid, labels in Vietnamese and English, the provinces before
// and after the mergers of 2025, and the form and sex limits of ICD-10 codes.
//
// It is not for rules (quality says what follows from a code that is not on
// its list), not for facilities (facility), and holds no wards, drugs,
// services or the full ICD-10: those are loaded by the operator.
//
// The numbers and dates are readings of the decisions named beside each list,
// not yet compared with the signed texts.
package catalog

// List names one code list, by the field it belongs to.
type List string

// The lists, with the decision each entry comes from.
const (
	VisitType    List = "MA_LOAI_KCB"     // QĐ 3176/QĐ-BYT; 11-16 QĐ 1804/QĐ-BYT 2026, from 2026-08-01
	Entitlement  List = "MA_DOITUONG_KCB" // QĐ 3276/QĐ-BYT 2025
	Outcome      List = "KET_QUA_DTRI"    // QĐ 4750/QĐ-BYT 2023
	Discharge    List = "MA_LOAI_RV"      // QĐ 4750/QĐ-BYT 2023
	Accident     List = "MA_TAI_NAN"      // QĐ 4750/QĐ-BYT 2023
	Scope        List = "PHAM_VI"         // QĐ 4750/QĐ-BYT 2023
	Payer        List = "NGUON_CTRA"      // QĐ 4750/QĐ-BYT 2023
	Payment      List = "MA_PTTT"         // QĐ 4750/QĐ-BYT 2023
	Sex          List = "GIOI_TINH"       // QĐ 4750/QĐ-BYT 2023; other systems number differently
	EthnicGroup  List = "MA_DANTOC"       // 01-54, 55 foreigner, 99 not known
	ProvinceCode List = "MATINH_CU_TRU"   // 34 since 2025-07-01, 63 before
	Area         List = "MA_KHUVUC"       // QĐ 4750/QĐ-BYT 2023
)

// Entry is one code of a list. From and Until are days as yyyyMMdd, both
// included; 0 means without bound.
type Entry struct {
	Code   string
	VI, EN string
	From   int
	Until  int
}

// On reports whether the entry is valid on that day (yyyyMMdd). Day 0, not
// stated, is inside every validity.
func (e Entry) On(day int) bool {
	return day == 0 || (day >= e.From && (e.Until == 0 || day <= e.Until))
}

// Lists names all lists in a fixed order.
func Lists() []List {
	return []List{VisitType, Entitlement, Outcome, Discharge, Accident, Scope, Payer, Payment, Sex, EthnicGroup, ProvinceCode, Area}
}

// Entries returns a list in order, nil for one that is not here; callers must
// not change it. A code may stand twice with different days.
func Entries(list List) []Entry {
	switch list {
	case VisitType:
		return visitTypes
	case Entitlement:
		return entitlements
	case Outcome:
		return outcomes
	case Discharge:
		return discharges
	case Accident:
		return accidents
	case Scope:
		return scopes
	case Payer:
		return payers
	case Payment:
		return payments
	case Sex:
		return sexes
	case EthnicGroup:
		return ethnicGroups
	case ProvinceCode:
		return provinceEntries()
	case Area:
		return areas
	}
	return nil
}

// Has looks a code up on a day (yyyyMMdd, 0 for any). ok: the code is valid on
// that day. known: the code is on the list at some time, so that a code out of
// its days can be told from one that never was. Codes are compared as they
// stand: "1" is not "01".
func Has(list List, code string, day int) (ok, known bool) {
	for _, e := range Entries(list) {
		if e.Code == code {
			known = true
			if e.On(day) {
				return true, true
			}
		}
	}
	return false, known
}

// Label returns what a code means in lang ("en", else Vietnamese), "" for a
// code the list does not have. Of a code with several validities the newest
// speaks.
func Label(list List, code, lang string) string {
	label := ""
	for _, e := range Entries(list) {
		if e.Code != code {
			continue
		}
		label = e.VI
		if lang == "en" {
			label = e.EN
		}
		if e.Until == 0 {
			return label
		}
	}
	return label
}
