package eid

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

const (
	lease   = time.Minute
	atATime = 50
)

// Teller takes notices to citizens' applications: nothing of what they say is
// clinical or names anybody; the rest stands in the health book here.
type Teller struct {
	Notices store.Notices
	Tell    func(ctx context.Context, person store.PersonID, id string, title, text fault.Text, at time.Time) error // Adapter.Tell
	Clock   clock.Clock
	Hub     string // its name, part of the ids
}

// Round sends what is due. A notice whose person cannot be reached, or whose
// provider is away, is tried again later; the others go on.
func (t *Teller) Round(ctx context.Context) error {
	for {
		now := t.Clock.Now()
		list, err := t.Notices.Unsent(ctx, now, now.Add(lease), atATime)
		if err != nil || len(list) == 0 {
			return err
		}
		var failed error
		for _, n := range list {
			if err := t.one(ctx, n); err != nil {
				failed = errors.Join(failed, err)
			}
		}
		if failed != nil || len(list) < atATime {
			return failed
		}
	}
}

func (t *Teller) one(ctx context.Context, n matter.Notice) error {
	title, text := Words(n.Kind)
	err := t.Tell(ctx, n.Person, t.Hub+"/"+strconv.FormatInt(n.ID, 10), title, text, n.At)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := t.Notices.SentNotice(ctx, n.ID, t.Clock.Now(), err == nil); err != nil {
		return err
	}
	switch fault.KindOf(err) {
	case fault.Absent, fault.Busy: // seen in the count of tries
		return nil
	}
	return err
}

// Words are what a notice of a kind says on a phone's screen, which others may
// see: what happened, not about what.
func Words(kind string) (title, text fault.Text) {
	title = fault.Text{VI: "Liên Thông · Sổ sức khỏe điện tử", EN: "Liên Thông · Health book"}
	group, what, _ := strings.Cut(kind, ".")
	switch {
	case group == "opening" && (what == "emergency" || what == "break_glass"):
		text = fault.Text{VI: "Hồ sơ của bạn vừa được mở trong trường hợp cấp cứu. Mở sổ sức khỏe để xem ai đã mở và vì sao.",
			EN: "Your records were opened in an emergency. See in your health book who did, and why."}
	case group == "opening":
		text = fault.Text{VI: "Một cơ sở vừa được mở hồ sơ của bạn. Xem cơ sở nào, dựa trên điều gì và đến khi nào trong sổ sức khỏe.",
			EN: "A facility may now read your records. See in your health book which, on what basis and until when."}
	case group == "consent":
		text = fault.Text{VI: "Có thay đổi về lựa chọn cho phép xem hồ sơ của bạn. Mở sổ sức khỏe để xem.", EN: "Something changed in what you allow. See your health book."}
	case kind == "login.device":
		text = fault.Text{VI: "Có đăng nhập vào sổ sức khỏe của bạn từ một thiết bị mới. Nếu không phải bạn, hãy kết thúc phiên đó trong mục Tài khoản.",
			EN: "Somebody logged in to your health book on a new device. If it was not you, end that session under Account."}
	case group == "matter" || group == "request" || group == "look":
		text = fault.Text{VI: "Yêu cầu của bạn có tin mới. Mở sổ sức khỏe để xem.", EN: "There is news about your request. See your health book."}
	default:
		text = fault.Text{VI: "Có thông báo mới trong sổ sức khỏe của bạn.", EN: "There is a new notice in your health book."}
	}
	return title, text
}
