// Package hub wires a hub: store, vault, ledger, intake, doors. It is the one
// place where everything meets; it decides nothing itself. The command starts
// it with files and flags, tests start it in a temporary directory.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/admission"
	"lienthong/internal/alarm"
	"lienthong/internal/body"
	"lienthong/internal/brake"
	"lienthong/internal/bundle"
	"lienthong/internal/casework"
	"lienthong/internal/choice"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/dictionary"
	"lienthong/internal/disclose"
	"lienthong/internal/evidence"
	"lienthong/internal/grade"
	"lienthong/internal/hub/house"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/hub/meter"
	"lienthong/internal/hub/rooms"
	"lienthong/internal/inflow"
	"lienthong/internal/intake"
	"lienthong/internal/keep"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/kind/slip"
	"lienthong/internal/ledger"
	"lienthong/internal/notary"
	"lienthong/internal/quality"
	"lienthong/internal/reading"
	"lienthong/internal/rehearsal"
	lookcheck "lienthong/internal/reverify/looks"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/trust"
	"lienthong/internal/vault"
	"lienthong/internal/web/api"
	"lienthong/internal/web/fhir"
	"lienthong/internal/web/gateway"
	"lienthong/internal/web/his"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/portal/desk"
	"lienthong/internal/web/session"
	"lienthong/internal/web/tlog"
	"lienthong/internal/web/token"
	"lienthong/internal/witness"
)

// Config is what a hub is started with.
type Config struct {
	Name      string // "lienthong.local": names logs and receipts
	Keys      keyring.Keys
	Masters   func() ([][]byte, error)                               // reads the master keys anew, the newest last; nil: they are held elsewhere
	Open      OpenStore                                              // of the engine, chosen by the command
	PublicURL string                                                 // under which people and systems reach it, "" unknown
	Secure    bool                                                   // served over TLS: cookies say so
	Demo      bool                                                   // synthetic data: pages say so on every one
	Shipped   bool                                                   // take the databases that come with the program, where there is none
	Try       func(context.Context) (things, links []portal.TryItem) // what the demo leads visitors to
	Proofs    rooms.Proofs                                           // how people show that they are there, beside their phones
	API       api.Config
	Gateway   gateway.Config
	Weights   admission.Weights // shares of facilities when the hub is full; default 1 each
	Outside   Outside           // how often services outside are asked
	Delivery  Delivery          // how records are passed on
	Alarms    Alarms            // how alarms are told
	Brake     brake.Config      // how many people one may look at
	Rejudged  int               // records a night that are judged again from their bytes; 0: 500, less: none
	Imports   string            // directory where files that units bring lie until they are done; "" none are taken
	Spool     LookSpool         // keeps looks of emergencies while their log is down; nil: they wait too
	Clock     clock.Clock
	Logger    *slog.Logger
	Guard     Guard     // of the store's files; nil: nobody looks
	Room      desk.Room // on the disk of the data; nil: they are elsewhere
}

// OpenStore opens an engine's slices with the log opened by open.
type OpenStore func(ctx context.Context, open store.OpenLog) (*store.Slices, error)

