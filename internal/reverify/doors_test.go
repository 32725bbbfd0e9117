package reverify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/dossier"
	"lienthong/internal/enrol"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/ledger"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// doorActs is how many acts openDoors keeps.
const doorActs = 19

// openDoors has a hub let senders in and records out: destinations and routes
// that hold, one that ended, credentials, accounts, invites used and not, one who
// waits, and a sender that forked.
func (h *testHub) openDoors() {
	ctx := context.Background()
	step := func(err error) {
		h.t.Helper()
		must(h.t, err)
		h.clock.Advance(time.Second)
	}
	destination := func(id string) admin.Destination {
		return admin.Destination{ID: id, Adapter: "webhook", Name: fault.Text{VI: "Nơi nhận " + id, EN: id}, URL: "https://" + id + ".test/vao", Private: true,
			Options: json.RawMessage(`{"user": "79901_BV", "a": [1, "<b>"]}`), Purpose: "payment", PerSecond: 2.5}
	}
	first := destination("bhxh")
	first.Purpose = "" // what these dossiers lack blocks payment
	step(h.office.PutDestination(ctx, "operator", first))
	step(h.office.PutDestination(ctx, "operator", destination("so")))
	step(h.office.DestinationDo(ctx, "operator", "so", admin.DestinationPause))
	changed := destination("so")
	changed.Closed = true
	step(h.office.PutDestination(ctx, "operator", changed))
	step(h.office.PutRoute(ctx, "operator", admin.Route{Destination: "bhxh", Mode: exchange.Off}))
	step(h.office.PutRoute(ctx, "operator", admin.Route{Destination: "bhxh", Mode: exchange.Relay}))
	step(h.office.PutRoute(ctx, "operator", admin.Route{Destination: "so", Facility: "79901", Kind: "qd4750", Mode: exchange.Direct}))
	step(h.office.PutSecret(ctx, "operator", "bhxh", "79901", []byte("niêm phong")))
	step(h.office.SetGateway(ctx, "operator", admin.Gateway{Code: "79901", User: "79901_BV", Hash: "$argon2id$v=19$m=8,t=1,p=1$YQ$Yg"}))
	step(h.office.SetGateway(ctx, "operator", admin.Gateway{Code: "79902", User: "79902_BV", Hash: "$argon2id$v=19$m=8,t=1,p=1$Yw$ZA", Roaming: true}))
	step(h.office.RevokeGateway(ctx, "operator", "79902", "79902_BV"))
	desk, err := enrol.New(enrol.Deps{Store: h.slices.Enrolments, Refresh: h.watch.Refresh, Clock: h.clock, Random: rand.Reader})
	must(h.t, err)
	client := h.enrols(desk, "79901")
	step(nil)
	h.enrols(desk, "79901")
	step(nil)
	step(h.office.SetApproval(ctx, "operator", "second"))
	h.enrols(desk, "79902")
	step(nil)
	fork := store.Act{At: h.clock.Now(), Actor: "hub", Action: "sender.forked", Object: client, Detail: `{"n":2}`}
	fork.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, fork.Statement())
	_, _, err = h.slices.Enrolments.Sequence(ctx, store.Step{Client: client, N: 1, Prev: "-", Next: "x", At: h.clock.Now()})
	must(h.t, err)
	_, err = h.slices.Enrolments.Fork(ctx, client, h.clock.Now(), fork)
	must(h.t, err)
	h.plan()
	h.clock.Advance(2 * time.Minute)
}

