package agent

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	agentclient "lienthong/internal/agent"
	"lienthong/internal/agent/control"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/proof"
	"lienthong/internal/agent/service"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/update"
	"lienthong/internal/agent/watch"
	"lienthong/internal/clock"
	"lienthong/internal/command"
)

type statusCmd struct {
	in
	JSON bool `name:"json" help:"As JSON."`
}

// statusOut is the JSON of lienthong agent status.
type statusOut struct {
	Running bool            `json:"running"`
	Service service.Status  `json:"service"`
	Agent   *control.Status `json:"agent"`   // null when it does not run
	Program string          `json:"program"` // version of the command that asks
}

// Run tells how the agent is. The answer is no when it does not run, is ill, or
// waits for somebody.
func (c *statusCmd) Run(ctx context.Context, s *command.Streams) error {
	h, err := c.open()
	if err != nil {
		return err
	}
	out := statusOut{Program: update.Version()}
	if out.Service, err = service.StatusOf(ctx, ""); err != nil {
		return err
	}
	at, err := running(ctx, h)
	switch {
	case err == nil:
		out.Running, out.Agent = true, &at
	case !errors.Is(err, control.ErrNotRunning):
		return err
	}
	if !c.JSON {
		c.tell(s, h, out)
	} else if err := command.WriteJSON(s.Out, out); err != nil {
		return err
	}
	if !out.Running || !at.Healthy || at.Signer.Phase != signer.Ready && h.Config().Signer.Type != home.SignerNone || waits(at.Station) {
		return command.ErrNo
	}
	return nil
}

func running(ctx context.Context, h *home.Home) (control.Status, error) {
	client, err := control.Dial(h)
	if err != nil {
		return control.Status{}, err
	}
	return client.Status(ctx)
}

func (c *statusCmd) tell(s *command.Streams, h *home.Home, out statusOut) {
	cfg := h.Config()
	say(s, "Cơ sở %s, hub %s", "Facility %s, hub %s", cfg.Facility, cfg.Hub)
	if out.Service.Installed {
		word := map[bool][2]string{true: {"đang chạy", "running"}, false: {"không chạy", "not running"}}[out.Service.Running]
		say(s, "Dịch vụ: "+word[0], "Service: "+word[1])
	}
	if !out.Running {
		say(s, "%s", "%s", control.ErrNotRunning.Text.In(s.Lang))
		return
	}
	a := out.Agent
	say(s, "Trạm gửi %s chạy từ %s", "Agent %s, running since %s", a.Version, a.Started.In(clock.Hanoi).Format("2006-01-02 15:04"))
	if cfg.Signer.Type == home.SignerNone {
		say(s, "Ký số: phần mềm bệnh viện tự ký", "Signing: the HIS seals its files itself")
	} else {
		tellSigner(s, a.Signer)
	}
	tellStation(s, a.Station)
	if !a.Healthy {
		say(s, "Trạm gửi gặp sự cố: xem nhật ký của dịch vụ.", "The agent is not well: see the service's log.")
	}
}

// calling are the notices that end only when somebody does something; the others
// are told, and no more.
var calling = []string{station.ErrNoSigner.Code, station.ErrClock.Code, agentclient.ErrLogin.Code, proof.ErrUnproved.Code, "sender.forked", watch.ErrFolder.Code, watch.ErrHalf.Code, watch.ErrStray.Code}

// waits says whether something waits for somebody.
func waits(said json.RawMessage) bool {
	var x struct {
		Notices []station.Notice `json:"notices"`
	}
	return json.Unmarshal(said, &x) == nil && slices.ContainsFunc(x.Notices, func(n station.Notice) bool { return slices.Contains(calling, n.Code) })
}

// tellStation says how the day and the line stand.
func tellStation(s *command.Streams, said json.RawMessage) {
	var x struct {
		Notices    []station.Notice   `json:"notices"`
		Today      station.Today      `json:"today"`
		Connection station.Connection `json:"connection"`
	}
	if json.Unmarshal(said, &x) != nil { // an agent of another version: nothing to say
		return
	}
	switch c := x.Connection; {
	case c.Since.IsZero():
	case c.Reachable:
		say(s, "Đường tới hub: thông từ %s", "Line to the hub: up since %s", c.Since.In(clock.Hanoi).Format("2006-01-02 15:04"))
	default:
		say(s, "Đường tới hub: đứt từ %s (%s); tệp vẫn được nhận và giữ", "Line to the hub: down since %s (%s); files are taken and kept", c.Since.In(clock.Hanoi).Format("2006-01-02 15:04"), c.Code)
	}
	t := x.Today
	say(s, "Hôm nay: đã nhận %d, bị từ chối %d, trả lại %d; đang chờ %d tệp", "Today: accepted %d, rejected %d, refused %d; %d files wait", t.Accepted, t.Rejected, t.Refused, t.Waiting)
	for _, n := range x.Notices {
		say(s, "Cần biết: %s (%s)", "To know: %s (%s)", n.Message.In(s.Lang), n.Code)
	}
}

// tellSigner says what the signer can do, and why not more.
func tellSigner(s *command.Streams, at control.Signer) {
	words := map[signer.Phase][2]string{
		signer.Ready: {"sẵn sàng", "ready"}, signer.WaitingForPIN: {"đang chờ mã PIN", "waiting for PIN"}, signer.Unavailable: {"không ký được", "cannot sign"},
	}
	say(s, "Ký số: "+words[at.Phase][0], "Signing: "+words[at.Phase][1])
	if at.Message != nil {
		say(s, "  %s (%s)", "  %s (%s)", at.Message.In(s.Lang), at.Code)
	}
	if at.Phase == signer.WaitingForPIN {
		say(s, "  Còn %d lần nhập", "  %d tries left", at.TriesLeft)
	}
	if at.Certificate != nil {
		say(s, "  Chứng thư số %s, hết hạn %s", "  Certificate %s, ends %s", at.Certificate.Subject, at.Certificate.Ends.In(clock.Hanoi).Format("2006-01-02"))
	}
}
