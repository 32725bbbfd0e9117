// Package webhook tells a subscriber about records: one signed HTTP request for
// each, in the form of Standard Webhooks 1.0 (webhook-id, webhook-timestamp,
// webhook-signature: v1, HMAC-SHA256). The id is made from the record, so that a
// subscriber knows one sent again. What it carries is metadata and the receipt,
// never clinical content: who may read that asks for it.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// ErrOptions (webhook.options): the destination has options, and this adapter knows none.
var ErrOptions = fault.New(fault.Invalid, "webhook.options", "Webhook không có tùy chọn nào.", "A webhook has no options.")

// speaker begins this bridge's codes.
const speaker verdict.Speaker = "webhook"

// Secret is the key the subscriber shares with the hub, as it is put: JSON.
type Secret struct {
	Key string `json:"key"` // "whsec_" and standard base64 of 24 to 64 bytes
}

// Event is the body of a request.
type Event struct {
	Type string    `json:"type"` // "record.accepted", "record.withdrawn"
	At   time.Time `json:"timestamp"`
	Data Data      `json:"data"`
}

// Data says which record it is about.
type Data struct {
	Record    string          `json:"record"`
	Facility  string          `json:"facility"`
	Kind      string          `json:"kind"`
	Withdraws string          `json:"withdraws,omitempty"`
	Receipt   json.RawMessage `json:"receipt,omitempty"` // the receipt document
}

// Adapter is the courier's way to subscribers.
type Adapter struct {
	client *outbound.Client
	clock  clock.Clock
}

var _ courier.Adapter = (*Adapter)(nil)

// New returns an adapter over client.
func New(client *outbound.Client, clk clock.Clock) *Adapter { return &Adapter{client, clk} }

// Wants says that a subscriber gets no content.
func (a *Adapter) Wants() courier.Wants { return courier.Wants{} }

// Check says what is wrong with a destination. Fault: webhook.options.
func (a *Adapter) Check(d exchange.Destination) error {
	if !d.NoOptions() {
		return ErrOptions
	}
	return nil
}

// Deliver makes one request; any 2xx is taken, 410 ends it for good.
func (a *Adapter) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	key, ok := parseKey(p.Secret)
	if !ok {
		return verdict.Refused("leg.secret_missing")
	}
	leg := &p.Legs[0]
	e := Event{Type: "record.accepted", At: leg.Created.UTC(), Data: Data{Record: leg.Record.String(), Facility: string(leg.Record.Facility),
		Kind: leg.Kind, Receipt: p.Receipt}}
	if !leg.Withdraws.IsZero() {
		e.Type, e.Data.Withdraws = "record.withdrawn", leg.Withdraws.String()
	}
	body, err := json.Marshal(e)
	if err != nil {
		return speaker.Unmade()
	}
	id, at := MessageID(leg), a.clock.Now().Unix()
	reply, err := a.client.Exchange(ctx, http.MethodPost, outbound.Call{URL: p.Destination.URL, Private: p.Destination.Private,
		Type: "application/json", Body: body, Limit: 64 << 10},
		http.Header{"webhook-id": {id}, "webhook-timestamp": {strconv.FormatInt(at, 10)}, "webhook-signature": {Sign(key, id, at, body)}})
	if err != nil {
		return verdict.Failed(reply, err)
	}
	code := "webhook." + strconv.Itoa(reply.Status)
	switch {
	case reply.Status/100 == 2:
		return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: code, Reference: id}
	case reply.Status == http.StatusGone:
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: code}
	}
	out, _ := speaker.Status(reply)
	return out
}

// MessageID is the id of a record's request, the same at every attempt.
func MessageID(leg *store.Leg) string {
	sum := sha256.Sum256([]byte("lienthong/webhook/v1\n" + leg.Record.String() + "\n" + leg.Destination))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// Sign gives the webhook-signature of a request: over id, timestamp and body
// with dots between.
func Sign(key []byte, id string, at int64, body []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write(bytes.Join([][]byte{[]byte(id), []byte(strconv.FormatInt(at, 10)), body}, []byte(".")))
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func parseKey(secret []byte) ([]byte, bool) {
	var s Secret
	if json.Unmarshal(secret, &s) != nil {
		return nil, false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Key, "whsec_"))
	return key, err == nil && len(key) >= 24 && len(key) <= 64
}