// enrols lets a new system of a facility enrol.
func (h *testHub) enrols(desk *enrol.Desk, code string) string {
	h.t.Helper()
	i, err := h.office.Invite(context.Background(), "operator", code, 72)
	must(h.t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(h.t, err)
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	must(h.t, err)
	h.clock.Advance(time.Second)
	e, err := desk.Redeem(context.Background(), "192.0.2.1:99", enrol.Request{Invite: i.Code, PublicKey: spki, Software: "HIS/1"})
	must(h.t, err)
	return e.Client
}

// plan takes over destinations and routes as the hub does every second.
func (h *testHub) plan() {
	h.t.Helper()
	destinations, routes, err := h.slices.Destinations.Destinations(context.Background())
	must(h.t, err)
	h.routes.Store(exchange.NewPlan(destinations, routes))
}

// routed is a hub whose records have legs.
func routed(h *testHub) (sent []dossier.ID) {
	h.register("79901")
	h.register("79902")
	h.stored("79901", h.dossiers("79901", "20261120", person(1)))
	h.openDoors()
	for n := range 3 {
		sent = append(sent, h.stored("79901", h.dossiers("79901", "20261120", person(10+2*n), person(11+2*n)))...)
	}
	h.stored("79902", h.arrivals("79902", person(20)))
	h.stored("79901", h.dossiers("79901", "20261120", with(person(30), "GIOI_TINH", "9"))) // rejected: no legs
	h.clock.Advance(2 * time.Minute)
	gone := h.stored("79901", h.dossiers("79901", "20261120", person(40)))
	h.settle(gone[0], "bhxh", exchange.Done)
	h.clock.Advance(2 * time.Minute)
	_, err := h.intake.Withdraw(context.Background(), intake.Sender{Facility: "79901", Name: "portal:facility:79901"}, gone[0], "Nhập nhầm người bệnh")
	must(h.t, err)
	h.settle(sent[0], "bhxh", exchange.Done)
	h.settle(sent[1], "bhxh", exchange.Parked)
	h.erase(sent[0])
	return sent[1:]
}

// settle ends a leg as a courier does.
func (h *testHub) settle(id dossier.ID, to string, as exchange.State) {
	h.t.Helper()
	ctx, now := context.Background(), h.clock.Now()
	_, err := h.slices.Legs.Claim(ctx, store.LegClaim{Destination: to, Holder: "test", Now: now, Until: now.Add(time.Hour), Limit: 100})
	must(h.t, err)
	r := store.LegResult{LegKey: store.LegKey{Record: id, Destination: to}, State: as, Attempts: 1, Sent: now, Reference: "GD-1"}
	if as == exchange.Done {
		r.Received, r.Finalized = now, now
	} else {
		r.Code = "webhook.400"
	}
	legs, err := h.slices.Legs.Of(ctx, id)
	must(h.t, err)
	if !slices.ContainsFunc(legs, func(l store.Leg) bool { return l.Destination == to }) {
		h.t.Fatalf("%s has no leg to %s", id, to)
	}
	lost, err := h.slices.Legs.Settle(ctx, "test", now, []store.LegResult{r})
	must(h.t, err)
	if len(lost) > 0 {
		h.t.Fatalf("the leg of %s was not claimed", id)
	}
}

// edit is a change of rows that must be found under a code.
// Words in braces are an engine's own (see spell).
type edit struct{ name, code, query string }

// doorEdits are what an intruder would do: let records go elsewhere or nowhere,
// let a system in, hide that two have one key.
var doorEdits = []edit{
	{"a destination led elsewhere", "destination.edited", `UPDATE destination SET url = 'https://khac.test/' WHERE id = 'bhxh'`},
	{"a destination taken up again", "destination.edited", `UPDATE destination SET paused = 0 WHERE id = 'so'`},
	{"a destination with other settings", "destination.edited", `UPDATE destination SET options = '{}' WHERE id = 'so'`},
	{"a destination that gets closed compartments", "destination.edited", `UPDATE destination SET closed = {yes} WHERE id = 'bhxh'`},
	{"a destination more", "destination.edited", `INSERT INTO destination SELECT 'moi', adapter, name_vi, name_en, url, private, options, purpose, closed, per_second, parallel, since, paused, ended FROM destination WHERE id = 'so'`},
	{"a destination less", "destination.missing", `DELETE FROM destination WHERE id = 'so'`},
	{"a route turned off", "route.edited", `UPDATE route SET mode = 'off' WHERE destination = 'so'`},
	{"a route for another facility", "route.edited", `UPDATE route SET facility = '79902' WHERE destination = 'so'`},
	{"a route that holds no more", "route.missing", `UPDATE route SET until = 1 WHERE destination = 'so'`},
	{"a route taken up again", "route.edited", `UPDATE route SET until = 0`},
	{"a credential less", "secret.missing", `DELETE FROM secret`},
	{"a credential of another facility", "secret.edited", `UPDATE secret SET facility = '79902'`},
	{"a credential nobody handed over", "secret.edited", `INSERT INTO secret (facility, destination, sealed, since) SELECT facility, 'so', sealed, since FROM secret`},
	{"an account with another password", "gateway.edited", `UPDATE gateway_account SET hash = hash || 'x' WHERE facility = '79901'`},
	{"a revoked account in use again", "gateway.edited", `UPDATE gateway_account SET revoked = 0`},
	{"an account less", "gateway.missing", `DELETE FROM gateway_account WHERE facility = '79901'`},
	{"an invite that is good for longer", "invite.edited", `UPDATE invite SET expires = expires + 1000000`},
	{"an invite that may be used again", "invite.edited", `UPDATE invite SET used = 0, client = '' WHERE facility = '79901'`},
	{"an invite of another facility", "invite.edited", `UPDATE invite SET facility = '79902' WHERE facility = '79901'`},
	{"an invite less", "invite.missing", `DELETE FROM invite WHERE facility = '79901'`},
	{"nobody approves", "enrolment.edited", `UPDATE enrolment SET second = {no}`},
	{"an applicant with another key", "applicant.edited", `UPDATE applicant SET public_key = {zero}`},
	{"an applicant invited by another", "applicant.edited", `UPDATE applicant SET inviter = 'khac'`},
	{"an applicant less", "applicant.missing", `DELETE FROM applicant`},
	{"a fork forgotten", "sender.edited", `UPDATE sender SET forked = 0`},
	{"a fork nobody saw", "sender.edited", `INSERT INTO sender (client, n, prev, token, at, forked) SELECT id, 1, '-', 'x', 1, 1 FROM client WHERE id NOT IN (SELECT client FROM sender) LIMIT 1`},
}

// legEdits are what an intruder would do to deliveries.
var legEdits = []edit{
	{"a leg less", "leg.missing", `DELETE FROM leg WHERE destination = 'so' AND {record}`},
	{"no legs at all", "leg.missing", `DELETE FROM leg`},
	{"a withdrawal's leg less", "leg.missing", `DELETE FROM leg WHERE {withdrawal}`},
	{"a leg to where nobody approved", "leg.edited", `UPDATE leg SET destination = 'khac' WHERE {record} AND destination = 'so'`},
	{"a leg done that was never handed over", "leg.edited", `UPDATE leg SET state = 'done' WHERE {record} AND destination = 'so'`},
	{"a leg given up without a reason", "leg.edited", `UPDATE leg SET state = 'skipped', code = '' WHERE {record} AND destination = 'so'`},
	{"a leg of another kind", "leg.edited", `UPDATE leg SET kind = 'checkin' WHERE {record} AND destination = 'so'`},
	{"a leg of another episode", "leg.edited", `UPDATE leg SET episode = file WHERE {record} AND destination = 'so'`},
	{"a leg of another file", "leg.edited", `UPDATE leg SET file = episode WHERE {record} AND destination = 'so'`},
	{"a leg begun before its record", "leg.edited", `UPDATE leg SET created = created - 1 WHERE {record} AND destination = 'so'`},
	{"a leg done whose record is gone", "leg.stray", `UPDATE leg SET serial = {random} WHERE state = 'done'`},
}

// table is the table an edit is of.
func (e edit) table() string {
	words := strings.Fields(e.query)
	if words[0] == "UPDATE" {
		return words[1]
	}
	return words[2] // INSERT INTO, DELETE FROM
}

func codesOf(r *reverify.Report) (codes []string) {
	for _, d := range r.Differences {
		if !slices.Contains(codes, d.Code) {
			codes = append(codes, d.Code)
		}
	}
	return codes
}

func TestDoorsAndLegsAreHeldAgainstActsAndRecords(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	sent := routed(h)
	h.close()
	r, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("untouched: %s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	if r.Legs < 14 || r.Acts != doorActs+3 {
		t.Fatalf("%d legs and %d acts were looked at", r.Legs, r.Acts)
	}
	last := sent[len(sent)-1]
	for _, e := range append(slices.Clone(doorEdits), legEdits...) {
		copied := copyDir(t, dir)
		query := strings.NewReplacer("{yes}", "1", "{no}", "0", "{zero}", "x'00'", "{record}", fmt.Sprintf("serial = x'%x'", last.Serial[:]),
			"{random}", "randomblob(16)", "{withdrawal}", "withdraws IS NOT NULL").Replace(e.query)
		db := rawDB(t, filepath.Join(copied, sqlite.MainFile))
		res, err := db.Exec(query)
		must(t, err)
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			t.Errorf("%s: nothing was changed", e.name)
		}
		must(t, db.Close())
		r, err := verify(t, keys, sqliteOf(copied), reverify.Options{})
		must(t, err)
		if !slices.Contains(codesOf(r), e.code) {
			t.Errorf("%s: not found as %s: %v", e.name, e.code, codesOf(r))
		}
	}
}

