// Package boards measures how long the first page takes for many readers: a hub
// with a nation's facilities and the counters of its records, while numbers keep
// coming. It is not for measuring intake: counters are appended as intake appends
// them, records are laid in by package bench.
package boards

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/insight"
	"lienthong/internal/store"
)

// Hub is what is measured.
type Hub struct {
	Slices  *store.Slices
	Handler http.Handler
	// Refresh takes in the facilities that were registered.
	Refresh func(ctx context.Context) error
	// Link makes a link that logs a role in.
	Link func(ctx context.Context, actor, who, next string) (string, error)
}

// Config says what the hub is filled with and how it is asked.
type Config struct {
	Hub        Hub
	Facilities int           // default 13,000
	Records    int64         // counted, over Days; default 7,000,000
	Laid       int           // rows of records laid in; default one for each facility
	Days       int           // default 30
	Tasks      int           // default 0
	Rate       float64       // pages a second; default 10
	Duration   time.Duration // default 30 s
	Progress   io.Writer     // may be nil
}

func (c Config) withDefaults() Config {
	if c.Facilities <= 0 {
		c.Facilities = 13_000
	}
	if c.Records <= 0 {
		c.Records = 7_000_000
	}
	if c.Days <= 0 {
		c.Days = 30
	}
	if c.Laid <= 0 {
		c.Laid = c.Facilities
	}
	if c.Rate <= 0 {
		c.Rate = 10
	}
	if c.Duration <= 0 {
		c.Duration = 30 * time.Second
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	return c
}

// Result is how long pages took.
type Result struct {
	bench.Machine
	Facilities int           `json:"facilities"`
	Records    int64         `json:"records"`
	Filled     float64       `json:"filled_s"`
	First      float64       `json:"first_ms"` // the first page after the start, that computes everything
	Board      bench.Latency `json:"board"`    // the ministry's first page, whole
	Live       bench.Latency `json:"live"`     // what is fetched every ten seconds
	Province   bench.Latency `json:"province"` // a province's first page
	Bytes      int           `json:"bytes"`    // of the page
	Others     []Other       `json:"others"`   // asked afterwards, half as often
}

// Other is another board.
type Other struct {
	Path    string        `json:"path"` // of the ministry; a province's where it comes twice
	Latency bench.Latency `json:"latency"`
}

// errPage: the hub did not show its board.
var errPage = errors.New("bench: the board was not shown")

// Measure fills a hub and asks for its boards.
func Measure(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults()
	r := Result{Machine: bench.ThisMachine(), Facilities: c.Facilities, Records: c.Records}
	began := time.Now()
	versions, err := c.found(ctx)
	if err != nil {
		return r, err
	}
	codes := make([]care.FacilityCode, 0, len(versions))
	for code := range versions {
		codes = append(codes, code)
	}
	fmt.Fprintf(c.Progress, "facilities: %d\n", len(codes))
	if err := bench.Fill(ctx, bench.FillConfig{Intake: c.Hub.Slices.Intake, Facilities: codes, Versions: versions, Records: c.Laid}); err != nil {
		return r, err
	}
	if err := c.lay(ctx, versions, codes); err != nil {
		return r, err
	}
	r.Filled = time.Since(began).Seconds()
	fmt.Fprintf(c.Progress, "filled in %.0f s\n", r.Filled)
	err = c.ask(ctx, &r, versions)
	return r, err
}

// found registers the facilities: levels and provinces as they are spread.
func (c Config) found(ctx context.Context) (map[care.FacilityCode]int64, error) {
	provinces, levels := catalog.Provinces(), facility.Levels()
	now := time.Now().UTC()
	var change store.DirectoryChange
	for i := range c.Facilities {
		level := levels[len(levels)-1] // most are stations
		switch {
		case i%400 == 0:
			level = levels[0]
		case i%26 == 0:
			level = levels[1]
		case i%13 == 0:
			level = levels[2]
		}
		p := provinces[i%len(provinces)]
		change.Versions = append(change.Versions, facility.Version{Code: care.FacilityCode(fmt.Sprintf("%05d", 10000+i)), Name: fmt.Sprintf("Cơ sở thử %d", i),
			Level: level, Type: "station", Province: p.Code, Unit: "syt-" + p.Code, From: now.AddDate(-1, 0, 0)})
	}
	if err := c.Hub.Slices.Facilities.Change(ctx, change, store.Act{At: now, Actor: "bench", Action: "facility.add", Object: "bench", Detail: "{}"}); err != nil {
		return nil, err
	}
	dir, err := c.Hub.Slices.Facilities.Load(ctx)
	if err != nil {
		return nil, err
	}
	out := map[care.FacilityCode]int64{}
	for _, v := range dir.All() {
		out[v.Code] = v.ID
	}
	return out, c.Hub.Refresh(ctx)
}

// counted are the measures of a facility's day, with their share of its records.
var counted = map[string]float64{
	string(dossier.Accepted): .8, string(dossier.AcceptedWithWarnings): .17, string(dossier.Rejected): .03, insight.MeasurePrescription: .7, insight.MeasureReferral: .05,
	"doc:XML1": .97, "doc:XML3": .6, "doc:XML4": .5, "code:time.order": .02, "code:XML1.MA_BENH_CHINH.not_in_list": .05, insight.MeasureLookUp: .3,
}

// count appends counters, as intake does, and adds them up.
func (c Config) count(ctx context.Context, versions map[care.FacilityCode]int64) error {
	now := time.Now().UTC()
	each := float64(c.Records) / float64(c.Days) / float64(len(versions))
	fold := func() error {
		for {
			n, err := c.Hub.Slices.Counters.Fold(ctx)
			if n == 0 || err != nil {
				return err
			}
		}
	}
	var deltas []store.Delta
	flush := func() error {
		err := c.Hub.Slices.Counters.Add(ctx, now, deltas)
		deltas = deltas[:0]
		return err
	}
	for d := range c.Days {
		day := clock.Day(now.AddDate(0, 0, -d))
		for _, version := range versions {
			for measure, share := range counted {
				if n := int64(each*share*2*rand.Float64() + .5); n > 0 {
					deltas = append(deltas, store.Delta{FacilityVersion: version, Day: day, Kind: "qd4750", Measure: measure, N: n})
				}
			}
			if len(deltas) > 5000 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := errors.Join(flush(), fold()); err != nil {
			return err
		}
		fmt.Fprintf(c.Progress, "day %d of %d\n", d+1, c.Days)
	}
	return nil
}

// ask asks in an open loop, while numbers keep coming.
func (c Config) ask(ctx context.Context, r *Result, versions map[care.FacilityCode]int64) error {
	server := httptest.NewServer(c.Hub.Handler)
	defer server.Close()
	ministry, err := c.login(ctx, server.URL, "ministry")
	if err != nil {
		return err
	}
	province, err := c.login(ctx, server.URL, "province:24")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var coming sync.WaitGroup
	coming.Go(func() { c.come(ctx, versions) })
	defer coming.Wait()
	defer stop()
	began := time.Now()
	if r.Bytes, err = page(ctx, ministry, server.URL+"/overview"); err != nil {
		return err
	}
	r.First = float64(time.Since(began).Microseconds()) / 1000
	first, err := c.turns(ctx, server.URL, []turn{{ministry, "/overview"}, {ministry, "/overview/live?wall=1"}, {province, "/overview"}}, c.Rate)
	if err != nil {
		return err
	}
	r.Board, r.Live, r.Province = first[0], first[1], first[2]
	others := []turn{{ministry, "/quality"}, {ministry, "/quality/checks"}, {ministry, "/league"}, {province, "/league"}, {ministry, "/tasks"}, {ministry, "/tasks/report"},
		{ministry, "/databases"}, {ministry, "/benefit"}, {ministry, "/figures/SL.02"}}
	rest, err := c.turns(ctx, server.URL, others, c.Rate/2)
	for i, l := range rest {
		r.Others = append(r.Others, Other{others[i].path, l})
	}
	return err
}

// turn is a page as one reader asks for it.
type turn struct {
	client *http.Client
	path   string
}

// turns asks for pages in turn, rate a second, whether or not earlier ones have come.
func (c Config) turns(ctx context.Context, base string, list []turn, rate float64) ([]bench.Latency, error) {
	times := make([][]time.Duration, len(list))
	var mu sync.Mutex
	var asked sync.WaitGroup
	var failed error
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for i, end := 0, time.Now().Add(c.Duration); time.Now().Before(end) && ctx.Err() == nil; i++ {
		<-tick.C
		asked.Go(func() {
			which := i % len(list)
			began := time.Now()
			_, err := page(ctx, list[which].client, base+list[which].path)
			mu.Lock()
			defer mu.Unlock()
			times[which] = append(times[which], time.Since(began))
			failed = errors.Join(failed, err)
		})
	}
	asked.Wait()
	out := make([]bench.Latency, len(list))
	for i := range times {
		out[i] = bench.LatencyOf(times[i])
	}
	return out, errors.Join(failed, ctx.Err())
}

// come appends some hundred numbers ten times a second.
func (c Config) come(ctx context.Context, versions map[care.FacilityCode]int64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var deltas []store.Delta
		now := time.Now().UTC()
		for _, version := range versions {
			deltas = append(deltas, store.Delta{FacilityVersion: version, Day: clock.Day(now), Kind: "qd4750", Measure: string(dossier.Accepted), N: 1})
			if len(deltas) == 200 {
				break
			}
		}
		if c.Hub.Slices.Counters.Add(ctx, now, deltas) != nil {
			return // it ended
		}
	}
}

func (c Config) login(ctx context.Context, base, who string) (*http.Client, error) {
	token, err := c.Hub.Link(ctx, "bench", who, "/")
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: 5 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/login", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	for _, k := range resp.Cookies() {
		if k.HttpOnly {
			client.Transport = with{k}
			return client, nil
		}
	}
	return nil, fmt.Errorf("%w: %s is not let in: %d", errPage, who, resp.StatusCode)
}

// with sends a cookie along.
type with struct{ cookie *http.Cookie }

// RoundTrip is http.RoundTripper's.
func (w with) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.AddCookie(w.cookie)
	return http.DefaultTransport.RoundTrip(r)
}

func page(ctx context.Context, client *http.Client, address string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || strings.Contains(address, "/overview") && !strings.Contains(string(b), "/figures/SL.02")) {
		err = fmt.Errorf("%w: %s: %d", errPage, address, resp.StatusCode)
	}
	return len(b), err
}
