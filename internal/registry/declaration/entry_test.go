package declaration_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
)

func TestValuesBecomeCanonical(t *testing.T) {
	t.Parallel()
	db, now := compile(t, good), time.Date(2026, 11, 20, 9, 0, 0, 0, clock.Hanoi)
	got := db.Check(registry.Values{"number": " AB1 ", "person": "079988000001", "given": "20/11/2026", "dose": "03", "price": "12,50", "sex": "1", "site": "L", "paid": "Có", "at": "202611200830"}, now)
	want := registry.Values{"number": "AB1", "person": "079988000001", "given": "2026-11-20", "dose": "3", "price": "12.5", "sex": "1", "site": "L", "paid": "true", "at": "2026-11-20T08:30:00+07:00"}
	if diff := cmp.Diff(want, got.Values); diff != "" || got.Refused() || len(got.Findings) > 0 {
		t.Error(diff, got.Findings)
	}
	if !got.Rules["first"] {
		t.Error("the rule did not hold")
	}
	again := db.Check(got.Values, now)
	if diff := cmp.Diff(got, again); diff != "" {
		t.Error("canonical is not stable", diff)
	}
	key, ok := db.Key(got.Values)
	other, _ := db.Key(registry.Values{"number": "AB2"})
	if _, none := db.Key(registry.Values{}); !ok || none || bytes.Equal(key, other) {
		t.Error("keys")
	}
}

func TestFindingsNameFieldWordAndCause(t *testing.T) {
	t.Parallel()
	db, now := compile(t, good), time.Date(2026, 11, 20, 9, 0, 0, 0, clock.Hanoi)
	for _, c := range []struct {
		values   registry.Values
		code     string
		word     string
		severity string
	}{
		{registry.Values{"person": "1", "given": "20260101"}, "entry.number.missing", "sufficient", "error"},
		{registry.Values{"number": "A", "given": "20260101"}, "entry.person.missing", "sufficient", "warning"},
		{registry.Values{"number": "a-b"}, "entry.number.format", "correct", "error"},
		{registry.Values{"number": "A", "given": "2026-02-30"}, "entry.given.format", "correct", "error"},
		{registry.Values{"number": "A", "given": "2026"}, "entry.given.format", "correct", "error"},
		{registry.Values{"number": "A", "given": "1999-12-31"}, "entry.given.range", "correct", "error"},
		{registry.Values{"number": "A", "dose": "10"}, "entry.dose.range", "correct", "error"},
		{registry.Values{"number": "A", "dose": "1.5"}, "entry.dose.format", "correct", "error"},
		{registry.Values{"number": "A", "price": "-0.01"}, "entry.price.range", "correct", "error"},
		{registry.Values{"number": "A", "price": "1.000.000"}, "entry.price.format", "correct", "error"},
		{registry.Values{"number": "A", "sex": "7"}, "entry.sex.not_in_list", "unified", "error"},
		{registry.Values{"number": "A", "site": "X"}, "entry.site.not_in_list", "unified", "error"},
		{registry.Values{"number": "A", "paid": "maybe"}, "entry.paid.format", "correct", "error"},
		{registry.Values{"number": "A", "reaction": "sốt cao kéo dài"}, "entry.reaction.length", "correct", "error"},
		{registry.Values{"number": "A", "given": "2026-03-01", "until": "2026-02-01"}, "entry.until.before", "consistent", "error"},
		{registry.Values{"number": "A", "dose": "4"}, "rule.first", "consistent", "warning"},
		{registry.Values{"number": "A", "who": "Bí Mật"}, "entry.unknown_field", "correct", "error"},
	} {
		checked, found := db.Check(c.values, now), false
		for _, f := range checked.Findings {
			if f.Code == c.code {
				found = f.Word == c.word && f.Severity == c.severity && f.Text.VI != f.Text.EN
			}
			for _, v := range c.values {
				if len(v) > 4 && strings.Contains(f.Text.VI+f.Text.EN+f.Code, v) {
					t.Errorf("%s holds a value", f.Code)
				}
			}
		}
		if !found {
			t.Errorf("%v: %+v, want %s", c.values, checked.Findings, c.code)
		}
	}
}

