//go:build linux

package chaos_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"lienthong/internal/chaos"
	"lienthong/internal/chaos/byhand"
	"lienthong/internal/synth"
)

// aCount is after how many kills everything is counted by hand and looked through
// by the re-verifier.
const aCount = 100

// ill is a nation one of whose files in three has a defect: what is rejected and
// warned about is counted too.
func ill(t testing.TB, seed uint64) *synth.Nation {
	t.Helper()
	n, err := synth.New(synth.Config{Seed: seed, Profile: synth.Small, DefectShare: 0.33})
	check(t, err)
	return n
}

// census sends whatever a nation makes and withdraws some of it. It keeps nothing:
// the store is what is counted.
type census struct {
	*sender
	mu   sync.Mutex
	gave int // files with an answer
	took int // dossiers of visits that were accepted
	back int // withdrawals
}

// send sends until ctx ends.
func (c *census) send(ctx context.Context) {
	for ctx.Err() == nil {
		i := int(c.next.Add(1))
		x, err := c.n.At(i)
		if err != nil {
			panic(err) // a nation that cannot go on is a defect of synth
		}
		if x.Kind != "qd4750" && x.Kind != "checkin" {
			continue
		}
		status, list, err := c.post(ctx, parcel{x.Facility, x.XML, x.Dossiers})
		if err != nil {
			continue
		}
		c.mu.Lock()
		c.gave++
		c.mu.Unlock()
		if status != http.StatusOK {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		for _, r := range list {
			if !r.accepted() {
				continue
			}
			if x.Kind == "qd4750" {
				c.mu.Lock()
				c.took++
				c.mu.Unlock()
			}
			if i%17 == 0 {
				c.withdraw(ctx, x.Facility, r.Record)
			}
		}
	}
}

// some reports whether a visit was accepted yet.
func (c *census) some() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.took > 0
}

func (c *census) withdraw(ctx context.Context, facility, record string) {
	token, err := c.clients[facility].Token(ctx)
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/api/v1/records/"+record+"/withdraw", strings.NewReader(`{"reason":"Nhập nhầm người bệnh"}`))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return
	}
	if resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
		c.mu.Lock()
		c.back++
		c.mu.Unlock()
	}
}

// speaks is the engine as the page names it.
func (p *patient) speaks() string {
	if p.engine == "postgres" {
		return byhand.PostgreSQL
	}
	return byhand.SQLite
}

// counting opens what an auditor opens: the tables.
func (p *patient) counting(read bool) *sql.DB {
	p.t.Helper()
	driver, source := "sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(60000)&_pragma=query_only(%t)", filepath.Join(p.at, "main.db"), read)
	if p.engine == "postgres" {
		place, _, err := readPlace(p.at)
		check(p.t, err)
		url, err := os.ReadFile(place.Database)
		check(p.t, err)
		driver, source = "pgx", strings.TrimSpace(string(url))
	}
	db, err := sql.Open(driver, source)
	check(p.t, err)
	db.SetMaxOpenConns(1)
	return db
}

// byHand runs the statements of the page and returns what is not equal.
func (p *patient) byHand() (wrong []string) {
	p.t.Helper()
	page, err := byhand.Page()
	check(p.t, err)
	db := p.counting(true)
	defer db.Close()
	list := byhand.Statements(page, p.speaks())
	if len(list) != 3 {
		p.t.Fatalf("%d statements for %s in the page", len(list), p.engine)
	}
	for _, s := range list {
		lines, err := s.Run(context.Background(), db)
		check(p.t, err)
		for _, l := range lines {
			wrong = append(wrong, s.Name+": "+l)
		}
	}
	return wrong
}

// R25: the hub is killed at random moments while files come, are rejected,
// superseded and withdrawn, and databases are filled from them. What the hub
// counted must be what its rows give, counted by hand.
func TestR25CountedAfterKillsSQLite(t *testing.T) {
	t.Parallel()
	countedAfterKills(t, chaos.Plan{Name: "R25 counted after kills, sqlite", Quick: 2, All: 1000}, "sqlite")
}

func TestR25CountedAfterKillsPostgres(t *testing.T) {
	t.Parallel()
	countedAfterKills(t, chaos.Plan{Name: "R25 counted after kills, postgres", Quick: 1, All: 1000}, "postgres")
}

