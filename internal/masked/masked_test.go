package masked_test

import (
	"context"
	"testing"

	"lienthong/internal/dossier"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// records is a store of one record with an HIV table in it.
type records struct{ store.Records }

func (records) record() store.Record {
	return store.Record{ID: dossier.ID{Facility: "24604", Serial: [16]byte{1}}, Documents: 1<<1 | 1<<6 | 1<<15,
		Verdict: dossier.Verdict{State: dossier.AcceptedWithWarnings, Findings: []dossier.Finding{
			{Code: "XML1.MA_KHOA.pattern", Table: "XML1"}, {Code: "XML6.MA_THE_BHYT.missing", Table: "XML6"}, {Code: "XML15.missing"}}}}
}

func (s records) Get(context.Context, role.Scope, dossier.ID) (*store.Record, error) {
	r := s.record()
	return &r, nil
}

func (s records) List(context.Context, role.Scope, store.Filter) ([]store.Record, bool, error) {
	return []store.Record{s.record()}, false, nil
}

func TestClosedCompartmentsDoNotShowInMetadata(t *testing.T) {
	t.Parallel()
	m := masked.Metadata{Records: records{}}
	for name, q := range map[string]struct {
		scope     role.Scope
		findings  int
		documents uint32
	}{
		"its own facility": {role.Scope{Facility: "24604"}, 3, 1<<1 | 1<<6 | 1<<15},
		"operator":         {role.Scope{All: true}, 1, 1 << 1},
		"province":         {role.Scope{Province: "24"}, 1, 1 << 1},
		"unit":             {role.Scope{Unit: "kcb"}, 1, 1 << 1},
	} {
		one, err := m.Get(t.Context(), q.scope, dossier.ID{})
		if err != nil || len(one.Verdict.Findings) != q.findings || one.Documents != q.documents {
			t.Errorf("%s: %d findings, documents %b, %v", name, len(one.Verdict.Findings), one.Documents, err)
		}
		for _, tag := range []string{"doc:XML6", "XML15.missing", "XML6.MA_THE_BHYT.missing"} {
			list, _, err := m.List(t.Context(), q.scope, store.Filter{Tag: tag})
			if err != nil || (len(list) == 1) != (q.scope.Facility != "") {
				t.Errorf("%s searches %s: %d records, %v", name, tag, len(list), err)
			}
		}
		list, _, err := m.List(t.Context(), q.scope, store.Filter{Tag: "doc:XML1"})
		if err != nil || len(list) != 1 || len(list[0].Verdict.Findings) != q.findings {
			t.Errorf("%s lists: %v, %v", name, list, err)
		}
	}
}
