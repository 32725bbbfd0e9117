package simulate_test

import (
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/population"
	"lienthong/internal/care"
)

// The population database is run with residents of its own, and with none.
func TestPopulation(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "residents.json")
	if err := os.WriteFile(file, []byte(`[{"number":"079990000001","name":"Trần Thị Hà","birth":"19900203","sex":"2"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	birth, err := care.ParseMoment("199002030000")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		more []string
		want map[care.CitizenID]population.State
	}{
		{[]string{"--residents", file}, map[care.CitizenID]population.State{"079990000001": population.Match, "079990000002": population.Unknown}},
		{nil, map[care.CitizenID]population.State{"079990000002": population.Match, "079990000010": population.Unknown}},
	} {
		at, stop := run(t, append([]string{"population"}, c.more...)...)
		b, err := population.New(outbound.New(0), at+"/xac-minh", true)
		if err != nil {
			t.Fatal(err)
		}
		for number, want := range c.want {
			if a, err := b.Ask(t.Context(), population.Question{Number: number, Name: "TRẦN THỊ HÀ", Birth: birth}); err != nil || a.State != want {
				t.Errorf("%v: %s is %+v, %v", c.more, number, a, err)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
