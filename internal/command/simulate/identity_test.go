package simulate_test

import (
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

func TestAStandardClientFindsTheProviders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"vneid", "staff"} {
		at, stop := run(t, name)
		p, err := oidc.NewProvider(t.Context(), at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if p.Endpoint().TokenURL != at+"/token" {
			t.Errorf("%s: %+v", name, p.Endpoint())
		}
		if name == "vneid" {
			counts(t, at) // the health book beside it still answers
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
