// Package witness carries requests to cosign to the nodes an operator approved
// as witnesses (C2SP tlog-witness over HTTP). It checks no cosignature: package
// witness does.
package witness

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/witness"
)

// Path is where a node takes requests, behind its URL.
const Path = "/witness/add-checkpoint"

// Bridge asks witnesses.
type Bridge struct{ client *outbound.Client }

var _ witness.Transport = (*Bridge)(nil)

// New returns a bridge over client.
func New(client *outbound.Client) *Bridge { return &Bridge{client} }

// AddCheckpoint makes one request. Faults: outbound.*, witness.size (with a
// *witness.KnownSize in the chain), witness.proof.
func (b *Bridge) AddCheckpoint(ctx context.Context, p store.Peer, body []byte) (string, error) {
	status, answer, err := b.client.Post(ctx, outbound.Call{URL: strings.TrimSuffix(p.URL, "/") + Path, Private: p.Private, Type: "text/plain; charset=utf-8",
		Body: body, Limit: ledger.MaxCheckpoint})
	if err != nil {
		return "", err
	}
	switch status {
	case http.StatusOK:
		return string(answer), nil
	case http.StatusConflict:
		n, err := strconv.ParseUint(strings.TrimSuffix(string(answer), "\n"), 10, 64)
		if err != nil || n > ledger.MaxSize {
			return "", outbound.ErrAnswer.Because(fmt.Errorf("a conflict without a size"))
		}
		return "", witness.ErrSize.Because(&witness.KnownSize{Size: n})
	case http.StatusUnprocessableEntity:
		return "", witness.ErrProof
	}
	return "", outbound.ErrAnswer.Because(fmt.Errorf("status %d", status))
}