func countedAfterKills(t *testing.T, plan chaos.Plan, engine string) {
	run := chaos.Begin(t, plan)
	p := &patient{t: t, run: run, engine: engine, n: ill(t, run.Seed), listen: port(t), at: t.TempDir()}
	p.f = found(t, p.at, engine, p.n)
	t.Cleanup(p.discharge)
	p.start()
	c := &census{sender: newSender(t, p.n, "http://"+p.listen, p.f)}
	seen := 0
	for p.kills < run.Rounds {
		p.felled(c)
		if p.kills%aCount == 0 || p.kills == run.Rounds {
			if wrong := p.byHand(); len(wrong) > 0 {
				t.Fatalf("%s (seed %d): after %d kills %d numbers are not what the rows give, first %s", run.Name, run.Seed, p.kills, len(wrong), wrong[0])
			}
			seen++
			t.Logf("%d kills, %d files answered, %d withdrawn, %s: counted is recounted", p.kills, c.gave, c.back, p.holds())
		}
	}
	check(t, p.hub.end())
	p.audit(p.at)
	holds := p.holds()
	if c.gave < p.kills/2 || seen == 0 {
		t.Errorf("only %d files were answered in %d lives", c.gave, p.kills)
	}
	found := p.polished()
	run.Control(found == len(polish), "one of %d numbers changed at a time: %d named", len(polish), found)
	run.End("%d kills, %d files answered, %d withdrawn; %s; counted by hand %d times: all numbers are what the rows give; ready within %d ms",
		p.kills, c.gave, c.back, holds, seen, p.slowest.Milliseconds())
}

// felled is one life: load, kill -9 at a random moment of 20 to 400 ms, start. Each
// fourth may last 1.6 s: numbers are folded about once a second.
func (p *patient) felled(c *census) {
	p.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range writersAtOnce / 2 {
		all.Go(func() { c.send(ctx) })
	}
	for n := 0; p.kills == 0 && !c.some() && n < 24_000; n++ { // the control needs something to change
		time.Sleep(5 * time.Millisecond)
	}
	longest := 381
	if p.kills%4 == 3 {
		longest = 1581
	}
	time.Sleep(time.Duration(20+p.run.Rand("cut", p.kills).IntN(longest)) * time.Millisecond)
	p.hub.kill()
	stop()
	all.Wait()
	p.kills++
	p.start()
}

// holds says what there is to count.
func (p *patient) holds() string {
	p.t.Helper()
	db := p.counting(true)
	defer db.Close()
	var said []string
	for _, q := range []struct{ name, text string }{
		{"records", `SELECT count(*) FROM record`}, {"rejected", `SELECT count(*) FROM record WHERE state = 'rejected'`},
		{"refused files", `SELECT count(*) FROM refusal`}, {"entries", `SELECT count(*) FROM db_entry`},
		{"counters", `SELECT count(*) FROM counter`}, {"scores", `SELECT count(*) FROM score`},
	} {
		var n int64
		check(p.t, db.QueryRow(q.text).Scan(&n))
		said = append(said, fmt.Sprintf("%d %s", n, q.name))
	}
	return strings.Join(said, ", ")
}

// polish are numbers that somebody changes, one at a time: the control. Of a number
// that is not folded yet the second statement changes what is appended.
var polish = [][]string{
	{`UPDATE counter SET n = n - 1 WHERE measure LIKE 'accepted%'`, `UPDATE delta SET n = n - 1 WHERE measure LIKE 'accepted%'`},
	{`UPDATE counter_place SET n = n + 1 WHERE measure LIKE 'accepted%'`, `DELETE FROM delta WHERE measure LIKE 'accepted%'`},
	{`UPDATE record SET marks = substr(marks, 1, 4) WHERE serial = (SELECT serial FROM record WHERE current AND length(marks) > 8 LIMIT 1)`},
	{`DELETE FROM score WHERE scale = 'p' AND subject = 'qd4750' AND length(vector) > 8`, `DELETE FROM score_delta WHERE subject = 'qd4750'`},
	{`UPDATE record SET state = 'rejected' WHERE serial = (SELECT serial FROM record WHERE state LIKE 'accepted%' LIMIT 1)`},
}

// polished makes each of the changes, counts by hand, and takes it back; it returns
// how many were named.
func (p *patient) polished() (found int) {
	p.t.Helper()
	ctx := context.Background()
	page, err := byhand.Page()
	check(p.t, err)
	db := p.counting(false)
	defer db.Close()
	for _, ways := range polish {
		tx, err := db.BeginTx(ctx, nil)
		check(p.t, err)
		for _, q := range ways {
			done, err := tx.ExecContext(ctx, q)
			check(p.t, err)
			if n, err := done.RowsAffected(); err != nil || n > 0 {
				break
			}
		}
		named := false
		for _, s := range byhand.Statements(page, p.speaks()) {
			lines, err := s.Run(ctx, tx)
			check(p.t, err)
			named = named || len(lines) > 0
		}
		check(p.t, tx.Rollback())
		if named {
			found++
		} else {
			p.t.Logf("not named: %s", ways[0])
		}
	}
	return found
}
