package exchange_test

import (
	"encoding/json"
	"testing"

	"lienthong/internal/exchange"
)

func TestADestinationsAddressAndOptions(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://a.example/x/": "https://a.example/x", "https://a.example": "https://a.example"} {
		if got := (exchange.Destination{URL: url}).Base(); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
	for options, want := range map[string]bool{"": true, " {} ": true, `{"a":1}`: false, "null": false} {
		if got := (exchange.Destination{Options: json.RawMessage(options)}).NoOptions(); got != want {
			t.Errorf("%q: %v", options, got)
		}
	}
}
