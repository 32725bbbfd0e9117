// Package postgres keeps the hub's rows in PostgreSQL, for several hubs on one
// database. Each slice of package store has a folder here with its own SQL;
// this one opens the database and puts them together. It shares no SQL with
// store/sqlite: what both promise is package storetest's to say.
//
// Everything runs at READ COMMITTED with locks taken by name in one order
// (package intake says which); nothing rests on SERIALIZABLE. Every unique key
// begins with its distribution column.
package postgres

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres/access"
	"lienthong/internal/store/postgres/alarms"
	"lienthong/internal/store/postgres/audit"
	"lienthong/internal/store/postgres/consents"
	"lienthong/internal/store/postgres/counters"
	"lienthong/internal/store/postgres/databases"
	"lienthong/internal/store/postgres/destinations"
	"lienthong/internal/store/postgres/disclosures"
	"lienthong/internal/store/postgres/duties"
	"lienthong/internal/store/postgres/enrolments"
	"lienthong/internal/store/postgres/entries"
	"lienthong/internal/store/postgres/facilities"
	"lienthong/internal/store/postgres/feeds"
	"lienthong/internal/store/postgres/figures"
	"lienthong/internal/store/postgres/gateways"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/inflow"
	"lienthong/internal/store/postgres/intake"
	"lienthong/internal/store/postgres/keys"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/store/postgres/legs"
	"lienthong/internal/store/postgres/logins"
	"lienthong/internal/store/postgres/matters"
	"lienthong/internal/store/postgres/nights"
	"lienthong/internal/store/postgres/people"
	"lienthong/internal/store/postgres/proposals"
	"lienthong/internal/store/postgres/records"
	"lienthong/internal/store/postgres/rekey"
	"lienthong/internal/store/postgres/retention"
	"lienthong/internal/store/postgres/revocations"
	"lienthong/internal/store/postgres/rules"
	"lienthong/internal/store/postgres/scores"
	"lienthong/internal/store/postgres/secrets"
	"lienthong/internal/store/postgres/services"
	"lienthong/internal/store/postgres/shares"
	"lienthong/internal/store/postgres/staffs"
	"lienthong/internal/store/postgres/stamps"
	"lienthong/internal/store/postgres/standings"
	"lienthong/internal/store/postgres/surveys"
	"lienthong/internal/store/postgres/temporaries"
	"lienthong/internal/store/postgres/verifications"
	"lienthong/internal/store/postgres/witness"
)

// Config says how a hub opens the database. The zero Config reads and
// administers without a log.
type Config struct {
	Clock   clock.Clock   // nil: the system's
	Logger  *slog.Logger  // nil: none
	OpenLog store.OpenLog // nil: no log is leased; what needs a leaf is store.ErrNoLog
	Owner   string        // stable name of this instance: it takes its own log again at once after a crash. "": another waits 30 s for an abandoned log, or opens the next
	HubName string        // logs are "<HubName>/log/<n>"; needed with OpenLog
	Rand    io.Reader     // nil: crypto/rand
}

// errHubName: a log needs the hub's name.
var errHubName = fault.New(fault.Invalid, "store.hub_name",
	"Cần tên hub để mở sổ.", "The hub's name is needed to open a log.")

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Open connects to the database at url, brings its tables up to date and, with
// Config.OpenLog, leases a log: one that is free, this owner's own, one whose
// holder has been silent for 30 seconds, or a new one. It holds at most
// handle.MaxConns connections. The URL may hold a password and is never shown.
func Open(ctx context.Context, url string, cfg Config) (*store.Slices, error) {
	cfg = cfg.withDefaults()
	if cfg.OpenLog != nil && cfg.HubName == "" {
		return nil, errHubName
	}
	if err := store.CheckText(cfg.Owner, cfg.HubName); err != nil {
		return nil, err
	}
	pool, err := handle.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	db := &handle.DB{Pool: pool, Clock: cfg.Clock, Logger: cfg.Logger, Rand: cfg.Rand}
	if err := migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	var writer *ledger.Writer
	if cfg.OpenLog != nil {
		if writer, err = ledger.Take(ctx, db, ledger.Lease{Hub: cfg.HubName, Owner: cfg.Owner, Open: cfg.OpenLog}); err != nil {
			pool.Close()
			return nil, err
		}
	}
	return slices(db, writer, cfg.HubName), nil
}

func slices(db *handle.DB, writer *ledger.Writer, hub string) *store.Slices {
	read := disclosures.New(db, writer.Number())
	var once sync.Once
	var closed error
	return &store.Slices{
		Intake:        intake.New(db, writer),
		Records:       records.New(db),
		People:        people.New(db),
		Facilities:    facilities.New(db, writer),
		Ledger:        ledger.New(db, writer, hub),
		Disclosures:   read,
		Counters:      counters.New(db),
		Access:        access.New(db),
		Keys:          keys.New(db, writer),
		Audit:         audit.New(db),
		Rekeys:        rekey.New(db, writer),
		Services:      services.New(db, writer),
		Stamps:        stamps.New(db, writer),
		Revocations:   revocations.New(db, writer),
		Witness:       witness.New(db, writer),
		Retention:     retention.New(db, writer),
		Legs:          legs.New(db),
		Destinations:  destinations.New(db, writer),
		Secrets:       secrets.New(db, writer),
		Gateways:      gateways.New(db, writer),
		Enrolments:    enrolments.New(db, writer),
		Feeds:         feeds.New(db),
		Inflow:        inflow.New(db),
		Alarms:        alarms.New(db, writer),
		Surveys:       surveys.New(db, writer),
		Consents:      consents.New(db, writer),
		Openings:      consents.NewOpenings(db, writer),
		Notices:       matters.NewNotices(db),
		Matters:       matters.New(db, writer),
		Staffs:        staffs.New(db, writer),
		Temporaries:   temporaries.New(db, writer),
		Shares:        shares.New(db, writer),
		Logins:        logins.New(db),
		Verifications: verifications.New(db, writer),
		House: house.Slices{
			Scores:    scores.New(db, writer),
			Databases: databases.New(db, writer), Entries: entries.New(db, writer), Grants: databases.New(db, writer), Imports: databases.New(db, writer), Flow: entries.New(db, writer),
			Duties: duties.New(db, writer), DutyItems: duties.NewItems(db, writer),
			Rules:   rules.New(db, writer),
			Figures: figures.New(db, writer), Boards: figures.NewBoards(db),
			Nights: nights.New(db), Proposals: proposals.New(db, writer), Alike: proposals.New(db, writer),
			Targets: standings.New(db, writer), Benefits: standings.New(db, writer), Looks: standings.New(db, writer),
		},
		Close: func() error {
			once.Do(func() {
				read.Close()
				closed = errors.Join(closed, writer.Close())
				db.Pool.Close()
			})
			return closed
		},
	}
}
