package chart

import (
	"cmp"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
)

// Problem is one diagnosis over all visits.
type Problem struct {
	Code    string   `json:"code,omitempty"` // ICD-10; "" where only words stand
	Name    string   `json:"name,omitempty"` // as the newest source that names it has it; "" where none does
	Chronic bool     `json:"chronic"`        // by a declared list of codes, or stated by the citizen
	Main    int      `json:"main"`           // visits it was the main diagnosis of
	Visits  int      `json:"visits"`         // visits it stands in
	First   When     `json:"first,omitzero"`
	Last    When     `json:"last,omitzero"`
	How     How      `json:"how"`
	Source  Source   `json:"source"` // the newest
	Also    []Source `json:"also,omitempty"`

	episodes []string
}

// diagnosis is one code or name of one row.
type diagnosis struct {
	code, name string
	main       bool
}

// diagnoses reads those of a row. A name is a code's where it stands beside it
// for certain: it is the only one, it holds the code, or there are as many names
// as codes.
func diagnoses(t *dossier.Table, row int) []diagnosis {
	if name := text(t, row, "TEN_CHAN_DOAN"); name != "" || t.Columns.Index("MA_CHAN_DOAN") >= 0 {
		if code := icd(text(t, row, "MA_CHAN_DOAN")); code != "" || name != "" {
			return []diagnosis{{code, clip(name), row == 0}}
		}
		return nil
	}
	codes := rowCodes(t, row)
	words := text(t, row, "CHAN_DOAN_RV", "CHAN_DOAN", "CHAN_DOAN_VAO")
	if len(codes) == 0 {
		if words == "" || stateOf(words, "") != Recorded {
			return nil
		}
		return []diagnosis{{"", clip(words), true}}
	}
	var names []string
	for part := range strings.SplitSeq(words, ";") {
		if part = strings.TrimSpace(part); part != "" {
			names = append(names, part)
		}
	}
	out := make([]diagnosis, len(codes))
	for i, code := range codes {
		out[i] = diagnosis{code: code, main: i == 0 && t.Columns.Index("MA_BENH_CHINH") >= 0}
		switch {
		case len(names) == len(codes):
			out[i].name = bare(names[i], code)
		case len(codes) == 1:
			out[i].name = bare(words, code)
		default:
			for _, n := range names {
				if strings.Contains(n, code) {
					out[i].name = bare(n, code)
				}
			}
		}
	}
	return out
}

// bare is a name without its code and the marks around it.
func bare(name, code string) string {
	for _, form := range []string{"(" + code + ")", "[" + code + "]", code + " - ", code + "-", code + ":", code} {
		if strings.Contains(name, form) {
			name = strings.Replace(name, form, "", 1)
			break
		}
	}
	return clip(strings.Trim(name, " -–,;:."))
}

// diagnosed are the tables whose diagnoses are the patient's over a visit.
// Those of services and orders repeat them.
func diagnosed(table string) bool {
	switch table {
	case "XML1", "XML7", "XML8", "XML13", "XML14", "CHAN_DOAN", "KET_LUAN", "THONG_TIN_DIEU_TRI", "THONG_TIN_VAO_VIEN", "GIAY_CHUYEN_VIEN", "HO_SO_CAP_CUU", "HO_SO_BENH_AN":
		return true
	}
	return false
}

// problemsOf lists diagnoses: chronic first, then the last seen.
func problemsOf(entries []reading, own []Item) []Problem {
	var list []Problem
	at := map[string]int{}
	for i := range entries {
		r := &entries[i]
		visit := string(r.ID.Facility) + " " + r.episode
		coded := slices.ContainsFunc(r.tables(), func(t *dossier.Table) bool {
			return diagnosed(t.Columns.Table) && slices.ContainsFunc(codeFields, func(f string) bool { return text(t, 0, f) != "" })
		})
		for _, t := range r.tables() {
			if !diagnosed(t.Columns.Table) {
				continue
			}
			for row := range t.Rows {
				for _, d := range diagnoses(t, row) {
					if coded && d.code == "" { // words that repeat what a code says
						continue
					}
					list = seen(list, at, d, visit, r.source(t, row, "", "NGAY_VAO", "NGAY_KET_LUAN"))
				}
			}
		}
	}
	for i := range list {
		_, chronic := icdIn("chronic.icd", list[i].Code)
		list[i].Chronic = list[i].Code != "" && chronic
	}
	for _, o := range own {
		list = append(list, Problem{Name: o.Text, Chronic: true, Visits: 0, First: o.Source.At, Last: o.Source.At, How: ByOwn, Source: o.Source})
	}
	slices.SortStableFunc(list, func(a, b Problem) int {
		if a.Chronic != b.Chronic {
			if a.Chronic {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Source.moment().Compare(a.Source.moment()), cmp.Compare(b.Visits, a.Visits), strings.Compare(a.Code+a.Name, b.Code+b.Name))
	})
	return list[:min(len(list), maxItems)]
}

// seen adds one diagnosis of a visit.
func seen(list []Problem, at map[string]int, d diagnosis, visit string, s Source) []Problem {
	key := d.code
	if key == "" {
		key = care.Fold(d.name)
	}
	k, met := at[key]
	if !met {
		if len(list) >= 4*maxItems {
			return list
		}
		at[key], k = len(list), len(list)
		list = append(list, Problem{Code: d.code, How: ByField, Source: s, First: s.At, Last: s.At})
	}
	p := &list[k]
	if p.Name == "" {
		p.Name = d.name
	}
	if !s.At.IsZero() && (p.First.IsZero() || s.At.Before(p.First.Moment)) {
		p.First = s.At
	}
	if !s.At.IsZero() && (p.Last.IsZero() || s.At.After(p.Last.Moment)) {
		p.Last = s.At
	}
	if slices.Contains(p.episodes, visit) {
		return list
	}
	p.episodes = append(p.episodes, visit)
	p.Visits++
	if d.main {
		p.Main++
	}
	switch {
	case s.moment().After(p.Source.moment()):
		p.Source, s = s, p.Source
		fallthrough
	case met && s != p.Source && len(p.Also) < maxAlso:
		if len(p.Also) < maxAlso {
			p.Also = append(p.Also, s)
		}
	}
	return list
}