func TestRowsBecomeEntries(t *testing.T) {
	t.Parallel()
	db := compile(t, good)
	row := func(texts ...string) (r dossier.Row) {
		for _, s := range texts {
			r.Cells = append(r.Cells, dossier.Cell{Text: s})
		}
		return r
	}
	d := &dossier.Content{All: []*dossier.Table{
		{Columns: dossier.NewColumns("XML1", "MA_LK", "SO_CCCD"), Rows: []dossier.Row{row("LK9", "079988000001")}},
		{Columns: dossier.NewColumns("XML2", "MA_LK", "STT", "MA_NHOM", "NGAY_YL", "DON_GIA"), Rows: []dossier.Row{
			row("LK9", "1", "4", "202611010830", "1200.50"), row("LK9", "2", "8", "202611010830", "1"), row("LK9", "3", "4", "", "dear")}},
	}}
	about := declaration.About{ID: dossier.ID{Facility: "79901"}, Kind: "qd4750", Received: time.Now()}
	made := db.Project("xml2", d, about)
	if len(made) != 2 || made[0].Row != 0 || made[1].Row != 2 {
		t.Fatalf("%+v", made)
	}
	if diff := cmp.Diff(registry.Values{"number": "LK91", "person": "079988000001", "given": "2026-11-01", "price": "1200.5"}, made[0].Values); diff != "" || made[0].Findings != nil {
		t.Error(diff, made[0].Findings)
	}
	if len(made[1].Findings) != 1 || made[1].Findings[0].Code != "entry.price.source" || made[1].Values["given"] != "" {
		t.Errorf("%+v", made[1])
	}
	about.Kind = "checkup"
	if db.Project("xml2", d, about) != nil || db.Project("file", d, about) != nil || db.Project("none", d, about) != nil {
		t.Error("what is no source of those records gives entries")
	}
	if h := db.Headers("file"); h["ma"] != "number" || h["ngay tiem"] != "given" || h["price"] != "price" {
		t.Errorf("headers %v", h)
	}
}

func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	d := compile(t, good).Declaration
	before, after := time.Date(2026, 12, 31, 0, 0, 0, 0, clock.Hanoi), time.Date(2027, 1, 2, 0, 0, 0, 0, clock.Hanoi)
	grant := declaration.Permission{ID: "grant-1", To: "partner:x", Fields: []string{"reaction", "person"}, Purpose: "Nghiên cứu"}
	for _, c := range []struct {
		as     string
		at     time.Time
		fields string
		by     string
	}{
		{"unit:pb", after, "number,person,given,until,dose,price,sex,site,paid,at,reaction", "steward"},
		{"ministry", after, "number,person,given,until,dose,price,sex,site,paid,at", "share-1,share-2"},
		{"province:79", before, "number,price,sex,reaction", "share-2,share-3"},
		{"province:79", after, "price,sex", "share-2"},
		{"facility:79901", after, "price,sex", "share-2"},
		{"partner:x", after, "person,price,sex,reaction", "share-2,grant-1"},
	} {
		r, err := role.Parse(c.as)
		if err != nil {
			t.Fatal(err)
		}
		sight, ok := declaration.Sees(d, r, append(declaration.Shares(d, c.at), grant))
		if got := strings.Join(sight.Fields, ","); !ok || got != c.fields || sight.By != c.by {
			t.Errorf("%s: %s by %s, want %s by %s", c.as, got, sight.By, c.fields, c.by)
		}
	}
	if _, ok := declaration.Sees(d, role.Role{Kind: role.Auditor}, nil); ok {
		t.Error("nobody gave an auditor anything")
	}
}
