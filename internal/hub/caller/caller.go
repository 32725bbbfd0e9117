// Package caller tells who makes a request at the hub's API: it joins tokens, client
// certificates and sessions. What a caller may do is decided elsewhere.
package caller

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"lienthong/internal/role"
	"lienthong/internal/trust"
	"lienthong/internal/web/api"
	"lienthong/internal/web/session"
	"lienthong/internal/web/token"
)

// Callers tells who makes a request: a system by its bearer token or its TLS
// certificate, a person by the session of the portal.
type Callers struct {
	Tokens   *token.Desk
	Sessions *session.Keeper
	Trust    *trust.Watch
}

// Caller returns who makes the request, or token.invalid.
func (c *Callers) Caller(r *http.Request) (api.Caller, error) {
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		client, err := c.Tokens.Client(text)
		if err != nil {
			return api.Caller{}, err
		}
		if client.Unit != "" { // no facility's: it has no rows, whatever it carries
			name := "via:" + c.Trust.Current().Sort(client.ID) + ":" + client.ID
			return api.Caller{Role: role.Role{Kind: role.Carrier, ID: client.Unit}, Client: client.ID, Name: name}, nil
		}
		return api.Caller{Role: role.Role{Kind: role.Facility, ID: string(client.Facility)}, Client: client.ID, Name: "client:" + client.ID}, nil
	}
	if who, ok := c.byCertificate(r); ok {
		return who, nil
	}
	who, err := c.Sessions.Current(r)
	if err != nil {
		return api.Caller{}, token.ErrToken.Because(err)
	}
	return api.Caller{Role: who.Role, Name: "session:" + who.Mark}, nil
}

// byCertificate takes a verified TLS client certificate that is pinned to one
// facility, and to no other, for that facility's word.
func (c *Callers) byCertificate(r *http.Request) (api.Caller, bool) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return api.Caller{}, false
	}
	print := sha256.Sum256(r.TLS.VerifiedChains[0][0].Raw)
	trust := c.Trust.Current()
	if _, revoked := trust.RevokedAt(print); revoked {
		return api.Caller{}, false
	}
	codes := trust.Seals.Facilities(print)
	if len(codes) != 1 {
		return api.Caller{}, false
	}
	return api.Caller{Role: role.Role{Kind: role.Facility, ID: codes[0]}, Name: "tls:" + codes[0]}, true
}
