// Package house wires the ministry's house out of the hub's parts: databases,
// scores, rules in the making, units and tasks, the operations centre. One file for
// each; what each brings (pages, doors, rounds, jobs of the night) is collected here
// and run by package hub. It decides nothing.
package house

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/disclose/register"
	"lienthong/internal/errand"
	"lienthong/internal/facility"
	"lienthong/internal/figure"
	"lienthong/internal/grade"
	"lienthong/internal/insight"
	"lienthong/internal/ledger"
	"lienthong/internal/night"
	"lienthong/internal/quality"
	"lienthong/internal/rehearsal"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/api"
	"lienthong/internal/web/portal/ministry"
	"lienthong/internal/web/portal/view"
)

// Parts are what the house is built of.
type Parts struct {
	Slices    *store.Slices
	Vault     *vault.Vault
	Disclose  *disclose.Discloser
	Receipt   *ledger.ReceiptKey // signs what the hub says
	Directory func() *facility.Directory
	Callers   api.Callers
	Rules     func() *quality.Pack // what is judged by at this moment
	Rulebook  *rehearsal.Desk      // where people write rules; nil: nowhere
	Stage     *rehearsal.Stage     // tries them
	Busy      func() bool          // whether files wait for intake; nil: never
	Clock     clock.Clock
	Logger    *slog.Logger
	Hub       string // its name
	Holder    string // names this process: the key of the log that it holds
	PublicURL string
	Version   string // of the program
	Demo      bool
	Imports   string                      // directory of files that units bring; "" none are taken
	NightFrom time.Duration               // after midnight in Hanoi; 0: one hour
	Shipped   bool                        // take the declarations that come with the program, where there is none
	Grades    *grade.Book                 // of quality
	Took      func() [insight.Steps]int64 // how long decided files took since it was asked last
	Alarms    *alarm.Watch
	Ways      func(context.Context) ([]alarm.Way, error) // how destinations stand
	Room      func() (free, used int64, err error)       // of the data; nil: they are elsewhere
}

// Round is work that is done again and again.
type Round struct {
	Every  time.Duration
	Failed string // what the log says when it does not succeed
	Do     func(ctx context.Context) error
}

// Door answers systems.
type Door interface{ Register(mux *http.ServeMux) }

// House is the ministry's house at work.
type House struct {
	Pages  ministry.Deps
	Doors  []Door
	Rounds []Round
	Jobs   []night.Job // in the order of the night

	Figures *figure.Desk      // pins what boards say
	Errands *errand.Desk      // hands out work
	Debts   errand.Counter    // what is wrong, for Errands.Round
	Steward *steward.Steward  // keeps specialised databases
	Entries *register.Entries // reads their entries
	Feeding *feeding.Desk     // reads other bodies' feeds of them
	Imports *bring.Desk       // takes files of entries; nil: none are taken

	Cleaning *cleaning.Desk // what databases should not hold
	Night    *night.Runner  // does Jobs

	keeping func(context.Context, time.Time) (view.Keeping, error) // the last backup and restore, the room
}

// Open builds it.
func Open(ctx context.Context, p Parts) (*House, error) {
	h := &House{}
	for _, open := range []func(context.Context, Parts) error{h.openScores, h.openRules, h.openDatabases, h.openRegistry, h.openFeeds, h.openDuty, h.openFigures, h.openStanding, h.openCleaning, h.openNight} {
		if err := open(ctx, p); err != nil {
			return nil, err
		}
	}
	return h, nil
}