// Hub is a running hub. Its parts are open to the command and to tests.
type Hub struct {
	Slices   *store.Slices
	Vault    *vault.Vault
	Intake   *intake.Intake
	Disclose *disclose.Discloser
	Receipts *evidence.Desk
	Trust    *trust.Watch
	Office   *admin.Office
	Sessions *session.Keeper
	Brake    *brake.Brake  // stops who looks at too many people
	Reading  *reading.Desk // how clinicians come to read what others wrote
	Login    *rooms.Login  // by name, and citizens' phones
	Kinds    *kind.Registry
	Rules    func() *quality.Pack // what is judged by at this moment
	Grades   *grade.Book          // the sheets of quality, and what was counted by them
	LogKey   *ledger.LogKey       // of the log this hub writes
	Stamper  *notary.Stamper
	Checker  *notary.Checker
	Watcher  *witness.Watcher // cosigns logs of others
	Asker    *witness.Asker   // asks others to cosign this hub's
	Bundles  *bundle.Collector
	API      *api.API
	House    *house.House
	Rulebook *rehearsal.Desk  // where rules that people write are made
	Courier  *courier.Courier // carries records on
	Moves    *admin.Moves     // acts on many legs
	Alarms   *alarm.Watch

	delivery delivery
	live     *rehearsal.Live
	stage    *rehearsal.Stage

	tokens  *token.Desk
	his     *his.Door
	looks   atomic.Pointer[lookcheck.Report] // of the last night
	audit   *fhir.Doors
	log     *tlog.Doors
	gateway *gateway.Gateway
	inflow  *inflow.Rounds
	cfg     Config
	metrics *meter.Meter
	lost    atomic.Pointer[error] // why nothing more is received
	portal  http.Handler
	links   http.Handler // of SMART Health Links; nil without a public address
	Choices *choice.Desk
	Cases   *casework.Desk
	writer  *evidence.Writer
	shelf   *dictionary.Shelf
	stop    context.CancelFunc
	work    sync.WaitGroup
}

// Kinds are the kinds of dossier this release takes.
func Kinds() *kind.Registry {
	return kind.NewRegistry(qd4750.New(), checkin.New(), slip.New(), checkup.New(), prescription.New(), emr.New())
}

// Rules is the rule pack this release judges by, with the rules of every kind.
func Rules() *quality.Pack { return rules() }

var rules = sync.OnceValue(func() *quality.Pack {
	return quality.V1().With(prescription.Rules(), emr.Rules(), slip.Rules(), checkup.Rules())
})

// Start opens everything and begins to work in the background. The caller
// serves Handler and calls Close.
func Start(ctx context.Context, cfg Config) (*Hub, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{cfg: cfg, Kinds: Kinds(), Rules: Rules, metrics: meter.New()}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// start wires the parts in order: what is kept, what is known, what comes in,
// what goes out, who may ask.
func (h *Hub) start(ctx context.Context) error {
	if err := h.openStore(ctx); err != nil {
		return err
	}
	receiptKey, err := ledger.NewReceiptKey(h.cfg.Keys.Receipt)
	if err != nil {
		return err
	}
	if err := h.beginLog(ctx); err != nil {
		return err
	}
	h.Receipts = evidence.NewDesk(h.Slices.Ledger, receiptKey, h.writer)
	if err := h.Receipts.Announce(ctx); err != nil {
		return err
	}
	if h.Trust, err = trust.NewWatch(ctx, h.Slices.Facilities, h.cfg.Logger); err != nil {
		return err
	}
	if err := h.openNotary(ctx); err != nil {
		return err
	}
	codec, err := body.NewCodec()
	if err != nil {
		return err
	}
	h.shelf = dictionary.NewShelf(h.Slices.Keys, h.Vault, codec, h.cfg.Clock)
	if err := h.shelf.Load(ctx); err != nil {
		return err
	}
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return err
	}
	h.openRules(ctx)
	h.openRehearsal(codec)
	if err := h.openPlan(ctx); err != nil {
		return err
	}
	if err := h.openIntake(ctx, receiptKey, codec, seals); err != nil {
		return err
	}
	if err := h.openDisclose(codec); err != nil {
		return err
	}
	if err := h.openBrake(ctx); err != nil {
		return err
	}
	if err := h.openCourier(); err != nil {
		return err
	}
	if err := h.openOffice(ctx); err != nil {
		return err
	}
	if err := h.openAlarms(); err != nil {
		return err
	}
	if err := h.openLogin(); err != nil {
		return err
	}
	if err := h.openWitness(seals); err != nil {
		return err
	}
	if err := h.openDoors(); err != nil {
		return err
	}
	if err := h.openGateway(); err != nil {
		return err
	}
	if err := h.openAudit(); err != nil {
		return err
	}
	if err := h.openPortal(ctx); err != nil {
		return err
	}
	h.begin()
	return nil
}

