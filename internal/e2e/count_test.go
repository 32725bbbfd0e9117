package e2e_test

import (
	"cmp"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/agent/door"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/bridge/axis"
	"lienthong/internal/bridge/webhook"
	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/synth"
	"lienthong/internal/web/gateway"
)

// counted is a record as the hub shows it to its facility.
type counted struct {
	Record, Facility, Episode, Kind, Verdict string
	Version                                  int
	digest                                   string // of its file
}

// records returns what the hub has of a facility.
func (c *county) counted(code string) map[string]counted {
	c.t.Helper()
	out := map[string]counted{}
	for cursor := ""; ; {
		status, body := c.get(code, "/api/v1/records?limit=500&cursor="+url.QueryEscape(cursor))
		var doc struct {
			Items []counted
			Next  string
		}
		if err := json.Unmarshal(body, &doc); err != nil || status != http.StatusOK {
			c.t.Fatalf("%d %v %.200s", status, err, body)
		}
		for _, r := range doc.Items {
			status, raw := c.get(code, "/api/v1/records/"+r.Record+"/original")
			if status != http.StatusOK {
				c.t.Fatalf("the original of %s: %d", r.Record, status)
			}
			r.digest = fmt.Sprintf("%x", sha256.Sum256(raw))
			out[r.Record] = r
		}
		if cursor = doc.Next; cursor == "" {
			return out
		}
	}
}

func taken(verdict string) bool { return strings.HasPrefix(verdict, "accepted") }

// difference compares the hub's legs with what lies at every destination, to the
// record, and returns what only one of them has, and versions that came in
// another order. The same leg there twice, or two for one, is a difference too.
// A leg that was handed over without an answer and then skipped or parked may
// lie there or not.
func (c *county) difference(records map[string]counted) (wrong []string) {
	c.t.Helper()
	legs, more, err := c.hub.Slices.Legs.List(c.ctx, role.Scope{All: true}, store.LegFilter{Limit: 1000})
	for c.check(err); more; c.check(err) {
		var next []store.Leg
		last := legs[len(legs)-1]
		next, more, err = c.hub.Slices.Legs.List(c.ctx, role.Scope{All: true}, store.LegFilter{Limit: 1000, Before: store.Cursor{At: last.Created, ID: last.Record}})
		legs = append(legs, next...)
	}
	for id := range c.url {
		here, perhaps, versions := map[string]int{}, map[string]int{}, map[string][]counted{}
		for i := range legs {
			l := &legs[i]
			if l.Destination != id || l.State != exchange.Done && l.Sent.IsZero() {
				continue
			}
			r, ok := records[l.Record.String()]
			if !ok {
				wrong = append(wrong, id+": a leg of no record: "+l.Record.String())
				continue
			}
			if l.State != exchange.Done { // handed over, no answer, and a newer version came: nobody knows
				perhaps[keyOf(l, r)]++
				continue
			}
			here[keyOf(l, r)]++
			episode := r.Kind + "|" + r.Facility + "|" + r.Episode
			versions[episode] = append(versions[episode], r)
		}
		there, first := map[string]map[string]bool{}, map[string]int{}
		for _, e := range c.entries(id) {
			if e.Route == "hold" {
				continue
			}
			k := keyThere(id, e)
			if there[k] == nil {
				there[k] = map[string]bool{}
				first[k] = e.Seq
			}
			there[k][e.SHA256] = true
		}
		for k, n := range here {
			if more := len(there[k]) - n; more < 0 || more > perhaps[k] {
				wrong = append(wrong, fmt.Sprintf("%s: the hub delivered %d, %d lie there: %s", id, n, len(there[k]), k))
			}
		}
		for k := range there {
			if here[k]+perhaps[k] == 0 {
				wrong = append(wrong, fmt.Sprintf("%s: lies there and the hub does not say so: %s", id, k))
			}
		}
		if id != "bhxh" {
			continue
		}
		for k, list := range versions {
			slices.SortFunc(list, func(a, b counted) int { return cmp.Compare(a.Version, b.Version) })
			if !slices.IsSortedFunc(list, func(a, b counted) int {
				return cmp.Compare(first[a.Facility+"|"+a.Episode+"|"+a.digest], first[b.Facility+"|"+b.Episode+"|"+b.digest])
			}) {
				wrong = append(wrong, "bhxh: versions came in another order: "+k)
			}
		}
	}
	return wrong
}

// keyOf names a leg as its destination names what came of it.
func keyOf(l *store.Leg, r counted) string {
	switch l.Destination {
	case "so": // an entry holds more than the episode: as many as there were versions
		return r.Facility + "|" + r.Episode
	case "don":
		return r.Facility + "|" + r.digest
	case "truc":
		return axis.MessageID(countyGLN, l)
	case "tin":
		return webhook.MessageID(l)
	}
	return r.Facility + "|" + r.Episode + "|" + r.digest
}

