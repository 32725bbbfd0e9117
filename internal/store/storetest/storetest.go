// Package storetest is the store's contract as a test suite: every engine runs
// it, and what one engine got wrong becomes a case here before it is mended
// there. It knows no SQL and no driver. It is not for what only one engine
// promises; such tests lie beside the engine.
package storetest

import (
	"context"
	"testing"

	"lienthong/internal/clock"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// Harness opens the data of one test. Every test gets a new one, with empty data.
type Harness struct {
	// Open opens the data as a hub. It may be called again after Close, and for
	// different Options.Hub at once, up to Hubs of them with a log. It fails t
	// when the data cannot be opened and closes what it opened when t ends;
	// Slices.Close may be called more than once.
	Open func(t testing.TB, o Options) *store.Slices
	// Hubs is how many hubs may hold a log on the same data at once, at least 1.
	Hubs int
	// Steal takes a log away from its holder as a successor would: it moves the
	// epoch in its head row.
	Steal func(t testing.TB, log int)
}

// Options says how a hub opens the data.
type Options struct {
	Hub     int           // 0 ... Hubs-1
	Clock   clock.Clock   // nil: the system's
	OpenLog store.OpenLog // nil: read and administer only
}

// HubName is the name of the hub in every test: logs are "<HubName>/log/<n>".
const HubName = "storetest.hub"

// Run runs the contract on an engine. newHarness is called once for each case.
func Run(t *testing.T, newHarness func(t testing.TB) *Harness) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, newHarness(t))
		})
	}
}

// testCase is one sentence of the contract.
type testCase struct {
	name string
	run  func(*testing.T, *Harness)
}

func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		intakeCases(), peopleCases(), scopeCases(), counterCases(), ledgerCases(), smallCases(), textCases(), auditCases(), stampCases(), revocationCases(), witnessCases(), retentionCases(), archiveCases(), legCases(), destinationCases(),
		gatewayCases(), enrolmentCases(), feedCases(), inflowCases(), alarmCases(), surveyCases(), rekeyCases(), consentCases(), openingCases(), lookCases(), matterCases(), staffCases(), temporaryCases(), loginCases(), verifiedCases(), entryCases(), ruleCases(), figureCases(), cleaningCases(), scoreCases(), dutyCases(), standingCases(),
	} {
		all = append(all, group...)
	}
	return all
}

// LogKey returns the key of a log in tests: the same for the same number.
func LogKey(origin string) (*ledger.LogKey, error) {
	seed := make([]byte, 32)
	copy(seed, origin)
	return ledger.LogKeyFromSeed(origin, seed)
}

// OpenLog opens logs with the tests' keys.
func OpenLog(ctx context.Context, head store.Head, source ledger.Source) (store.Log, error) {
	key, err := LogKey(head.Origin)
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, key, head.Head, source)
}
