package hub

import (
	"context"
	"slices"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/hub/house"
	"lienthong/internal/hub/rooms"
	"lienthong/internal/intake"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/masked"
	"lienthong/internal/rulepack"
	"lienthong/internal/vault"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/portal/content"
	"lienthong/internal/web/portal/desk"
)

// openPortal wires the pages for people.
func (h *Hub) openPortal(ctx context.Context) error {
	d, err := desk.New(desk.Slices{
		Counters: masked.Sums{Counters: h.Slices.Counters}, Records: masked.Metadata{Records: h.Slices.Records}, Facilities: h.Slices.Facilities, Disclosures: h.Slices.Disclosures,
		Acts: h.Slices.Keys, Episode: h.episode, Verified: h.Login.Register.Verified,
		Silence: h.Alarms.Silence,
	}, h.cfg.Clock)
	if err != nil {
		return err
	}
	keys, err := h.logKeys()
	if err != nil {
		return err
	}
	opener, err := content.NewOpener(h.Disclose, keys, h.cfg.Clock)
	if err != nil {
		return err
	}
	sender, err := content.NewSender(h.Intake, h.preview, h.cfg.Clock)
	if err != nil {
		return err
	}
	parts, err := h.parts()
	if err != nil {
		return err
	}
	urgent, err := rooms.Urgent(parts)
	if err != nil {
		return err
	}
	citizens, err := h.openCitizens(parts)
	if err != nil {
		return err
	}
	clinic, err := h.openReading(parts)
	if err != nil {
		return err
	}
	privacy, err := rooms.Privacy(parts, h.Choices, h.Cases, h.Brake, h.Login.Roster)
	if err != nil {
		return err
	}
	if h.House, err = house.Open(ctx, house.Parts{Slices: h.Slices, Vault: h.Vault, Busy: h.isBusy, Disclose: h.Disclose, Receipt: parts.Receipt, Directory: parts.Directory,
		Callers: h.callers(), Rules: h.Rules, Rulebook: h.Rulebook, Stage: h.stage, Clock: h.cfg.Clock, Logger: h.cfg.Logger, Hub: h.cfg.Name, Holder: h.LogKey.Verifier(), PublicURL: h.cfg.PublicURL, Version: rulepack.Release(), Demo: h.cfg.Demo, Shipped: h.cfg.Shipped, Imports: h.cfg.Imports,
		Grades: h.Grades, Took: h.metrics.Took, Alarms: h.Alarms, Ways: h.alarmWays, Room: h.cfg.Room}); err != nil {
		return err
	}
	h.portal, err = portal.New(portal.Deps{Privacy: privacy, Clinic: clinic, Citizen: citizens, Urgent: urgent, House: h.House.Pages, Boards: d, Messages: d, Trail: d, Content: opener, Checker: opener, Sender: sender, Sessions: h.Sessions, Rules: content.Rules{Pack: h.Rules}, Delivery: h.deliveryRooms(), Account: h.Login.Account(h.roomParts()),
		Keeping: watched{desk.NewKeeper(h.Slices.Keys, h.Slices.Counters, h.cfg.Room), h.Slices.Witness}},
		portal.Config{Clock: h.cfg.Clock, Log: h.cfg.Logger, Demo: h.cfg.Demo, PublicURL: h.cfg.PublicURL, Kinds: h.Kinds.Names(), Try: h.cfg.Try})
	return err
}

// parts are what sets of rooms are made of.
func (h *Hub) parts() (rooms.Parts, error) {
	key, err := ledger.NewReceiptKey(h.cfg.Keys.Receipt)
	return rooms.Parts{Slices: h.Slices, Vault: h.Vault, Disclose: h.Disclose, Sessions: h.Sessions, Receipt: key,
		Directory: func() *facility.Directory { return h.Trust.Current().Directory },
		Clock:     h.cfg.Clock, Logger: h.cfg.Logger, Hub: h.cfg.Name, PublicURL: h.cfg.PublicURL, Demo: h.cfg.Demo}, err
}

// mostLogs is how many hubs may write beside each other: each has a log.
const mostLogs = 64

// logKeys are the verifier keys of all logs of this hub's name: one seed signs them all.
func (h *Hub) logKeys() ([]string, error) {
	keys := make([]string, mostLogs)
	for n := range keys {
		k, err := h.cfg.Keys.LogKey(ledger.Origin(h.cfg.Name, uint(n)))
		if err != nil {
			return nil, err
		}
		keys[n] = k.Verifier()
	}
	return keys, nil
}

// preview judges a file by the trust of this moment and keeps nothing.
func (h *Hub) preview(ctx context.Context, f intake.File, now time.Time) (*intake.Preview, error) {
	c := &intake.Checker{Kinds: h.Kinds, Seals: h.Intake.Seals, Rules: h.Rules, Scores: h.Grades.Judge, Trust: h.Trust.Current()}
	return c.Check(ctx, f, now)
}

// episode hashes an episode code as intake does.
func (h *Hub) episode(code care.FacilityCode, text string) ([]vault.Keyed, error) {
	id, err := care.ParseEpisodeID(text)
	if err != nil {
		return nil, err
	}
	return kind.EpisodeHashes(h.Vault, code, string(id)), nil
}

// busyBytes is how much of files in flight is more than intake has at hand at once.
const busyBytes = 4 << 20

// isBusy reports whether files wait for intake, or much of them is in flight.
func (h *Hub) isBusy() bool {
	flow := h.Intake.Flow()
	return flow.InFlight > busyBytes || slices.ContainsFunc(flow.Lanes, func(l admission.LaneState) bool { return l.Waiting > 0 })
}
