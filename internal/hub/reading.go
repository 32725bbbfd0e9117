package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"lienthong/internal/bridge/eid"
	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/hub/rooms"
	"lienthong/internal/reading"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/clinic"
	"lienthong/internal/web/trace"
)

// openReading wires how clinicians read what other facilities wrote: the pages,
// and the door of facilities' own systems.
func (h *Hub) openReading(parts rooms.Parts) (*clinic.Deps, error) {
	by := h.cfg.Proofs
	if by.Phone == nil {
		by.Phone = codes{h.Login.Phone, parts.Directory, parts.Logger}
	}
	if by.Asker == nil {
		by.Asker = rooms.Asking(parts, h.Choices)
	}
	apps, chips := rooms.Signers(parts)
	if by.Apps == nil {
		by.Apps = apps
	}
	if by.Chips == nil {
		by.Chips = chips
	}
	if by.Known == nil {
		by.Known = rooms.Subjects(parts, h.Login.Roster)
	}
	var err error
	if h.Reading, err = rooms.ReadingDesk(parts, by); err != nil {
		return nil, err
	}
	if h.his, err = rooms.His(parts, h.Reading, h.Login.Roster, rooms.Systems(h.tokens.Client)); err != nil {
		return nil, err
	}
	return rooms.Clinic(parts, h.Reading)
}

// registerHis puts the door of facilities' systems on the mux.
func (h *Hub) registerHis(mux *http.ServeMux, log *slog.Logger) {
	h.his.Register(mux, func(next http.Handler) http.Handler { return trace.Guard(log, next) })
}

// codes sends a code to a person's app.
type codes struct {
	phone     *eid.Adapter
	directory func() *facility.Directory
	log       *slog.Logger
}

// toPhone is how long a code is on its way at most.
const toPhone = 20 * time.Second

// Code implements reading.Phone. It waits for nobody's phone: whoever is not known,
// or cannot be reached, is answered for as soon as everybody, and who asks learns
// nothing by the time it takes.
func (c codes) Code(ctx context.Context, person store.PersonID, at care.FacilityCode, code string, until time.Time) error {
	if person == (store.PersonID{}) {
		return nil
	}
	name := string(at)
	if v, ok := c.directory().Current(at); ok {
		name = v.Name
	}
	title := fault.Text{VI: "Mã xác nhận có mặt", EN: "Code to show that you are there"}
	text := fault.Text{
		VI: fmt.Sprintf("Mã của bạn là %s. Chỉ đọc cho nhân viên của %s khi bạn đang ở đó; cơ sở sẽ xem được hồ sơ của bạn.", code, name),
		EN: fmt.Sprintf("Your code is %s. Read it only to staff of %s while you are there; they will be able to read your records.", code, name)}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), toPhone)
		defer cancel()
		err := c.phone.Tell(ctx, person, "code/"+until.UTC().Format(time.RFC3339Nano), title, text, until.Add(-reading.CodeLife))
		if err != nil && !errors.Is(err, eid.ErrNobody) {
			c.log.WarnContext(ctx, "a code was not sent", "code", fault.Of(err).Code)
		}
	}()
	return nil
}