func (h *Hub) openDisclose(codec *body.Codec) error {
	var err error
	h.Disclose, err = disclose.New(disclose.Deps{
		Records: h.Slices.Records, Log: h.Slices.Disclosures, Counters: h.Slices.Counters, Vault: h.Vault, Codec: codec,
		Kinds: h.Kinds, Receipts: h.Receipts, Clock: h.cfg.Clock, Legs: h.Slices.Legs, Consents: h.Slices.Consents,
	})
	return err
}

// openOffice wires what an operator does, and notes acts on many legs that the
// end of the process cut off.
func (h *Hub) openOffice(ctx context.Context) error {
	h.Office = admin.Of(h.Slices, h.cfg.Clock)
	h.Office.Keeper = keep.New(keep.Store{Retention: h.Slices.Retention, Records: h.Slices.Records, Ledger: h.Slices.Ledger}, h.cfg.Clock, h.Vault.Forget)
	h.Office.CheckDestination, h.Office.WholeFiles = h.Courier.Check, h.Courier.WholeFiles
	h.Moves = admin.NewMoves(h.Office)
	return h.unended(ctx)
}

func (h *Hub) openIntake(ctx context.Context, key *ledger.ReceiptKey, codec *body.Codec, seals *seal.Verifier) error {
	var err error
	if h.Grades, err = grade.New(ctx, grade.Deps{Scores: h.Slices.House.Scores, Counters: h.Slices.Counters, Clock: h.cfg.Clock, Again: h.again(codec), Nights: h.Slices.House.Nights}); err != nil {
		return err
	}
	h.Grades.RuleWords = h.live.Words
	h.Intake, err = intake.New(intake.Deps{
		Store: h.Slices.Intake, Records: h.Slices.Records, Months: h.Slices.Keys, Vault: h.Vault, Kinds: h.Kinds, Seals: seals,
		Trust: h.Trust.Current, Rules: h.Rules, Scores: h.Grades.Judge, Receipts: h.Receipts, Key: key, Codec: codec, Clock: h.cfg.Clock, Logger: h.cfg.Logger,
		Observer: h.metrics, Plan: h.delivery.plan.Load, Legs: h.Slices.Legs, Notes: h.Slices.Revocations,
	}, intake.Config{Hub: h.cfg.Name, Weights: h.cfg.Weights})
	if err != nil {
		return err
	}
	h.metrics.Watch(h.Intake.Flow)
	return h.Intake.PrepareMonths(ctx)
}

func (h *Hub) openStore(ctx context.Context) error {
	var err error
	h.Vault, err = h.cfg.Keys.Vault()
	if err != nil {
		return err
	}
	h.Vault.Missing = func() error { // another hub turned a month's key since
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return h.loadMonths(ctx)
	}
	h.Slices, err = h.cfg.Open(ctx, func(ctx context.Context, head store.Head, source ledger.Source) (store.Log, error) {
		if h.LogKey, err = h.cfg.Keys.LogKey(head.Origin); err != nil {
			return nil, err
		}
		h.writer, err = evidence.OpenWriter(ctx, h.LogKey, head, source)
		return h.writer, err
	})
	if err != nil {
		return fmt.Errorf("hub: opening the store: %w", err)
	}
	if err := h.checkKeys(ctx); err != nil {
		return err
	}
	return h.loadMonths(ctx)
}

