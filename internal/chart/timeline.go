package chart

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/chart/readable"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/slip"
)

// Visit is what the documents of one visit say of it as a whole.
type Visit struct {
	Facility  care.FacilityCode `json:"facility"`
	Episode   string            `json:"-"` // MA_LK: no business of other facilities
	Type      string            `json:"type_code,omitempty"`
	TypeText  fault.Text        `json:"type,omitzero"`
	From      When              `json:"from,omitzero"`
	Until     When              `json:"until,omitzero"`
	Inpatient bool              `json:"inpatient"` // by its type, or by a time of admission to treatment
	Code      string            `json:"diagnosis_code,omitempty"`
	Diagnosis string            `json:"diagnosis,omitempty"`
	Outcome   fault.Text        `json:"outcome,omitzero"`
	Discharge fault.Text        `json:"discharge,omitzero"`
	Documents []Document        `json:"documents"`
	Source    Source            `json:"source"` // of the document the above is read from

	at time.Time
}

// Document is one record of a visit: of several versions the newest.
type Document struct {
	Record   dossier.ID   `json:"-"`
	Kind     string       `json:"kind"`
	Title    fault.Text   `json:"title"`
	Version  int          `json:"version,omitempty"`
	Versions int          `json:"versions"` // that were given, this one included
	Received time.Time    `json:"received"`
	Parts    []fault.Text `json:"parts,omitempty"` // titles of its tables
	Source   Source       `json:"source"`
}

// timelineOf lists visits, newest first.
func timelineOf(entries []reading) []Visit {
	var list []Visit
	at := map[string]int{}
	for i := range entries {
		r := &entries[i]
		if r.Kind == Own { // no visit
			continue
		}
		key := string(r.ID.Facility) + " " + r.episode
		k, met := at[key]
		if !met {
			k = len(list)
			at[key] = k
			list = append(list, Visit{Facility: r.ID.Facility, Episode: r.episode, at: r.when(), From: r.at})
		}
		list[k].take(r)
	}
	slices.SortStableFunc(list, func(a, b Visit) int {
		return cmp.Or(b.at.Compare(a.at), strings.Compare(string(a.Facility)+a.Episode, string(b.Facility)+b.Episode))
	})
	return list
}

// speaks orders the tables that can speak for a visit.
var speaks = []string{"XML1", "XML8", "XML7", "THONG_TIN_DIEU_TRI", "THONG_TIN_VAO_VIEN", "HO_SO_CAP_CUU", "KET_LUAN", "XML13", "XML14", "CHAN_DOAN", "XML0"}

func (v *Visit) take(r *reading) {
	d := Document{Record: r.ID, Kind: r.Kind, Title: r.View.Title, Version: r.Version, Versions: r.versions, Received: r.Received,
		Source: Source{Record: r.ID, Facility: r.ID.Facility, Kind: r.Kind, At: r.at, Received: r.Received, Title: r.View.Title}}
	spec := r.spec()
	for _, t := range r.tables() {
		if title := readable.Title(spec, t.Columns.Table); !slices.Contains(d.Parts, title) {
			d.Parts = append(d.Parts, title)
		}
	}
	v.Documents = append(v.Documents, d)
	for _, name := range speaks {
		for _, t := range r.tables() {
			if t.Columns.Table == name {
				v.read(r, t)
			}
		}
	}
	if v.Source.Record.IsZero() {
		v.Source = d.Source
	}
}

// read fills what is not known yet.
func (v *Visit) read(r *reading, t *dossier.Table) {
	if v.Type == "" {
		v.Type = text(t, 0, "MA_LOAI_KCB")
		v.TypeText = label(catalog.VisitType, v.Type)
	}
	if w := date(t, 0, "NGAY_VAO"); !w.IsZero() && (v.From.IsZero() || t.Columns.Table == "XML1") {
		v.From = w
	}
	if v.Until.IsZero() {
		v.Until = date(t, 0, "NGAY_RA")
	}
	v.Inpatient = v.Inpatient || inpatient(v.Type) || text(t, 0, "NGAY_VAO_NOI_TRU") != ""
	if v.Outcome == (fault.Text{}) {
		v.Outcome = labelOr(catalog.Outcome, text(t, 0, "KET_QUA_DTRI"))
	}
	if v.Discharge == (fault.Text{}) {
		v.Discharge = label(catalog.Discharge, text(t, 0, "MA_LOAI_RV"))
	}
	if v.Code == "" && v.Diagnosis == "" {
		if d := diagnoses(t, 0); len(d) > 0 {
			v.Code, v.Diagnosis = d[0].code, d[0].name
			if v.Diagnosis == "" {
				v.Diagnosis = clip(text(t, 0, "CHAN_DOAN_RV", "CHAN_DOAN", "CHAN_DOAN_VAO"))
			}
			v.Source = r.source(t, 0, "", "NGAY_VAO")
		}
	}
}

