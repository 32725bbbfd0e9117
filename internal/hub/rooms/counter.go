package rooms

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/assist"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	pages "lienthong/internal/web/portal/citizen"
)

// StaffNames names members of staff; *roster.Desk does.
type StaffNames interface {
	Name(ctx context.Context, id care.Staff) (string, error)
}

// clerks serve at a counter.
type clerks struct{ desk *assist.Desk }

func of(c pages.Clerk) assist.Clerk { return assist.Clerk{At: c.At, Staff: c.Staff, Mark: c.Mark} }

func (x clerks) Begin(ctx context.Context, c pages.Clerk, card string) (consent.OpeningID, error) {
	return x.desk.Begin(ctx, of(c), card)
}

func (x clerks) Visit(ctx context.Context, c pages.Clerk, id consent.OpeningID) (*consent.Opening, error) {
	return x.desk.Visit(ctx, of(c), id)
}

func (x clerks) End(ctx context.Context, c pages.Clerk, id consent.OpeningID) error {
	return x.desk.End(ctx, of(c), id)
}

func (x clerks) Paper(ctx context.Context, c pages.Clerk, person care.Person, kind string, data []byte) ([32]byte, error) {
	return x.desk.Paper(ctx, of(c), person, kind, data)
}

func (x clerks) SendCode(ctx context.Context, c pages.Clerk, v *consent.Opening, to care.Person, about string, says fault.Text) (string, error) {
	return x.desk.SendCode(ctx, of(c), v, to, about, says)
}

func (x clerks) Told(ctx context.Context, c pages.Clerk, v *consent.Opening, to care.Person, about, ticket, code string) ([32]byte, error) {
	return x.desk.Told(ctx, of(c), v, to, about, ticket, code)
}

// texts go to people's registered apps.
type texts struct{ phone *eid.Adapter }

// Tell implements assist.Phone.
func (x texts) Tell(ctx context.Context, person care.Person, id string, title, text fault.Text, at time.Time) error {
	err := x.phone.Tell(ctx, store.PersonID(person), id, title, text, at)
	if errors.Is(err, eid.ErrNobody) {
		return assist.ErrNoChannel
	}
	return err
}
