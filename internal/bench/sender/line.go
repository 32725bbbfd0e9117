// Package sender measures the facility's side: an agent on a bad line that is
// killed on the way, and an agent with much to send. The agent is a process of
// its own wherever its memory counts.
//
// It asserts nothing; the caller starts hub and agent and prints.
package sender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/bench"
)

// LineConfig is a measurement of an agent on a bad line.
type LineConfig struct {
	Target   bench.Target // a running hub
	Facility string       // whose agent
	Dossiers int
	Make     func(i int) (bench.Dossier, error) // of that facility, each of its own episode
	Folder   string                             // that the agent watches
	Throttle *Throttle
	Kills    int // how often the agent is killed on the way
	// Start starts an agent that sends to the hub at an address; what it returns
	// kills it at once.
	Start func(ctx context.Context, hub string) (kill func() error, err error)
	// Address is what the line leads to, where that is not the hub itself: a port
	// that speaks TLS before it; "" the hub.
	Address, Scheme string
	Limit           time.Duration // longest wait; default 1 h
	Progress        func(done, of int)
}

// LineResult is what a bad line cost.
type LineResult struct {
	Machine   bench.Machine `json:"machine"`
	Dossiers  int           `json:"dossiers"`
	BitsPerS  int           `json:"bits_per_s"`
	DelayMS   int64         `json:"delay_ms"`
	Resets    int64         `json:"resets"`
	Kills     int           `json:"kills"`
	Envelopes int64         `json:"envelope_bytes"`
	Sent      int64         `json:"sent_bytes"`     // to the hub, everything on the TCP connection
	Received  int64         `json:"received_bytes"` // from it
	Share     float64       `json:"share"`          // sent and received, of the envelopes'
	ShareUp   float64       `json:"share_up"`       // sent alone
	Seconds   float64       `json:"seconds"`
	AtHub     int           `json:"records_at_hub"`
	Lost      int           `json:"lost"`
	Doubled   int           `json:"doubled"`
	AgentRSS  int64         `json:"agent_rss_bytes,omitempty"` // the most memory the agent had, where that is known
}

// Line has an agent send dossiers over a bad line, kills it on the way, and
// counts at the hub what arrived.
func Line(ctx context.Context, c LineConfig) (r LineResult, err error) {
	if c.Limit <= 0 {
		c.Limit = time.Hour
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	if err := c.fill(ctx, &r); err != nil {
		return r, err
	}
	to := c.Address
	if to == "" {
		to = hostOf(c.Target.URL)
	}
	address, err := c.Throttle.Start(ctx, to)
	if err != nil {
		return r, err
	}
	r.Machine, r.Dossiers, r.BitsPerS, r.DelayMS = bench.ThisMachine(), c.Dossiers, c.Throttle.BitsPerS, c.Throttle.Delay.Milliseconds()
	scheme := c.Scheme
	if scheme == "" {
		scheme = "http"
	}
	began := time.Now()
	kill, err := c.Start(ctx, scheme+"://"+address)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, kill()) }()
	client, err := agent.New(agent.Config{HubURL: c.Target.URL, Credential: c.Target.Credentials[c.Facility]})
	if err != nil {
		return r, err
	}
	at := map[string]int{} // records by episode
	for r.AtHub = 0; r.AtHub < c.Dossiers; {
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return r, bench.ErrHub.Because(fmt.Errorf("after %v the hub has %d of %d: %w", time.Since(began), r.AtHub, c.Dossiers, ctx.Err()))
		}
		if at, err = records(ctx, client); err != nil {
			return r, err
		}
		r.AtHub = 0
		for _, n := range at {
			r.AtHub += n
		}
		if c.Progress != nil {
			c.Progress(r.AtHub, c.Dossiers)
		}
		if r.Kills < c.Kills && r.AtHub > c.Dossiers*(r.Kills+1)/(c.Kills+1) {
			if err := kill(); err != nil {
				return r, err
			}
			r.Kills++
			if kill, err = c.Start(ctx, scheme+"://"+address); err != nil {
				return r, err
			}
		}
	}
	r.Seconds, r.Resets, r.Sent, r.Received = time.Since(began).Seconds(), c.Throttle.Resets(), c.Throttle.Sent(), c.Throttle.Received()
	r.Share = float64(r.Sent+r.Received) / float64(r.Envelopes)
	r.ShareUp = float64(r.Sent) / float64(r.Envelopes)
	r.Lost, r.Doubled = c.Dossiers-len(at), r.AtHub-len(at)
	return r, nil
}

// fill puts the dossiers into the folder.
func (c *LineConfig) fill(ctx context.Context, r *LineResult) error {
	for i := range c.Dossiers {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := c.Make(i)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.Folder, fmt.Sprintf("%06d.xml", i)), d.XML, 0o600); err != nil {
			return err
		}
		r.Envelopes += int64(len(d.XML))
	}
	return nil
}

// records counts a facility's records at the hub, by episode.
func records(ctx context.Context, c *agent.Client) (map[string]int, error) {
	out := map[string]int{}
	for cursor := ""; ; {
		status, b, err := c.Get(ctx, "/api/v1/records?limit=500"+cursor, 16<<20)
		if err != nil {
			return nil, err
		}
		if status != 200 {
			return nil, bench.ErrHub.Because(fmt.Errorf("status %d", status))
		}
		var page struct {
			Items []struct {
				Episode string `json:"episode"`
			} `json:"items"`
			Next *string `json:"next"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return nil, bench.ErrHub.Because(err)
		}
		for _, i := range page.Items {
			out[i.Episode]++
		}
		if page.Next == nil || *page.Next == "" {
			return out, nil
		}
		cursor = "&cursor=" + *page.Next
	}
}

// Print shows it to people.
func (r LineResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%d dossiers over %d kbit/s, %d ms, %d resets, the agent killed %d times
  at the hub      %d (%d lost, %d doubled) after %.0f s
  envelopes       %.1f MB
  on the wire     %.2f MB up, %.2f MB down: %.2f %% of the envelopes' bytes (%.2f %% up)
`, r.Dossiers, r.BitsPerS/1000, r.DelayMS, r.Resets, r.Kills, r.AtHub, r.Lost, r.Doubled, r.Seconds, mb(r.Envelopes), mb(r.Sent), mb(r.Received),
		100*r.Share, 100*r.ShareUp)
	if err == nil && r.AgentRSS > 0 {
		_, err = fmt.Fprintf(w, "  the agent       %.0f MB of memory at most\n", mb(r.AgentRSS))
	}
	return err
}

func mb(n int64) float64 { return float64(n) / 1e6 }

func hostOf(url string) string {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == '/' {
			return url[i+1:]
		}
	}
	return url
}
