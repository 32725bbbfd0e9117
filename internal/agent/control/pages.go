package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"lienthong/internal/fault"
)

// ErrNoPages (agent.no_pages): this agent shows no pages, or cannot do what was asked.
var ErrNoPages = fault.New(fault.Conflict, "agent.no_pages",
	"Trạm gửi đang chạy chưa làm được việc này. Khởi động lại dịch vụ rồi thử lại.",
	"The running agent cannot do this. Restart the service and try again.")

// Pages lets browsers look at the agent's pages.
type Pages interface {
	// Link returns an address that is good once and lets in for so many days.
	Link(days int) string
	// End shuts every browser out.
	End() error
}

func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Days int `json:"days"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || s.agent.Pages == nil {
		refuse(w, ErrNoPages)
		return
	}
	answer(w, http.StatusOK, map[string]string{"link": s.agent.Pages.Link(in.Days)})
}

func (s *Server) endPages(w http.ResponseWriter, _ *http.Request) {
	err := error(ErrNoPages)
	if s.agent.Pages != nil {
		err = s.agent.Pages.End()
	}
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	err := error(ErrNoPages)
	if s.agent.Reload != nil {
		err = s.agent.Reload(r.Context())
	}
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

// Link asks for an address that lets one browser look at the pages for so many
// days. Faults: agent.not_running, agent.no_pages.
func (c *Client) Link(ctx context.Context, days int) (string, error) {
	b, err := json.Marshal(map[string]int{"days": days})
	if err != nil {
		return "", fmt.Errorf("agent control: %w", err)
	}
	var out struct {
		Link string `json:"link"`
	}
	err = c.ask(ctx, http.MethodPost, "/pages/link", string(b), &out)
	return out.Link, err
}

// EndPages shuts every browser out. Faults: agent.not_running, agent.no_pages.
func (c *Client) EndPages(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/pages/end", "", &struct{}{})
}

// Reload has the agent take up its configuration again. Faults:
// agent.not_running, agent.no_pages, agent.config.
func (c *Client) Reload(ctx context.Context) error {
	return c.ask(ctx, http.MethodPost, "/reload", "", &struct{}{})
}
