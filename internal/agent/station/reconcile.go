package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/manifest"
)

// Comparison is how a day stands between agent and hub.
type Comparison struct {
	Day string `json:"day"` // yyyy-mm-dd in Hanoi
	manifest.Result
}

// Reconcile compares what the agent has receipts for with what the hub has, for
// one day in Hanoi, in a few questions, each only about where the answer before
// it differed. Faults: hub.unreachable, token.assertion, hub.answer,
// manifest.invalid; the hub's own.
func (s *Station) Reconcile(ctx context.Context, day time.Time) (*Comparison, error) {
	var own []manifest.Own
	if err := s.Spool.Elements(ctx, clock.Day(day), func(e spool.Element) {
		own = append(own, manifest.Own{Kind: e.Kind, File: e.File, Index: e.N, Record: e.Record})
	}); err != nil {
		return nil, err
	}
	c := &Comparison{Day: day.In(clock.Hanoi).Format(time.DateOnly)}
	talk := manifest.Begin(own)
	for done := false; !done; {
		b, err := json.Marshal(talk.Request())
		if err != nil {
			return nil, fmt.Errorf("station: %w", err)
		}
		said, err := s.ask(ctx, http.MethodPut, "/api/v1/manifests/"+c.Day, http.Header{"Content-Type": {"application/json"}}, b, maxFeed)
		if err != nil {
			return nil, err
		}
		var a manifest.Answer
		if err := json.Unmarshal(said.Body, &a); err != nil {
			return nil, agent.ErrAnswer.Because(err)
		}
		if done, err = talk.Take(a); err != nil {
			return nil, err
		}
	}
	c.Result = talk.Result()
	if !c.Exact {
		return c, agent.ErrAnswer.Because(errors.New("neither equal nor told apart"))
	}
	return c, nil
}
