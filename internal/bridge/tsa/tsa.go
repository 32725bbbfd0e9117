// Package tsa carries time-stamp requests to an authority over HTTP (RFC 3161
// §3.4). What an answer is worth, package stamp decides; this one only fetches
// it from an entry that an operator approved.
package tsa

import (
	"context"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/stamp"
)

// The media types of RFC 3161 §3.4.
const (
	QueryType = "application/timestamp-query"
	ReplyType = "application/timestamp-reply"
)

// Bridge fetches time-stamps.
type Bridge struct{ client *outbound.Client }

// New returns a bridge over client.
func New(client *outbound.Client) *Bridge { return &Bridge{client} }

// Stamp posts a TimeStampReq to the authority and returns its TimeStampResp,
// unread. Faults: outbound.*.
func (b *Bridge) Stamp(ctx context.Context, url string, private bool, request []byte) ([]byte, error) {
	return b.client.Do(ctx, outbound.Call{URL: url, Private: private, Type: QueryType, Body: request, Accept: []string{ReplyType}, Limit: stamp.MaxResponse})
}
