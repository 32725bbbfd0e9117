// Package sqlite is the embedded engine: one directory, one process that
// writes, no service beside it. It opens the files, brings their tables up to
// date and hands out the slices; each slice lies in a folder of its own with
// its own SQL, over package file. It is not for several hubs on one database:
// that is store/postgres.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"lienthong/internal/clock"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite/access"
	"lienthong/internal/store/sqlite/alarms"
	"lienthong/internal/store/sqlite/audit"
	"lienthong/internal/store/sqlite/consents"
	"lienthong/internal/store/sqlite/counters"
	"lienthong/internal/store/sqlite/databases"
	"lienthong/internal/store/sqlite/destinations"
	"lienthong/internal/store/sqlite/disclosures"
	"lienthong/internal/store/sqlite/duties"
	"lienthong/internal/store/sqlite/enrolments"
	"lienthong/internal/store/sqlite/entries"
	"lienthong/internal/store/sqlite/facilities"
	"lienthong/internal/store/sqlite/feeds"
	"lienthong/internal/store/sqlite/figures"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/gateways"
	"lienthong/internal/store/sqlite/inflow"
	"lienthong/internal/store/sqlite/intake"
	"lienthong/internal/store/sqlite/keys"
	"lienthong/internal/store/sqlite/ledger"
	"lienthong/internal/store/sqlite/legs"
	"lienthong/internal/store/sqlite/logins"
	"lienthong/internal/store/sqlite/matters"
	"lienthong/internal/store/sqlite/nights"
	"lienthong/internal/store/sqlite/people"
	"lienthong/internal/store/sqlite/proposals"
	"lienthong/internal/store/sqlite/records"
	"lienthong/internal/store/sqlite/rekey"
	"lienthong/internal/store/sqlite/retention"
	"lienthong/internal/store/sqlite/revocations"
	"lienthong/internal/store/sqlite/rules"
	"lienthong/internal/store/sqlite/scores"
	"lienthong/internal/store/sqlite/secrets"
	"lienthong/internal/store/sqlite/services"
	"lienthong/internal/store/sqlite/shares"
	"lienthong/internal/store/sqlite/staffs"
	"lienthong/internal/store/sqlite/stamps"
	"lienthong/internal/store/sqlite/standings"
	"lienthong/internal/store/sqlite/surveys"
	"lienthong/internal/store/sqlite/temporaries"
	"lienthong/internal/store/sqlite/verifications"
	"lienthong/internal/store/sqlite/witness"
)

//go:embed migrations
var migrations embed.FS

// Config says how a directory is opened. The zero Config reads and administers.
type Config struct {
	Clock   clock.Clock   // nil: the system's
	Logger  *slog.Logger  // nil: silent
	OpenLog store.OpenLog // nil: no log is taken; what needs a leaf gives store.ErrNoLog
	HubName string        // the log is "<HubName>/log/<n>"; needed with OpenLog
	Owner   string        // noted in the log's head: host and process
	// MaxBytes bounds the file of records: beyond, store.ErrFull. 0: the disk does.
	MaxBytes int64
}

// The files of a directory.
const (
	MainFile       = "main.db"
	DisclosureFile = "disclosure.db"
	lockFile       = "log.lock"
	openFile       = "open.lock" // held while files are made and migrated
)

// Open opens dir (made with mode 0700 where it is not) and its files (0600).
// With Config.OpenLog it takes the log, and store.ErrHeld tells that another
// process holds it. The caller closes what it gets.
func Open(ctx context.Context, dir string, cfg Config) (*store.Slices, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.OpenLog != nil && cfg.HubName == "" {
		return nil, errors.New("sqlite: a log without the name of its hub")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, file.Fault(err)
	}
	var held *os.File
	var err error
	if cfg.OpenLog != nil {
		if held, err = hold(filepath.Join(dir, lockFile), false); err != nil {
			return nil, err
		}
	}
	o := &opened{lock: held}
	s, err := o.alone(ctx, dir, cfg)
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return s, nil
}

