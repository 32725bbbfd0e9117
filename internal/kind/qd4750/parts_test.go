package qd4750_test

import (
	"reflect"
	"strings"
	"testing"

	"lienthong/internal/body"
	"lienthong/internal/kind"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/synth"
)

// alone reads dossier i of a file out of its parts, as it is kept.
func alone(t testing.TB, raw string, f kind.File, i int) (same, told bool) {
	t.Helper()
	split, err := body.Split([]byte(raw), f.Spans(), f.Extracts()...)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := body.Parts(split.Dossier(i))
	if err != nil {
		t.Fatal(err)
	}
	d := f.Dossier(i)
	documents, _ := d.Label(qd4750.New().View(), true)
	content, ok := qd4750.New().Tables(documents, parts)
	if !ok {
		return false, false
	}
	return reflect.DeepEqual(content, d.Content), true
}

// TestPartsTellWhatTheFileTells: whoever reads a record out of its parts reads what
// its file says, or is told that they do not say it.
func TestPartsTellWhatTheFileTells(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  string
		told bool
	}{
		"two tables":         {one(filed("XML1", b64(summary)), filed("XML2", b64(drugs))), true},
		"another order":      {one(filed("XML2", b64(drugs)), filed("XML1", b64(summary))), true},
		"wrapped":            {one(filed("xml1", "\n "+wrapped(b64(summary))+"\r\n"), filed("XML2", b64(drugs))), true},
		"declaration, BOM":   {one(filed("XML1", b64("\uFEFF<?xml version=\"1.0\"?>\n"+summary+"\n"))), true},
		"an older decision":  {one(filed("XML1", b64(strings.Replace(summary, "202603010900", "202302010900", 1)))), true},
		"inline":             {one(filed("XML1", summary), filed("XML2", b64(drugs))), false},
		"CDATA":              {one(filed("XML1", "<![CDATA["+b64(summary)+"]]>")), false},
		"an unknown type":    {one(filed("XML1", b64(summary)), filed("XML99", b64(drugs))), false},
		"only an unknown":    {one(filed("XML1", b64(summary)), filed("X", b64("<A/>"))), false},
		"twice":              {one(filed("XML1", b64(summary)), filed("XML1", b64(summary))), false},
		"another's element":  {one(filed("XML1", b64(summary)), filed("XML3", b64(drugs))), false},
		"exchanged":          {one(filed("XML2", b64(summary)), filed("XML1", b64(drugs))), false},
		"no day of the end":  {one(filed("XML1", b64(strings.Replace(summary, "202603010900", "", 1)))), false},
		"no summary":         {one(filed("XML2", b64(drugs))), false},
		"something beside":   {one(filed("XML1", b64(summary)), "<X>QUJD</X>"), false},
		"a comment beside":   {one(filed("XML1", b64(summary)), "<!-- x -->"), false},
		"cannot be read":     {one(filed("XML1", b64(summary)), filed("XML2", b64("<CHITIEU"))), false},
		"a field twice":      {one(filed("XML1", b64(strings.Replace(summary, "<STT>1", "<STT>2</STT><STT>1", 1)))), false},
		"nothing in a paper": {one(filed("XML1", b64(summary)), filed("XML2", "")), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same, told := alone(t, c.raw, open(t, c.raw), 0)
			if told != c.told || told && !same {
				t.Errorf("told %t, and the same %t", told, same)
			}
		})
	}
}

func TestPartsOfUsualDossiersTellAll(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.Outpatients(12)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if same, told := alone(t, string(s.XML), open(t, string(s.XML)), 0); !told || !same {
			t.Errorf("%s: told %t, the same %t", s.FileName, told, same)
		}
	}
}
