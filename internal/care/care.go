// Package care holds the words every other package shares, as types: facility
// code, citizen and insurance numbers, episode, sex, partial date-times, and
// the folding and sorting of Vietnamese text. A value is parsed once at the
// door and is valid ever after; a zero value means "not stated".
//
// It is not for rules about dossiers (quality), nor for looking anything up
// (facility, catalog). No sentence of an error holds the value that caused it.
package care

import (
	"strings"
	"unicode/utf8"

	"lienthong/internal/fault"
)

// Faults of this file; all are fault.Invalid.
var (
	ErrFacilityCode = fault.New(fault.Invalid, "care.facility_code",
		"Mã cơ sở khám bệnh, chữa bệnh phải gồm đúng 5 ký tự chữ số hoặc chữ in hoa.",
		"A facility code is exactly 5 characters, digits or capital letters.")
	ErrEpisodeEmpty = fault.New(fault.Invalid, "care.episode_empty",
		"Mã lần khám bệnh, chữa bệnh (MA_LK) để trống.",
		"The episode code (MA_LK) is empty.")
	ErrEpisodeLong = fault.New(fault.Invalid, "care.episode_long",
		"Mã lần khám bệnh, chữa bệnh (MA_LK) dài quá 100 ký tự.",
		"The episode code (MA_LK) is longer than 100 characters.")
	ErrSexEmpty = fault.New(fault.Invalid, "care.sex_empty",
		"Giới tính để trống.", "The sex is empty.")
	ErrSexCode = fault.New(fault.Invalid, "care.sex_code",
		"Giới tính phải là 1 (nam), 2 (nữ) hoặc 3 (chưa xác định).",
		"The sex must be 1 (male), 2 (female) or 3 (undetermined).")
)

// FacilityCode is MA_CSKCB: 5 characters of 0-9 A-Z. Nothing may be derived
// from its prefix: provinces merged, codes stayed (DESIGN §3 "facility").
type FacilityCode string

// ParseFacilityCode reads a code, surrounding white space aside. Lower case is
// refused, as the code list has none. Fault: care.facility_code.
func ParseFacilityCode(s string) (FacilityCode, error) {
	s = strings.TrimSpace(s)
	if len(s) != 5 {
		return "", ErrFacilityCode
	}
	for i := range len(s) {
		if !isDigit(s[i]) && !isUpper(s[i]) {
			return "", ErrFacilityCode
		}
	}
	return FacilityCode(s), nil
}

// EpisodeMax is the greatest length of MA_LK in code points (QĐ 4750).
const EpisodeMax = 100

// EpisodeID is MA_LK without surrounding white space: the facility's own name
// of one episode, unique only together with the facility. It is compared by
// code point: no case folding, no normalisation (DESIGN §6).
type EpisodeID string

// ParseEpisodeID trims Unicode white space and counts code points.
// Faults: care.episode_empty (also when blank), care.episode_long.
func ParseEpisodeID(s string) (EpisodeID, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", ErrEpisodeEmpty
	}
	if len(s) > EpisodeMax && utf8.RuneCountInString(s) > EpisodeMax {
		return "", ErrEpisodeLong
	}
	return EpisodeID(s), nil
}

// Sex is the code of the QĐ 4750 family. Other systems number differently
// (the national prescription system: 1 undetermined, 2 male, 3 female): map at
// each adapter, never share the number.
type Sex int

// The sexes of QĐ 4750; the zero Sex means not stated.
const (
	Male         Sex = 1
	Female       Sex = 2
	Undetermined Sex = 3
)

// ParseSex reads the XML code "1", "2" or "3", white space aside.
// Faults: care.sex_empty, care.sex_code.
func ParseSex(s string) (Sex, error) {
	switch strings.TrimSpace(s) {
	case "":
		return 0, ErrSexEmpty
	case "1":
		return Male, nil
	case "2":
		return Female, nil
	case "3":
		return Undetermined, nil
	}
	return 0, ErrSexCode
}

// String names the sex in English for logs and tests; pages have their own words.
func (s Sex) String() string {
	switch s {
	case Male:
		return "male"
	case Female:
		return "female"
	case Undetermined:
		return "undetermined"
	}
	return "not stated"
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isUpper(c byte) bool { return c-'A' <= 'Z'-'A' }

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// compact drops every white space rune and turns ASCII letters to capitals:
// numbers typed by hand come with blanks inside.
func compact(s string) string {
	clean := true
	for i := range len(s) {
		if !isDigit(s[i]) && !isUpper(s[i]) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.ToUpper(strings.Join(strings.Fields(s), ""))
}
