package qd4750_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/schema"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		created := []string{"20230101", "20240701", "20250101", "20260801"}
		m, err := care.ParseMoment(rapid.SampledFrom(created).Draw(t, "created"))
		if err != nil {
			t.Fatal(err)
		}
		spec := schema.For(m.Day())
		cell := rapid.StringOf(rapid.RuneFrom([]rune("aĐệ<>&\"'\r\n\t ;0")))
		inner := rapid.Custom(func(t *rapid.T) qd4750.Inner {
			tab := rapid.SampledFrom(spec.Tables()).Draw(t, "table")
			rows := rapid.SliceOfN(rapid.SliceOfN(cell, 0, 8), 1, 3).Draw(t, "rows")
			return qd4750.Inner{Type: tab.Name, XML: qd4750.WriteTable(nil, tab, rows)}
		})
		sent := qd4750.Envelope{Facility: "79901", Created: m,
			Dossiers: rapid.SliceOfN(rapid.SliceOfN(inner, 0, 4), 1, 4).Draw(t, "dossiers")}
		style := qd4750.Style{Declaration: rapid.Bool().Draw(t, "declaration"), Lines: rapid.Bool().Draw(t, "lines"),
			Wrap: rapid.SampledFrom([]int{0, 1, 76}).Draw(t, "wrap")}
		var out bytes.Buffer
		if err := qd4750.Write(&out, sent, style); err != nil {
			t.Fatal(err)
		}
		f, err := qd4750.New().Open(out.Bytes())
		if err != nil || f.Len() != len(sent.Dossiers) || f.Facility() != "79901" || f.Created() != m {
			t.Fatalf("%v from %s", err, out.Bytes())
		}
		for i, documents := range sent.Dossiers {
			d := f.Dossier(i)
			if len(d.Unreadable)+len(d.Unknown) != 0 || len(d.Inner) != len(documents) {
				t.Fatalf("dossier %d: %v", i, d.Unreadable)
			}
			for j, doc := range documents {
				if !bytes.Equal(d.Inner[j], doc.XML) || d.InnerNames[j] != doc.Type || d.Content.All[j].Columns.Table != doc.Type {
					t.Fatalf("dossier %d document %d differs", i, j)
				}
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	plain := one(filed("XML1", b64(summary)), filed("XML2", b64(drugs)))
	f.Add([]byte(plain))
	f.Add([]byte(one(filed("XML1", summary))))
	f.Add([]byte(one(filed("XML1", "<![CDATA["+b64(summary)+"]]>"), "<X>y</X>")))
	f.Add([]byte(envelope("2", hoso(filed("XML17", "%%"), filed("xml6", "&lt;a/&gt;"))+hoso())))
	f.Add([]byte("\uFEFF<?xml version='1.0'?><GIAMDINHHS xmlns:a='urn:b'><a:b/></GIAMDINHHS>"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		opened, err := qd4750.New().Open(raw)
		if err != nil {
			if fault.KindOf(err) == fault.Broken {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		if opened.Len() < 1 || opened.Len() > qd4750.MaxDossiers || opened.Facility() == "" {
			t.Fatalf("%d dossiers of %q", opened.Len(), opened.Facility())
		}
		last := 0
		for _, s := range opened.Spans() {
			if s.Start < last || s.End <= s.Start || s.End > len(raw) || s.Dossier < 0 || s.Dossier >= opened.Len() {
				t.Fatalf("spans %v", opened.Spans())
			}
			last = s.End
		}
		for i := range opened.Len() {
			d := opened.Dossier(i)
			size := 0
			for _, b := range d.Inner {
				size += len(b)
			}
			if len(d.Inner) != len(d.InnerNames) || size > len(raw) || len(d.Content.All)+len(d.Unknown)+len(d.Unreadable) < len(d.Inner) {
				t.Fatalf("dossier %d: %d inner documents, %d bytes", i, len(d.Inner), size)
			}
			if same, told := alone(t, string(raw), opened, i); told && !same && len(d.Unreadable) == 0 {
				t.Fatalf("dossier %d: its parts tell another thing", i)
			}
		}
	})
}
