package station

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/fault"
)

const (
	feedPath  = "/api/v1/feed"
	feedLimit = 500
	maxFeed   = 16 << 20 // bytes of one piece: 500 items of 30 kB
	factFeed  = "feed"
)

// feedItem is what a station reads of an item of the feed; each is a complete state.
type feedItem struct {
	Type        string    `json:"type"` // record, leg, annotation
	At          time.Time `json:"at"`
	Record      string    `json:"record"`
	State       string    `json:"state"`
	Destination string    `json:"destination"`
}

// following pulls the feed and the rules, for ever.
func (s *Station) following(ctx context.Context) error {
	var rules time.Time
	for {
		if now := s.cfg.Clock.Now(); !now.Before(rules) {
			rules = now.Add(s.cfg.Rules)
			if err := s.FetchRules(ctx); err != nil && ctx.Err() == nil {
				s.failed(err)
				rules = now.Add(min(s.cfg.Rules, 5*time.Minute))
			}
		}
		more := true
		for more {
			var err error
			if more, err = s.Follow(ctx); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if fault.KindOf(err) == fault.Broken && fault.Of(err).Code != agent.ErrAnswer.Code {
					return err // of the spool
				}
				s.failed(err)
				more = false
			}
		}
		if err := s.wait(ctx, s.heard, s.cfg.Feed); err != nil {
			return err
		}
	}
}

// Follow pulls one piece of the feed and says whether there is more. Faults:
// hub.unreachable, token.assertion, hub.answer; the spool's.
func (s *Station) Follow(ctx context.Context) (more bool, err error) {
	cursor, err := s.Spool.Fact(ctx, factFeed)
	if err != nil {
		return false, err
	}
	said, err := s.ask(ctx, http.MethodGet, fmt.Sprintf("%s?since=%s&limit=%d", feedPath, url.QueryEscape(string(cursor)), feedLimit), nil, nil, maxFeed)
	if err != nil {
		return false, err
	}
	var piece struct {
		Items []json.RawMessage `json:"items"`
		Next  *string           `json:"next"`
	}
	if err := json.Unmarshal(said.Body, &piece); err != nil {
		return false, agent.ErrAnswer.Because(err)
	}
	if piece.Next == nil || *piece.Next == string(cursor) {
		return false, nil
	}
	var news []spool.News
	for _, raw := range piece.Items {
		var i feedItem
		if err := json.Unmarshal(raw, &i); err != nil {
			return false, agent.ErrAnswer.Because(err)
		}
		switch {
		case i.Type == "record" && i.Record != "":
			news = append(news, spool.News{Record: i.Record, State: i.State, At: i.At, Line: raw})
		case i.Type == "leg" && i.Record != "" && i.Destination != "":
			news = append(news, spool.News{Record: i.Record, Destination: i.Destination, Leg: i.State, At: i.At, Line: raw})
		} // an annotation, or what a newer hub says: nothing to overwrite here
	}
	return len(piece.Items) >= feedLimit, s.Spool.Follow(ctx, *piece.Next, news)
}

// ask asks the hub, takes note of its header, and makes an answer that is none a
// fault. 404 says that the hub is of an age that does not know the path.
func (s *Station) ask(ctx context.Context, method, path string, header http.Header, body []byte, limit int64) (agent.Said, error) {
	if header == nil {
		header = http.Header{}
	}
	header.Set("User-Agent", "lienthong-agent/"+s.cfg.Version)
	if s.cfg.Software != "" {
		header.Set("Software", s.cfg.Software)
	}
	said, err := s.Client.Ask(ctx, method, path, header, body, limit)
	if err != nil {
		return said, err
	}
	s.listen(said.Status, said.Header)
	switch {
	case said.Status == http.StatusOK, said.Status == http.StatusNotModified:
		return said, nil
	case said.Status == http.StatusTooManyRequests, said.Status >= 500:
		return said, agent.ErrUnreachable.Because(fmt.Errorf("status %d", said.Status))
	}
	var p struct {
		Code    string     `json:"code"`
		Message fault.Text `json:"message"`
	}
	if json.Unmarshal(said.Body, &p) == nil && p.Code != "" && p.Message.EN != "" {
		return said, fault.New(fault.Invalid, p.Code, p.Message.VI, p.Message.EN)
	}
	return said, agent.ErrAnswer.Because(fmt.Errorf("status %d", said.Status))
}
