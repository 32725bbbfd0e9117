package qd4750_test

import (
	"reflect"
	"strings"
	"testing"

	"lienthong/internal/kind"
)

// TestContentTellsWhoseItIs: what the tables alone say of visit, patient and decision
// is what the file says.
func TestContentTellsWhoseItIs(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"today": summary, "under an older decision": strings.Replace(summary, "202603010900", "202302010900", 1)} {
		want := open(t, one(filed("XML1", b64(text)), filed("XML2", b64(drugs)))).Dossier(0)
		want.Inner, want.InnerNames = nil, nil
		if got := kind.DossierOf(want.Content); !reflect.DeepEqual(got, want) || got.Episode == "" || got.Spec == nil {
			t.Errorf("%s: %+v, wanted %+v", name, got, want)
		}
	}
}