func keyThere(id string, e farEntry) string {
	switch id {
	case "so":
		return e.Facility + "|" + e.Episode
	case "don":
		return e.Facility + "|" + e.SHA256
	case "truc", "tin":
		return e.Reference
	}
	return e.Facility + "|" + e.Episode + "|" + e.SHA256
}

// quiet waits until nothing is on its way any more.
func (c *county) quiet() {
	c.t.Helper()
	c.until("every leg is at its end", func() bool {
		for _, q := range must(c.hub.Slices.Legs.Queues(c.ctx)) {
			if q.Waiting+q.Carried > 0 {
				return false
			}
		}
		return true
	})
}

// files are what facilities of the nation send, by facility, in order.
func (c *county) files(n int) map[string][]synth.Submission {
	c.t.Helper()
	by := map[string][]synth.Submission{}
	add := func(s synth.Submission, err error) {
		c.check(err)
		by[s.Facility] = append(by[s.Facility], s)
	}
	for i := range n {
		if i%3 == 0 {
			add(c.nation.Prescription(i))
		}
		if i%4 == 0 {
			add(c.nation.Beside(i / 4))
		}
		add(c.nation.At(i))
	}
	return by
}

// submits sends a file over the API until it is decided.
func (c *county) submits(client *agent.Client, sub synth.Submission) error {
	f := agent.FileOf(sub.FileName, sub.XML)
	if sub.Seal != "" {
		f.Seal = agent.FileOf("", []byte(sub.Seal)).Open
	}
	for _, p := range sub.Papers {
		f.Papers = append(f.Papers, agent.Paper{Name: p.Name, Open: agent.FileOf("", p.Bytes).Open, Seal: agent.FileOf("", []byte(p.Seal)).Open})
	}
	for {
		decided := false
		_, err := client.Submit(c.ctx, iter.Seq[agent.File](func(yield func(agent.File) bool) { yield(f) }), agent.Options{Alone: true}, func(a agent.Answer) error {
			decided = a.Outcome != agent.Deferred
			if a.Record != "" {
				c.say(sub.Facility, a.Record, string(a.Outcome))
			}
			return nil
		})
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err == nil && decided {
			return nil
		}
	}
}

// terminal is a hospital system before a gateway: it takes a token where it has
// none, and sends a file until it is taken or refused for good.
type terminal struct {
	c                      *county
	base, user, hash, code string
	access, id             string
}

func (s *terminal) post(path, contentType, body string) (a told) {
	q := must(http.NewRequest(http.MethodPost, s.base+path, strings.NewReader(body)))
	q.Header = http.Header{"Content-Type": {contentType}, "accessToken": {s.access}, "tokenId": {s.id}, "passwordHash": {s.hash}}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return told{Code: "500"} // the line was cut
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || json.Unmarshal(b, &a) != nil {
		return told{Code: "500"}
	}
	return a
}

func (s *terminal) send(sub synth.Submission) error {
	path, sort := "/api/qd130/guiHoSoXmlQD3176", "130"
	if sub.Kind == "checkin" {
		path, sort = "/api/qd130/checkInKcbQd3176", "0"
	}
	body := string(must(json.Marshal(map[string]string{"username": s.user, "loaiHoSo": sort, "maTinh": s.code[:2], "maCSKCB": s.code,
		"fileHSBase64": base64.StdEncoding.EncodeToString(sub.XML)})))
	for s.c.ctx.Err() == nil {
		if s.access == "" {
			if a := s.post("/api/token/take", "application/x-www-form-urlencoded", url.Values{"username": {s.user}, "password": {s.hash}}.Encode()); a.Key != nil {
				s.access, s.id = a.Key.Access, a.Key.ID
			}
		}
		switch a := s.post(path, "application/json", body); a.Code {
		case "401":
			s.access = ""
		case "500":
		default:
			return nil
		}
	}
	return s.c.ctx.Err()
}

func (c *county) terminal(base, code, password string) *terminal {
	sum := md5.Sum([]byte(password))
	return &terminal{c: c, base: base, user: code + "_BV", hash: strings.ToUpper(hex.EncodeToString(sum[:])), code: code}
}

// trouble is what goes wrong at the services: nothing of it lasts, all of it happens.
var trouble = map[string]string{
	"bhxh": "401:after=12:count=3,500:p=0.04,reset:every=23,lost-answer:every=31,garbage:every=47,slow=20ms:p=0.1",
	"so":   "HET_HAN:after=9:count=2,LOI_HE_THONG:p=0.04,lost-answer:every=29,half-answer:every=37",
	"don":  "http=500:p=0.05,lost-answer:every=11,reset:every=17",
	"truc": "CM_SYSTEM_ERROR:p=0.1,lost-answer:every=5",
	"tin":  "500:p=0.04,lost-answer:every=13,half-answer:every=19",
}

