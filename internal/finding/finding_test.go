package finding_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/quality"
)

func TestFindingsHaveTheSentencesOfThePack(t *testing.T) {
	t.Parallel()
	pack := quality.V1()
	own := fault.Text{VI: "Ở dòng 2.", EN: "In row 2."}
	list := finding.Of(pack, []dossier.Finding{
		{Code: "time.order", Severity: dossier.Warning, Table: "XML1", Row: 1, Field: "NGAY_RA", Line: 7},
		{Code: "time.order", Severity: dossier.Warning, Hint: own, Blocks: []dossier.Purpose{"payment"}},
		{Code: "of.another.release", Severity: dossier.Error},
	})
	rule, ok := pack.Rule("time.order")
	if !ok || rule.Hint == own {
		t.Fatal("the pack has no such rule")
	}
	if f := list[0]; f.Message != rule.Text || f.Hint != rule.Hint || f.Table != "XML1" || f.Line != 7 || f.Blocks == nil {
		t.Errorf("%+v", f)
	}
	if f := list[1]; f.Message != rule.Text || f.Hint != own || len(f.Blocks) != 1 {
		t.Errorf("%+v", f)
	}
	if f := list[2]; f.Code != "of.another.release" || f.Message != (fault.Text{}) {
		t.Errorf("%+v", f)
	}
	b, err := json.Marshal(finding.Of(pack, nil))
	if err != nil || string(b) != "[]" {
		t.Errorf("%s %v", b, err)
	}
	if b, err = json.Marshal(list[0]); err != nil || !strings.Contains(string(b), `"blocks":[]`) {
		t.Errorf("%s %v", b, err)
	}
}
