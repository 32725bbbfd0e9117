package station

import (
	"cmp"
	"context"
	"slices"
	"time"

	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/spool"
	"lienthong/internal/fault"
)

var (
	// ErrClock (agent.clock): this machine's clock and the hub's are far apart.
	ErrClock = fault.New(fault.Conflict, "agent.clock",
		"Đồng hồ máy này lệch so với hub từ 2 phút trở lên. Chỉnh lại giờ máy (bật đồng bộ thời gian).",
		"This machine's clock is two minutes or more away from the hub's. Set it right (turn time synchronisation on).")
	// ErrOffline (agent.offline): the hub cannot be reached; files are taken and kept.
	ErrOffline = fault.New(fault.Busy, "agent.offline",
		"Chưa nối được tới hub. Hồ sơ vẫn được nhận và giữ an toàn trên máy này, sẽ tự gửi khi có đường truyền.",
		"The hub cannot be reached. Files are still taken and kept safely on this machine, and go out by themselves once it can.")
	// ErrExpiring (agent.certificate_expiring): the sealing certificate ends soon.
	ErrExpiring = fault.New(fault.Conflict, "agent.certificate_expiring",
		"Chứng thư số dùng để ký sắp hết hạn hoặc đã hết hạn. Gia hạn và đăng ký chứng thư mới với hub.",
		"The sealing certificate has expired or is about to. Renew it and register the new one with the hub.")
)

// Notice is something a person should know of.
type Notice struct {
	Code    string     `json:"code"`
	Message fault.Text `json:"message"`
	Since   time.Time  `json:"since"`
	Count   int        `json:"count"`
}

// note shows a notice, or shows it more often.
func (s *Station) note(code string, text fault.Text, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.notices[code]
	if !ok {
		was = Notice{Code: code, Since: s.cfg.Clock.Now()}
	}
	was.Message, was.Count = text, was.Count+n
	if n == 0 {
		delete(s.notices, code)
		return
	}
	s.notices[code] = was
}

func (s *Station) clear(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.notices, code)
}

// expiringSoon is when an end of a certificate is told.
const expiringSoon = 30 * 24 * time.Hour

// Notices are what a person should know of now, the oldest first.
func (s *Station) Notices(ctx context.Context) ([]Notice, error) {
	now := s.cfg.Clock.Now()
	queues, err := s.Spool.Queues(ctx)
	if err != nil {
		return nil, err
	}
	waits, unsealed := 0, 0
	for _, q := range queues {
		if q.State.Decided() {
			continue
		}
		waits += q.Items
		if q.State == spool.Unsealed {
			unsealed += q.Items
		}
	}
	s.mu.Lock()
	var out []Notice
	for _, n := range s.notices {
		out = append(out, n)
	}
	conn := s.conn
	s.mu.Unlock()
	if !conn.Reachable && !conn.Since.IsZero() {
		out = append(out, Notice{ErrOffline.Code, ErrOffline.Text, conn.Since, waits})
	}
	if s.Signer != nil {
		if c := s.Signer.Certificate(); c != nil && now.Add(expiringSoon).After(c.NotAfter) {
			out = append(out, Notice{ErrExpiring.Code, ErrExpiring.Text, c.NotAfter.Add(-expiringSoon), 1})
		}
		if st := s.Signer.State(); st.Phase != signer.Ready && st.Fault != nil {
			out = append(out, Notice{st.Fault.Code, st.Fault.Text, now, max(unsealed, 1)})
		}
	} else if unsealed > 0 {
		out = append(out, Notice{ErrNoSigner.Code, ErrNoSigner.Text, now, unsealed})
	}
	slices.SortFunc(out, func(a, b Notice) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Code, b.Code)) })
	return out, nil
}
