// Package portal is the hub's pages for people: ministry, provinces, units,
// facilities, operators, auditors. It is server-rendered HTML that works
// without scripts. It asks the small interfaces below and shows what they
// answer (package view); it judges nothing, opens no body and knows no store.
package portal

import (
	"context"
	"crypto/cipher"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/account"
	"lienthong/internal/web/portal/asset"
	"lienthong/internal/web/portal/citizen"
	"lienthong/internal/web/portal/clinic"
	"lienthong/internal/web/portal/delivery"
	"lienthong/internal/web/portal/ministry"
	"lienthong/internal/web/portal/privacy"
	"lienthong/internal/web/portal/urgent"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/session"
)

// Boards computes numbers within a role's scope.
type Boards interface {
	// Overview returns the numbers of the first page.
	Overview(ctx context.Context, r role.Role, now time.Time) (insight.Overview, error)
	// Minutes returns the last 60 minutes, oldest first.
	Minutes(ctx context.Context, r role.Role, now time.Time) ([]insight.Minute, error)
	// Standings returns how every facility took part over the last days days, today included.
	Standings(ctx context.Context, r role.Role, now time.Time, days int) ([]insight.Standing, error)
	// Causes returns what rejected records or held purposes back over those days.
	Causes(ctx context.Context, r role.Role, now time.Time, days int) (view.Causes, error)
	// Today returns a facility's own day; only for a facility's role.
	Today(ctx context.Context, r role.Role, now time.Time) (view.Today, error)
}

// Messages lists metadata of records within a role's scope.
type Messages interface {
	// List returns records newest first. An episode asks for one facility; see
	// view.ErrEpisodeFacility.
	List(ctx context.Context, r role.Role, q view.Query) (view.List, error)
	// Refused returns files returned whole, newest first.
	Refused(ctx context.Context, r role.Role, q view.Query) (view.RefusedList, error)
	// Record returns what may be known without opening; a fault.Absent when it
	// is not there or out of scope.
	Record(ctx context.Context, r role.Role, id dossier.ID) (view.Record, error)
	// Samples returns at most limit records with a finding of the code, newest first.
	Samples(ctx context.Context, r role.Role, code string, limit int) ([]view.Sample, error)
}

// Trail tells who looked and who did what.
type Trail interface {
	// Looks returns disclosures of the reader's records (all for operators and
	// auditors), newest first, and whether more follow. A zero record: of all.
	Looks(ctx context.Context, r role.Role, record dossier.ID, before int64, limit int) ([]view.Look, bool, error)
	// Acts returns administrative acts, newest first, and whether more follow.
	Acts(ctx context.Context, r role.Role, before int64, limit int) ([]view.Act, bool, error)
}

// Content opens clinical content; package disclose stands behind it. Open and
// Original are disclosures: who, which record, by which route and why is
// durable before they return. Receipts hold no clinical content and need no
// reason. A fault.Withheld or fault.Absent says no.
type Content interface {
	// Open returns the tables of a record with its receipt document.
	Open(ctx context.Context, reader view.Reader, id dossier.ID) (*view.Opened, error)
	// Original returns the exact bytes of the file, or what the reader may have of it.
	Original(ctx context.Context, reader view.Reader, id dossier.ID) (view.File, error)
	// Receipt returns the receipt document, the same bytes at every request.
	Receipt(ctx context.Context, reader view.Reader, id dossier.ID) ([]byte, error)
	// Verify checks the record's receipt, as `lienthong verify` does.
	Verify(ctx context.Context, reader view.Reader, id dossier.ID) (view.Proof, error)
	// Book opens the records of the same person that the reader may have, newest
	// first; each is a disclosure of its own.
	Book(ctx context.Context, reader view.Reader, id dossier.ID) ([]view.BookEntry, error)
}

// Sender takes files from people at a facility.
type Sender interface {
	// Check judges a file and keeps nothing.
	Check(ctx context.Context, r role.Role, name string, data []byte) ([]view.Result, error)
	// Submit sends a file as the reader's facility.
	Submit(ctx context.Context, reader view.Reader, name string, data []byte) ([]view.Result, error)
}

// Sessions knows who sits at a browser; *session.Keeper is one.
type Sessions interface {
	Current(r *http.Request) (session.Reader, error)
	Begin(w http.ResponseWriter, r *http.Request, token string) (string, error)
	EndCurrent(w http.ResponseWriter, r *http.Request) error
}

// Rules tells what a code means.
type Rules interface {
	Rule(code string) (view.Rule, bool)
}

// Deps is all that the portal asks of the hub. Sender and Content may be
// absent for a portal that only shows numbers: their rooms then answer absent.
type Deps struct {
	Boards   Boards
	Messages Messages
	Trail    Trail
	Content  Content
	Sender   Sender
	Sessions Sessions
	Rules    Rules
	Keeping  Keeping // nil: not shown
	Checker  Checker // nil: no printed receipt is found

	Delivery *delivery.Deps // nil: nothing is known of ways out

	Clinic  *clinic.Deps // nil, as those that follow: these rooms are not there
	Urgent  *urgent.Deps
	Citizen *citizen.Deps
	Privacy *privacy.Deps
	Account *account.Deps // logging in by name
	House   ministry.Deps // rooms of the ministry
}

// Keeping tells operators how well the data are kept.
type Keeping interface {
	Keeping(ctx context.Context, now time.Time) (view.Keeping, error)
}

// TryItem is one of the things the demo leads visitors to.
type TryItem struct {
	Title, Text, Action fault.Text
	Href                string // local path or login link, "" when not known yet
}

// Config says how the portal stands; zero fields take their defaults.
type Config struct {
	Clock     clock.Clock
	Log       *slog.Logger
	Demo      bool // tag "Dữ liệu giả lập" on every page, and the page /try
	PublicURL string
	Kinds     []string                                                // of dossiers, for the filter; qd4750 and checkin
	Try       func(context.Context) (things []TryItem, all []TryItem) // things to see, links by role; may be nil
}

// MaxFile is the greatest file taken at /upload, as at the API (DESIGN §6).
const MaxFile = 32 << 20

// Portal serves the pages.
type Portal struct {
	deps    Deps
	config  Config
	words   *words.Catalogue
	assets  *asset.Set
	episode cipher.AEAD
	sending chan struct{} // a place for each file held in memory

	delivery *delivery.Room
	annexes  annexes
}

// New returns the portal's handler.
func New(deps Deps, config Config) (http.Handler, error) {
	if deps.Boards == nil || deps.Messages == nil || deps.Trail == nil || deps.Sessions == nil {
		return nil, errors.New("portal: boards, messages, trail and sessions are needed")
	}
	if config.PublicURL != "" {
		if u, err := url.Parse(config.PublicURL); err != nil || u.Host == "" {
			return nil, errors.New("portal: the public URL needs a host")
		}
	}
	if config.Clock == nil {
		config.Clock = clock.System{}
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if len(config.Kinds) == 0 {
		config.Kinds = []string{"qd4750", "checkin"}
	}
	p := &Portal{deps: deps, config: config, sending: make(chan struct{}, 4)}
	var err error
	if p.words, err = words.Load(); err != nil {
		return nil, err
	}
	if p.assets, err = asset.Load(); err != nil {
		return nil, err
	}
	if p.episode, err = newEpisodeCipher(); err != nil {
		return nil, err
	}
	if deps.Delivery != nil {
		p.delivery = delivery.New(*deps.Delivery, frame{p})
	}
	p.annexes.open(deps, frame{p})
	return p.handler(), nil
}