// TestCountedAtEveryEnd: facilities send by a folder, by the agent's gateway, by
// the hub's and over the API, the services outside fail in every way, the hub is
// started again in the middle: in the end every sender's count is the hub's, and
// the hub's is that of each destination, to the record.
func TestCountedAtEveryEnd(t *testing.T) {
	t.Parallel()
	counties(t, trouble, func(t *testing.T, c *county) {
		files := c.files(260)
		codes := slices.SortedFunc(maps.Keys(files), func(a, b string) int { return cmp.Or(cmp.Compare(len(files[b]), len(files[a])), cmp.Compare(a, b)) })
		byFolder, byAgent, byGateway, mirrored := codes[0], codes[1], codes[2], codes[3]
		c.route("bhxh", mirrored, "", exchange.Off) // the most specific holds: facility before kind
		c.route("bhxh", mirrored, "qd4750", exchange.Mirror)
		c.route("bhxh", mirrored, "checkin", exchange.Mirror)
		posts := map[string]*outlying{byFolder: c.post(byFolder), byAgent: c.post(byAgent)}
		stop := c.passes()
		defer stop()

		cost := gateway.Cost{Memory: 64, Time: 1, Lanes: 1}
		local := must(door.Gateway(posts[byAgent].Station, store.GatewayAccount{Facility: care.FacilityCode(byAgent), User: byAgent + "_BV",
			Hash: must(gateway.Hash("mật khẩu trạm 1", cost))}, gateway.Deps{Clock: c.clock, Logger: c.cfg.Logger}))
		mux := http.NewServeMux()
		local.Register(mux)
		beside := httptest.NewServer(mux)
		defer beside.Close()
		c.check(c.hub.Office.SetGateway(c.ctx, "test", admin.Gateway{Code: byGateway, User: byGateway + "_BV", Roaming: true, Hash: must(gateway.Hash("mật khẩu cổng 1", cost))}))
		terminals := map[string]*terminal{byAgent: c.terminal(beside.URL, byAgent, "mật khẩu trạm 1"), byGateway: c.terminal(c.server.URL, byGateway, "mật khẩu cổng 1")}

		total := 0
		var half, all sync.WaitGroup
		for _, code := range codes {
			list := files[code]
			total += len(list)
			client := c.agentOf(code)
			half.Add(1)
			all.Go(func() {
				for i, sub := range list {
					if i == len(list)/2 {
						half.Done()
					}
					if err := c.deliver(code, sub, posts[code], terminals[code], client); err != nil {
						t.Errorf("%s: %v", sub.FileName, err)
					}
				}
			})
		}
		all.Go(c.versions)
		half.Wait()
		c.restart()
		all.Wait()
		for code, p := range posts {
			c.until("the agent of "+code+" has its answers", func() bool { return len(must(p.Waiting(c.ctx)).Queues) == 0 && c.empty(p.folder) })
		}
		everything := map[string]counted{}
		for _, code := range append(codes, "79901") {
			got := c.counted(code)
			maps.Copy(everything, got)
			c.sender(code, got, posts[code], code == byGateway)
		}
		// What the mirrored facility sent the insurer itself is there once, and nothing of it by the hub.
		want := map[string]int{}
		for _, r := range everything {
			if r.Facility == mirrored && taken(r.Verdict) && (r.Kind == "qd4750" || r.Kind == "checkin") {
				want[r.Facility+"|"+r.Episode+"|"+r.digest]++
			}
		}
		for _, sub := range files[mirrored] {
			if digest := fmt.Sprintf("%x", sha256.Sum256(sub.XML)); slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(k string) bool { return strings.HasSuffix(k, digest) }) {
				c.hold(sub.XML)
			}
		}
		c.quiet()
		got := map[string]int{}
		for _, e := range c.entries("bhxh") {
			if e.Facility == mirrored {
				got[keyThere("bhxh", e)]++
			}
		}
		if !maps.Equal(got, want) || len(want) == 0 {
			t.Errorf("mirrored: %d at the hub, %d at the insurer", len(want), len(got))
		}
		for _, d := range c.difference(everything) {
			t.Error(d)
		}
		for _, name := range []string{"401", "500", "reset", "lost-answer", "garbage", "slow"} {
			if c.fired("bhxh")[name] == 0 {
				t.Errorf("%s never happened at the insurer", name)
			}
		}
		delivered := map[string]int{}
		for id := range c.url {
			delivered[id] = len(c.entries(id))
			if delivered[id] == 0 {
				t.Errorf("nothing lies at %s", id)
			}
		}
		t.Logf("%d files, %d records, at the far ends %v", total, len(everything), delivered)
	})
}

