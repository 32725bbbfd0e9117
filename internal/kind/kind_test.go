package kind_test

import (
	"strings"
	"testing"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/schema"
)

func TestRegistryChoosesByRootAndName(t *testing.T) {
	t.Parallel()
	r := kind.NewRegistry(qd4750.New(), checkin.New())
	if got := strings.Join(r.Names(), " "); got != "qd4750 checkin" {
		t.Errorf("names %s", got)
	}
	for root, want := range map[string]string{"GIAMDINHHS": "qd4750", "CHI_TIEU_TRANG_THAI_KCB": "checkin"} {
		if k, err := r.Pick([]byte("<" + root + "/>")); err != nil || k.Name() != want || r.ByName(want) != k {
			t.Errorf("%s is not read by %s: %v", root, want, err)
		}
	}
	for doc, code := range map[string]string{"<giamdinhhs/>": "envelope.invalid", `{"GIAMDINHHS":1}`: "file.unreadable", `{"a":1,"a":2}`: "file.unreadable",
		"": "file.unreadable", "<a>": "file.unreadable", "GIAMDINHHS": "file.unreadable"} {
		if _, err := r.Pick([]byte(doc)); fault.Of(err).Code != code {
			t.Errorf("%q gives %v", doc, err)
		}
	}
	if r.ByName("none") != nil {
		t.Error("a reader for what none reads")
	}
}

func TestEveryKindHasItsView(t *testing.T) {
	t.Parallel()
	spec := schema.For(20260801)
	r := kind.NewRegistry(qd4750.New(), checkin.New())
	for _, name := range r.Names() {
		v := r.ByName(name).View()
		if v.Title.VI == "" || v.Title.EN == "" {
			t.Errorf("%s has no title", name)
		}
		for _, table := range v.Documents {
			if spec.Table(table) == nil {
				t.Errorf("%s shows %s, which is no table", name, table)
			}
		}
	}
	shown := strings.Join(r.ByName("qd4750").View().Documents, " ") + " "
	for _, table := range []string{"XML2", "XML4", "XML6", "XML7", "XML8", "XML9", "XML11", "XML13", "XML14", "XML15"} {
		if !strings.Contains(shown, table+" ") {
			t.Errorf("%s is not among the documents", table)
		}
	}
}

func TestEnvelopeFaultIsInvalid(t *testing.T) {
	t.Parallel()
	if kind.ErrEnvelope.Kind != fault.Invalid || kind.ErrEnvelope.Code != "envelope.invalid" {
		t.Errorf("%v", kind.ErrEnvelope)
	}
}

// content is tables of one row each.
func content(tables ...*dossier.Table) *dossier.Content { return &dossier.Content{All: tables} }

func one(table string, cells map[string]string) *dossier.Table {
	t := &dossier.Table{Columns: schema.ByDecision("3176").Table(table).Columns}
	row := dossier.Row{Line: 1, Cells: make([]dossier.Cell, len(t.Columns.Names()))}
	for name, text := range cells {
		row.Cells[t.Columns.Index(name)] = dossier.Cell{Text: text, Line: 1}
	}
	t.Rows = []dossier.Row{row}
	return t
}

func TestTheSummarySpeaksForTheDossier(t *testing.T) {
	t.Parallel()
	arrival := one("XML0", map[string]string{"MA_LK": "L0", "MA_BN": "B0", "SO_CCCD": "001899000001"})
	summary := one("XML1", map[string]string{"MA_LK": "\tL1 ", "MA_BN": " B1", "MA_THE_BHYT": "DN1 ; DN2", "MAXA_CU_TRU": "00004"})
	referral := one("XML13", map[string]string{"MA_LK": "L9", "HO_TEN": "NGUYỄN VĂN C"})
	for _, c := range []struct {
		name    string
		content *dossier.Content
		episode string
		patient kind.Patient
	}{
		{"summary, though last", content(referral, arrival, summary), "L1", kind.Patient{LocalID: "B1", Card: "DN1", Ward: "00004"}},
		{"check-in without a summary", content(referral, arrival), "L0", kind.Patient{LocalID: "B0", CitizenID: "001899000001"}},
		{"others, field by field", content(one("XML2", map[string]string{"MA_LK": "L8"}), referral), "L8", kind.Patient{Name: "NGUYỄN VĂN C"}},
		{"nothing", content(), "", kind.Patient{}},
	} {
		if got := kind.EpisodeOf(c.content); got != c.episode {
			t.Errorf("%s: episode %q", c.name, got)
		}
		if got := kind.PatientOf(c.content); got != c.patient {
			t.Errorf("%s: patient %+v", c.name, got)
		}
	}
}
