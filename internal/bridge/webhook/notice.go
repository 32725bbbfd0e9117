package webhook

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

var (
	// ErrKey (webhook.key): the shared key is not one.
	ErrKey = fault.New(fault.Invalid, "webhook.key",
		"Khóa webhook phải là whsec_ và base64 của 24 đến 64 byte.", "A webhook's key must be whsec_ and base64 of 24 to 64 bytes.")
	// ErrNotice (webhook.notice): the receiver did not take it.
	ErrNotice = fault.New(fault.Busy, "webhook.notice", "Bên nhận webhook không nhận thông báo.", "The webhook's receiver did not take the notice.")
)

// Notice is a signed notice about no record: an alarm.
type Notice struct {
	Client *outbound.Client
	Clock  clock.Clock
}

// Post sends a notice once; any 2xx is taken. key is "whsec_" and base64. Faults:
// outbound.*, webhook.key, webhook.notice.
func (n Notice) Post(ctx context.Context, url string, private bool, key []byte, id string, body []byte) error {
	secret, ok := parseKey([]byte(`{"key":` + strconv.Quote(strings.TrimSpace(string(key))) + `}`))
	if !ok {
		return ErrKey
	}
	at := n.Clock.Now().Unix()
	reply, err := n.Client.Exchange(ctx, http.MethodPost, outbound.Call{URL: url, Private: private, Type: "application/json", Body: body, Limit: 64 << 10},
		http.Header{"webhook-id": {id}, "webhook-timestamp": {strconv.FormatInt(at, 10)}, "webhook-signature": {Sign(secret, id, at, body)}})
	if err != nil {
		return err
	}
	if reply.Status/100 != 2 {
		return ErrNotice
	}
	return nil
}