// deliver sends one file the way its facility sends.
func (c *county) deliver(code string, sub synth.Submission, p *outlying, s *terminal, client *agent.Client) error {
	insured := sub.Kind == "qd4750" || sub.Kind == "checkin"
	switch {
	case s != nil && insured:
		return s.send(sub)
	case p != nil && (sub.Seal != "" || len(sub.Papers) > 0):
		load := spool.Payload{File: spool.Part{Name: sub.FileName, Bytes: sub.XML, Seal: []byte(sub.Seal)}}
		for _, x := range sub.Papers {
			load.Papers = append(load.Papers, spool.Part{Name: x.Name, Bytes: x.Bytes, Seal: []byte(x.Seal)})
		}
		_, err := p.Take(c.ctx, station.Item{Name: sub.FileName, Source: "local", Payload: load})
		return err
	case p != nil:
		half := filepath.Join(p.folder, sub.FileName+".tmp") // as a careful HIS: written, then named
		return cmp.Or(os.WriteFile(half, sub.XML, 0o600), os.Rename(half, filepath.Join(p.folder, sub.FileName)))
	}
	return c.submits(client, sub)
}

// versions sends ten episodes in three versions each.
func (c *county) versions() {
	client := c.agentOf("79901")
	var visits []*visit
	for range 10 {
		visits = append(visits, paid(newVisit()))
	}
	for _, complaint := range []string{"Sốt", "Sốt cao", "Sốt cao, ho"} {
		for _, v := range visits {
			file := ours(pairs().ec, envelope(v.set("XML1", "LY_DO_VV", complaint)))
			if err := c.submits(client, synth.Submission{Facility: "79901", FileName: "HS.xml", Kind: "qd4750", XML: file}); err != nil {
				c.t.Error(err)
			}
		}
	}
}

// empty reports whether nothing is left to take in a folder.
func (c *county) empty(folder string) bool {
	for _, e := range must(os.ReadDir(folder)) {
		if !e.IsDir() {
			return false
		}
	}
	return true
}

// sender compares what a facility's side counts with what the hub has of it. Of
// what went by the hub's gateway only the other kinds were told in full.
func (c *county) sender(code string, hub map[string]counted, p *outlying, gateway bool) {
	c.t.Helper()
	accepted := 0
	for _, r := range hub {
		if taken(r.Verdict) {
			accepted++
		}
	}
	if p != nil {
		today := must(p.Today(c.ctx))
		if today.Accepted != accepted || today.Accepted+today.Rejected != len(hub) || accepted == 0 {
			c.t.Errorf("the agent of %s counts %d accepted and %d rejected, the hub %d of %d", code, today.Accepted, today.Rejected, accepted, len(hub))
		}
		if compared := must(p.Reconcile(c.ctx, c.clock.Now())); !compared.Equal {
			c.t.Errorf("the manifests of %s differ: %+v", code, compared)
		}
		return
	}
	for record, outcome := range c.told[code] {
		if r, ok := hub[record]; !ok || taken(r.Verdict) != (outcome == string(agent.Accepted)) {
			c.t.Errorf("%s was told of %s: %s, the hub says %+v", code, record, outcome, r)
		}
	}
	if len(c.told[code]) != len(hub) && !gateway {
		c.t.Errorf("%s was told of %d records, the hub has %d", code, len(c.told[code]), len(hub))
	}
}

// TestACountThatIsWrongShows: an insurer that says yes and forgets one dossier is
// a difference of one; so is a dossier it has that the hub never sent.
func TestACountThatIsWrongShows(t *testing.T) {
	t.Parallel()
	counties(t, map[string]string{"bhxh": "unrecorded-success:after=4:count=1"}, func(t *testing.T, c *county) {
		stop := c.passes()
		defer stop()
		for range 8 {
			c.one("79901", ours(pairs().ec, envelope(paid(newVisit()))), fine)
		}
		c.quiet()
		records := c.counted("79901")
		wrong := c.difference(records)
		if len(wrong) != 1 || !strings.HasPrefix(wrong[0], "bhxh: the hub delivered 1, 0 lie there: 79901|") {
			t.Errorf("one forgotten: %q", wrong)
		}
		sent := c.terminal(c.url["bhxh"], "79901", "p")
		if err := sent.send(synth.Submission{Kind: "qd4750", XML: ours(pairs().ec, envelope(paid(newVisit())))}); err != nil {
			t.Error(err)
		}
		if wrong = c.difference(records); len(wrong) != 2 || !slices.ContainsFunc(wrong, func(s string) bool {
			return strings.HasPrefix(s, "bhxh: lies there and the hub does not say so: 79901|")
		}) {
			t.Errorf("one too many: %q", wrong)
		}
	})
}