// hold takes a lock; without wait, store.ErrHeld when another process has
// it. The kernel gives it back when the process ends, however it ends.
func hold(path string, wait bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = lock(f, wait); err == nil {
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// opened is what an open directory holds.
type opened struct {
	lock             *os.File
	main, disclosure *file.DB
}

// alone opens while no other process does: one makes the tables, the next
// finds them.
func (o *opened) alone(ctx context.Context, dir string, cfg Config) (*store.Slices, error) {
	turn, err := hold(filepath.Join(dir, openFile), true)
	if err != nil {
		return nil, err
	}
	s, err := o.open(ctx, dir, cfg)
	return s, errors.Join(err, unlock(turn))
}

func (o *opened) open(ctx context.Context, dir string, cfg Config) (*store.Slices, error) {
	mainTables, err := fs.Sub(migrations, "migrations/main")
	if err != nil {
		return nil, err
	}
	disclosureTables, err := fs.Sub(migrations, "migrations/disclosure")
	if err != nil {
		return nil, err
	}
	mainPath := filepath.Join(dir, MainFile)
	if o.main, err = file.Open(ctx, mainPath, file.Config{Migrations: mainTables, Logger: cfg.Logger, MaxBytes: cfg.MaxBytes}); err != nil {
		return nil, err
	}
	o.disclosure, err = file.Open(ctx, filepath.Join(dir, DisclosureFile),
		file.Config{Migrations: disclosureTables, Logger: cfg.Logger, Attach: map[string]string{disclosures.Hub: mainPath}})
	if err != nil {
		return nil, err
	}
	if cfg.OpenLog != nil {
		number, err := o.main.OpenLog(ctx)
		if err != nil {
			return nil, err
		}
		origin := fmt.Sprintf("%s/log/%d", cfg.HubName, number)
		if err := o.main.Lease(ctx, number, origin, cfg.Owner, cfg.OpenLog, ledger.Source(o.main, number)); err != nil {
			return nil, err
		}
	}
	return &store.Slices{
		Intake: intake.New(o.main), Records: records.New(o.main), People: people.New(o.main), Facilities: facilities.New(o.main),
		Ledger: ledger.New(o.main), Disclosures: disclosures.New(o.disclosure), Counters: counters.New(o.main, cfg.Clock),
		Access: access.New(o.main, cfg.Clock), Keys: keys.New(o.main), Audit: audit.New(o.main, o.disclosure),
		Rekeys:   rekey.New(o.main),
		Services: services.New(o.main), Stamps: stamps.New(o.main), Revocations: revocations.New(o.main), Witness: witness.New(o.main),
		Gateways: gateways.New(o.main),
		Legs:     legs.New(o.main, cfg.Clock), Destinations: destinations.New(o.main), Secrets: secrets.New(o.main),
		Retention: retention.New(o.main), Enrolments: enrolments.New(o.main), Feeds: feeds.New(o.main),
		Inflow: inflow.New(o.main), Alarms: alarms.New(o.main), Surveys: surveys.New(o.main), Logins: logins.New(o.main),
		Consents: consents.New(o.main), Openings: consents.NewOpenings(o.main), Notices: matters.NewNotices(o.main), Matters: matters.New(o.main),
		Staffs: staffs.New(o.main), Temporaries: temporaries.New(o.main, cfg.Clock), Shares: shares.New(o.main), Verifications: verifications.New(o.main),
		House: house.Slices{
			Scores:    scores.New(o.main, cfg.Clock),
			Databases: databases.New(o.main), Entries: entries.New(o.main), Grants: databases.New(o.main), Imports: databases.New(o.main), Flow: entries.New(o.main),
			Duties: duties.New(o.main), DutyItems: duties.NewItems(o.main),
			Rules:   rules.New(o.main),
			Figures: figures.New(o.main), Boards: figures.NewBoards(o.main),
			Nights: nights.New(o.main), Proposals: proposals.New(o.main), Alike: proposals.New(o.main),
			Targets: standings.New(o.main), Benefits: standings.New(o.main), Looks: standings.NewLooks(o.disclosure),
		},
		Close: o.close,
	}, nil
}

// close stops both committers and gives the log back. Closing twice is closing once.
func (o *opened) close() error {
	var errs []error
	for _, d := range []*file.DB{o.main, o.disclosure} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if o.lock != nil {
		if err := unlock(o.lock); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