// begin starts the work of the background: the directory kept fresh, counters
// folded within a second, looks rooted in the ledger within a minute, month
// keys that other hubs made.
func (h *Hub) begin() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.work.Go(func() { h.Trust.Run(ctx) })
	h.watchStore()
	h.Courier.Set(h.delivery.all)
	h.every(ctx, time.Second, "destinations not looked at", h.readPlan)
	h.every(ctx, time.Second, "store not looked at", func(context.Context) error { h.watchStore(); return nil })
	h.every(ctx, time.Minute, "alarms not looked after", h.Alarms.Round)
	h.every(ctx, time.Second, "counters not folded", func(ctx context.Context) error {
		_, err := h.Slices.Counters.Fold(ctx)
		return err
	})
	h.every(ctx, time.Second, "looks not counted", h.Disclose.Count)
	h.every(ctx, time.Minute, "looks not rooted", h.rootDisclosures)
	h.every(ctx, 10*time.Minute, "looks not checked", h.checkAtNight)
	h.every(ctx, time.Second, "looks of emergencies not entered", h.enterSpooled)
	h.every(ctx, h.cfg.Outside.Stamp, "checkpoints not stamped", h.Stamper.Round)
	h.every(ctx, h.cfg.Outside.Witness, "witnesses not asked", h.Asker.Round)
	h.every(ctx, h.cfg.Outside.Ask, "signers not asked about", h.Checker.Round)
	h.every(ctx, 2*time.Second, "month keys not loaded", func(ctx context.Context) error {
		return errors.Join(h.loadMonths(ctx), h.Intake.PrepareMonths(ctx))
	})
	h.every(ctx, 2*time.Second, "dictionaries not loaded", h.shelf.Load)
	h.every(ctx, 2*time.Second, "notices not sent", h.Login.Teller.Round)
	h.every(ctx, time.Second, "persons not verified", h.Login.Register.Round)
	h.every(ctx, time.Hour, "unused accounts not disabled", h.Login.Roster.Sweep)
	h.every(ctx, inflowEvery, "destinations not read", h.Inflow)
	h.every(ctx, time.Second, "books of rules not read", h.live.Refresh)
	h.every(ctx, time.Second, "rules not rehearsed", h.stage.Round)
	h.every(ctx, 20*time.Second, "choices and requests not moved on", h.citizensRound)
	h.every(ctx, 20*time.Second, "openings not looked at", h.Reading.Round)
	for _, r := range h.House.Rounds {
		h.every(ctx, r.Every, r.Failed, r.Do)
	}
}

func (h *Hub) every(ctx context.Context, d time.Duration, failed string, do func(context.Context) error) {
	h.work.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := do(ctx); err != nil && ctx.Err() == nil {
					h.cfg.Logger.Error(failed, "error", err)
				}
			}
		}
	})
}

// rootDisclosures puts the root of the looks since the last time into the
// ledger: one leaf a minute for each instance (DESIGN §5).
func (h *Hub) rootDisclosures(ctx context.Context) error {
	for {
		looks, err := h.Slices.Disclosures.Unrooted(ctx, 10_000)
		if err != nil || len(looks) == 0 {
			return err
		}
		rows := make([][]byte, len(looks))
		for i := range looks {
			rows[i] = looks[i].Canonical()
		}
		place, err := h.Slices.Ledger.Append(ctx, [][]byte{ledger.DisclosureLeaf(rows)})
		if err != nil {
			return err
		}
		if err := h.Slices.Disclosures.Root(ctx, looks[len(looks)-1].ID, place); err != nil {
			return err
		}
	}
}

// Close stops taking files, waits for what was taken, and gives the store back.
func (h *Hub) Close() error {
	if h.Intake != nil {
		h.Intake.Stop()
	}
	if h.Moves != nil {
		h.Moves.Stop()
	}
	if h.Courier != nil {
		h.Courier.Stop()
	}
	if h.stop != nil {
		h.stop()
		h.work.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.Disclose.Count(ctx); err != nil {
			h.cfg.Logger.Error("looks not counted", "error", err)
		}
		if err := h.rootDisclosures(ctx); err != nil {
			h.cfg.Logger.Error("looks not rooted", "error", err)
		}
	}
	var err error
	if h.Slices != nil {
		err = h.Slices.Close()
	}
	if h.cfg.Guard != nil {
		err = errors.Join(err, h.cfg.Guard.Close())
	}
	return err
}