// inpatient are the types of visit with a bed.
func inpatient(code string) bool {
	switch code {
	case "03", "04", "06", "09":
		return true
	}
	return false
}

// label is what a code of a list means, empty for one it does not have.
func label(list catalog.List, code string) fault.Text {
	m, _ := readable.Meaning(string(list), code)
	return m
}

// labelOr is label, and the text itself where it is no code.
func labelOr(list catalog.List, code string) fault.Text {
	if l := label(list, code); l.VI != "" || code == "" {
		return l
	}
	return fault.Text{VI: clip(code), EN: clip(code)}
}

// Slip is a referral or an appointment.
type Slip struct {
	Form      string            `json:"form"` // "referral", "appointment"
	Number    string            `json:"number,omitempty"`
	From      care.FacilityCode `json:"from"`
	To        string            `json:"to,omitempty"` // facility code as written; of an appointment the facility itself
	Issued    When              `json:"issued,omitzero"`
	Until     When              `json:"until,omitzero"` // the last day it holds; zero: nothing says
	Day       When              `json:"day,omitzero"`   // of an appointment
	State     slip.State        `json:"state"`          // as far as the records tell: issued, expired or revoked
	Code      string            `json:"diagnosis_code,omitempty"`
	Diagnosis string            `json:"diagnosis,omitempty"`
	Source    Source            `json:"source"`
}

// slipsOf lists referrals and appointments, those that hold first. Of a slip told
// in two documents (by itself, and in the visit's dossier) the one that came
// first speaks.
func slipsOf(entries []reading, now time.Time) []Slip {
	var list []Slip
	seen := map[string]int{}
	for i := range entries {
		r := &entries[i]
		for _, t := range r.tables() {
			if t.Columns.Table != "XML13" && t.Columns.Table != "XML14" || len(t.Rows) == 0 {
				continue
			}
			s := slipOf(r, t, now)
			key := string(r.ID.Facility) + " " + s.Form + " " + r.episode
			if k, met := seen[key]; met {
				if r.Received.Before(list[k].Source.Received) {
					list[k] = s
				}
				continue
			}
			seen[key] = len(list)
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Slip) int {
		if open := func(s Slip) bool { return s.State == slip.Issued }; open(a) != open(b) {
			if open(a) {
				return -1
			}
			return 1
		}
		return b.Source.moment().Compare(a.Source.moment())
	})
	return list[:min(len(list), maxItems)]
}

func slipOf(r *reading, t *dossier.Table, now time.Time) Slip {
	v := validity(t)
	s := Slip{Form: "referral", From: r.ID.Facility, Issued: When{v.Issued}, Until: When{v.Until}, State: slip.Facts{Validity: v}.At(now),
		Number: clip(text(t, 0, "GIAY_CHUYEN_TUYEN", "SO_CHUYENTUYEN", "SO_GIAYHEN_KL", "SO_HOSO")), To: clip(text(t, 0, "MA_CSKCB_DEN", "MA_NOI_DEN")),
		Source: r.source(t, 0, "", "NGAY_CT", "NGAY_RA", "NGAY_VAO")}
	if t.Columns.Table == "XML14" {
		s.Form, s.To, s.Day = "appointment", string(r.ID.Facility), date(t, 0, "NGAY_HEN_KL")
	}
	if d := diagnoses(t, 0); len(d) > 0 {
		s.Code, s.Diagnosis = d[0].code, d[0].name
	}
	return s
}

// validity tells how long the slip of a table holds, as package kind/slip reads
// it: a referral from the end of the visit on, or until the day its sender
// wrote; an appointment until its day.
func validity(t *dossier.Table) slip.Validity {
	day := func(fields ...string) care.Moment {
		for _, f := range fields {
			if m, err := care.ParseMoment(stated(t, f)); err == nil && m.Precision() >= care.ByDay {
				return m
			}
		}
		return care.Moment{}
	}
	icd := append(strings.Split(stated(t, "MA_BENH_KT"), ";"), stated(t, "MA_BENH_CHINH"))
	issued := day("NGAY_CT", "NGAY_RA", "NGAY_VAO")
	if t.Columns.Table == "XML14" {
		return slip.Of(slip.Appointment, issued, day("NGAY_HEN_KL"), icd...)
	}
	v := slip.Of(slip.Referral, issued, care.Moment{}, icd...)
	if until := day("NGAY_HET_HAN", "GIA_TRI_DEN_NGAY"); !until.IsZero() {
		v.Until = care.MomentOf(midnight(When{until}))
	}
	return v
}

// stated is a field of the first row, also one that no specification names.
func stated(t *dossier.Table, field string) string {
	if s := text(t, 0, field); s != "" || len(t.Rows) == 0 {
		return s
	}
	for _, x := range t.Rows[0].Extra {
		if x.Name == field {
			return strings.TrimSpace(x.Cell.Text)
		}
	}
	return ""
}
