// Package vneid speaks to the citizen's electronic health book on VNeID: it makes a
// visit's entry of a dossier and hands it over. No public description of that
// interface exists: the shape here is this project's own proposal over the fields
// of QĐ 1332/2024 and QĐ 2733/2024, behind an adapter that a real one replaces.
package vneid

import (
	"slices"
	"strings"

	"lienthong/internal/dossier"
)

// Entry is one visit or stay as the health book keeps it: who, when, what was
// found, given and advised. It is named by facility and MA_LK, and a later
// version takes the place of an earlier one; the insurer's gateway passes
// entries on under the same name, which is how the book knows them for one.
//
// The official mapping (QĐ 2733/2024, annex 2) was not at hand; which fields go
// is this table's reading of the 46 fields of QĐ 1332/2024 and is data.
type Entry struct {
	Facility string    `json:"ma_cskcb"`
	Episode  string    `json:"ma_lk"`
	Version  int       `json:"phien_ban"`
	Record   string    `json:"nguon"` // the hub's record it was made of
	Person   fields    `json:"hanh_chinh"`
	Visit    fields    `json:"dot_kham"`
	Drugs    rows      `json:"thuoc,omitempty"`
	Services rows      `json:"dich_vu,omitempty"`
	Results  rows      `json:"can_lam_sang,omitempty"`
	Summary  fields    `json:"tom_tat,omitempty"`
	Revoked  *Revoking `json:"thu_hoi,omitempty"` // the facility took it back: the other parts are empty
}

// Revoking says why an entry is taken back.
type Revoking struct {
	Reason string `json:"ly_do"`
}

// fields are values by the name of their field in lower case, as the whole
// entry is written; empty ones are left out.
type fields map[string]string

type rows []fields

// part is which fields of a table go.
type part struct {
	table string
	names []string
}

// parts returns the mapping.
func parts() (person, visit, drugs, services, results, summary part) {
	return part{"XML1", []string{"HO_TEN", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "NHOM_MAU", "MA_QUOCTICH", "MA_DANTOC", "MA_NGHE_NGHIEP", "DIA_CHI",
			"MATINH_CU_TRU", "MAXA_CU_TRU", "DIEN_THOAI", "MA_THE_BHYT"}},
		part{"XML1", []string{"MA_LOAI_KCB", "NGAY_VAO", "NGAY_VAO_NOI_TRU", "NGAY_RA", "SO_NGAY_DTRI", "LY_DO_VV", "LY_DO_VNT", "CHAN_DOAN_VAO",
			"CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH_YHCT", "MA_TAI_NAN", "PP_DIEU_TRI", "KET_QUA_DTRI", "MA_LOAI_RV", "MA_KHOA",
			"CAN_NANG", "NGAY_TAI_KHAM", "MA_NOI_DI", "MA_NOI_DEN"}},
		part{"XML2", []string{"MA_THUOC", "TEN_THUOC", "HAM_LUONG", "DUONG_DUNG", "DANG_BAO_CHE", "LIEU_DUNG", "CACH_DUNG", "SO_LUONG", "DON_VI_TINH", "NGAY_YL"}},
		part{"XML3", []string{"MA_DICH_VU", "TEN_DICH_VU", "TEN_VAT_TU", "SO_LUONG", "DON_VI_TINH", "NGAY_YL", "NGAY_TH_YL", "NGAY_KQ", "VI_TRI_TH_DVKT"}},
		part{"XML4", []string{"MA_DICH_VU", "MA_CHI_SO", "TEN_CHI_SO", "GIA_TRI", "DON_VI_DO", "MO_TA", "KET_LUAN", "NGAY_KQ"}},
		part{"XML8", []string{"HO_TEN_CHA", "HO_TEN_ME", "NGUOI_GIAM_HO", "QT_BENHLY", "TOMTAT_KQ", "PP_DIEUTRI", "CHAN_DOAN_VAO", "CHAN_DOAN_RV",
			"KET_QUA_DTRI", "NGAY_SINHCON", "NGAY_CONCHET", "SO_CONCHET", "NGAY_CT", "GHI_CHU"}}
}

// Make builds the entry of a dossier from the tables a reader may see.
func Make(facility, episode, record string, version int, c *dossier.Content) *Entry {
	person, visit, drugs, services, results, summary := parts()
	return &Entry{Facility: facility, Episode: episode, Version: version, Record: record,
		Person: person.first(c), Visit: visit.first(c), Drugs: drugs.all(c), Services: services.all(c), Results: results.all(c), Summary: summary.first(c)}
}

// first gives the fields of the table's first row.
func (p part) first(c *dossier.Content) fields {
	if all := p.all(c); len(all) > 0 {
		return all[0]
	}
	return fields{}
}

func (p part) all(c *dossier.Content) rows {
	t := c.Table(p.table)
	if t == nil {
		return nil
	}
	out := make(rows, 0, len(t.Rows))
	for i := range t.Rows {
		f := make(fields, len(p.names))
		for _, n := range p.names {
			v := t.Cell(i, n).Text
			if n == "MA_THE_BHYT" { // several cards of one stay: the first names the person
				v, _, _ = strings.Cut(v, ";")
			}
			if v != "" {
				f[strings.ToLower(n)] = v
			}
		}
		if len(f) > 0 {
			out = append(out, f)
		}
	}
	return slices.Clip(out)
}