func TestDoorsAndLegsAreHeldOnPostgreSQL(t *testing.T) {
	t.Parallel()
	address, keys := pgtest.Copy(t, postgres.Migrate), newSecrets(t)
	h := startHub(t, keys, postgresOf(address), slog.New(slog.DiscardHandler))
	sent := routed(h)
	h.close()
	slicesOf := openThere(t, address)
	r, err := verifyIn(t, keys, slicesOf, reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("untouched: %s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	if r.Legs < 14 || r.Acts != doorActs+3 {
		t.Fatalf("%d legs and %d acts were looked at", r.Legs, r.Acts)
	}
	conn, last := editor(t, address), sent[len(sent)-1]
	for _, e := range append(slices.Clone(doorEdits), legEdits...) {
		query := strings.NewReplacer("{yes}", "true", "{no}", "false", "{zero}", `'\x00'::bytea`, "{record}", fmt.Sprintf("serial = '%x'::uuid", last.Serial[:]),
			"{random}", "gen_random_uuid()", "{withdrawal}", "withdraws <> '00000000-0000-0000-0000-000000000000'").Replace(e.query)
		if !edited(t, conn, e.table(), query, func() {
			r, err := verifyIn(t, keys, slicesOf, reverify.Options{})
			must(t, err)
			if !slices.Contains(codesOf(r), e.code) {
				t.Errorf("%s: not found as %s: %v", e.name, e.code, codesOf(r))
			}
		}) {
			t.Errorf("%s: could not be made: %s", e.name, query)
		}
	}
}
