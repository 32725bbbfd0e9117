package bring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/importspool"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

// victim tells a run of this test's own program what to apply and when to die.
const victim = "LIENTHONG_IMPORT_VICTIM" // engine|where|files|mode|n

const (
	killRows  = 200
	killBatch = 20
)

// mortal is a hub's worth of what an import needs, that a program can die with.
type mortal struct {
	slices  *store.Slices
	desk    *bring.Desk
	steward *steward.Steward
}

func openMortal(ctx context.Context, engine, where, files string, wrap func(house.Entries) house.Entries) (m *mortal, err error) {
	m = &mortal{}
	at := clock.System{}
	if engine == "sqlite" {
		m.slices, err = sqlite.Open(ctx, where, sqlite.Config{Clock: at, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: "mortal"})
	} else {
		m.slices, err = postgres.Open(ctx, where, postgres.Config{Clock: at, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: "mortal"})
	}
	if err != nil {
		return nil, err
	}
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		return nil, err
	}
	h, log := m.slices.House, slog.New(slog.DiscardHandler)
	m.steward, err = steward.New(ctx, steward.Deps{Databases: h.Databases, Entries: wrap(h.Entries), Grants: h.Grants, Flow: h.Flow, Scores: h.Scores, Keys: m.slices.Keys, Vault: v,
		Directory: func() *facility.Directory { return facility.NewDirectory(facility.Contents{}) }, Clock: at, Logger: log}, steward.Config{Holder: "mortal"})
	if err != nil {
		return nil, err
	}
	spool, err := importspool.Open(files, v)
	if err != nil {
		return nil, err
	}
	m.desk, err = bring.New(bring.Deps{Imports: h.Imports, Entries: h.Entries, Steward: m.steward, Files: spool, Clock: at, Logger: log,
		History: func(context.Context, string, registry.ID, registry.EntryID) ([]registry.Entry, error) {
			return nil, errors.New("nothing is undone here")
		}}, bring.Config{Holder: "mortal", Batch: killBatch})
	return m, err
}

func as(e house.Entries) house.Entries { return e }

// dying dies with the nth batch.
type dying struct {
	house.Entries
	mode string // "before" it, "after" it was committed, "while" it is, or "between" the halves of a torn one
	n    int
}

func (d *dying) Put(ctx context.Context, id registry.ID, b house.Batch, was string) error {
	if d.n--; d.n != 0 {
		return d.Entries.Put(ctx, id, b, was)
	}
	die := func() {
		if self, err := os.FindProcess(os.Getpid()); err != nil || self.Kill() != nil {
			panic("it cannot die")
		}
	}
	switch d.mode {
	case "before":
		die()
	case "while":
		time.AfterFunc(time.Duration(len(b.Rows)*37%11)*100*time.Microsecond, die)
	case "between": // the control: a place that moves without its rows
		if err := d.Entries.Put(ctx, id, house.Batch{Place: b.Place}, was); err != nil {
			return err
		}
		die()
	}
	if err := d.Entries.Put(ctx, id, b, was); err != nil {
		return err
	}
	die()
	select {} // until the signal is there
}

// TestVictim is what is killed; by itself it does nothing.
func TestVictim(t *testing.T) {
	told := os.Getenv(victim)
	if told == "" {
		return
	}
	x := strings.Split(told, "|")
	n, err := strconv.Atoi(x[4])
	if err != nil {
		t.Fatal(err)
	}
	m, err := openMortal(t.Context(), x[0], x[1], x[2], func(e house.Entries) house.Entries { return &dying{e, x[3], n} })
	if err != nil {
		t.Fatal(err)
	}
	t.Fatalf("it lived: %v", m.desk.Work(t.Context()))
}

// TestKilledWhileApplying: a program that is killed with any batch goes on where it
// was; no row is lost, none is written twice. The control tears a batch, and is found.
func TestKilledWhileApplying(t *testing.T) {
	t.Parallel()
	for engine, where := range map[string]func(t *testing.T) string{"sqlite": func(t *testing.T) string { return t.TempDir() }, "postgres": func(t *testing.T) string { return pgtest.Copy(t, postgres.Migrate) }} {
		for _, mode := range []string{"before", "after", "while", "between"} {
			t.Run(engine+"/"+mode, func(t *testing.T) {
				t.Parallel()
				lost := killed(t, engine, where(t), mode)
				if mode == "between" && lost == "" {
					t.Error("the control was not found: this test finds nothing")
				}
				if mode != "between" && lost != "" {
					t.Error(lost)
				}
			})
		}
	}
}

// killed brings a file in with a program that dies and dies again, ends it, and says
// what is wrong with what is there.
func killed(t *testing.T, engine, where, mode string) string {
	t.Helper()
	files := t.TempDir()
	m, err := openMortal(t.Context(), engine, where, files, as)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.steward.Declare(t.Context(), steward.Who{Role: role.Role{Kind: role.Operator}, Name: "operator"}, []byte(declared)); err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	file.WriteString("Mã túi máu;CCCD;Ngày hiến;Thể tích\n")
	for i := range killRows {
		fmt.Fprintf(&file, "M-%d;0790880%05d;20/11/2026;%d\n", i, i, 200+i)
	}
	i, err := m.desk.Receive(t.Context(), kcb, "blood", "máu.csv", strings.NewReader(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.desk.Apply(t.Context(), kcb, "blood", i.ID); err != nil {
		t.Fatal(err)
	}
	if err := m.slices.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 3} {
		dies(t, strings.Join([]string{engine, where, files, mode, strconv.Itoa(n)}, "|"))
	}
	if m, err = openMortal(t.Context(), engine, where, files, as); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.slices.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := m.desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := m.desk.Get(t.Context(), kcb, "blood", i.ID)
	if err != nil || got.State != bring.Done {
		t.Fatalf("%+v %v", got, err)
	}
	if s := got.Summary; mode != "between" && (s.Made != killRows || s.Done != killRows) {
		return fmt.Sprintf("its summary says %d made of %d", s.Made, s.Done)
	}
	return m.wrong(t)
}

// wrong says what is lost or doubled.
func (m *mortal) wrong(t *testing.T) string {
	t.Helper()
	e := m.slices.House.Entries
	rows, more, err := e.List(t.Context(), house.EntryFilter{Database: "blood", Limit: 1000})
	if err != nil || more {
		t.Fatal(more, err)
	}
	counts, err := e.Counts(t.Context(), "blood")
	if err != nil {
		t.Fatal(err)
	}
	places, err := e.Places(t.Context(), "blood")
	if err != nil || len(places) != 1 {
		t.Fatal(places, err)
	}
	numbers := map[string]bool{}
	for i := range rows {
		if rows[i].Version != 1 || numbers[rows[i].Open] {
			return "written twice: " + rows[i].Open
		}
		numbers[rows[i].Open] = true
	}
	if len(rows) != killRows || len(counts) != 1 || counts[0].N != killRows || places[0].Made != killRows || places[0].Seen != killRows {
		return fmt.Sprintf("%d entries, counted %+v, place %+v", len(rows), counts, places[0])
	}
	return ""
}

// dies runs the victim, which must be killed by its own hand.
func dies(t *testing.T, told string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestVictim$")
	cmd.Env = append(os.Environ(), victim+"="+told)
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		t.Fatalf("%v %s", err, out)
	}
	if ended.Exited() {
		t.Fatalf("not killed: %v %s", err, out)
	}
}
