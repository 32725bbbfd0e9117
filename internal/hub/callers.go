package hub

import (
	"net/http"
	"strings"

	"lienthong/internal/role"
	"lienthong/internal/web/api"
	"lienthong/internal/web/session"
	"lienthong/internal/web/token"
)

// callers tells who makes a request: a system by its bearer token, a person by
// the session of the portal.
type callers struct {
	tokens   *token.Desk
	sessions *session.Keeper
}

// Caller returns who makes the request, or token.invalid.
func (c *callers) Caller(r *http.Request) (api.Caller, error) {
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		client, err := c.tokens.Client(text)
		if err != nil {
			return api.Caller{}, err
		}
		return api.Caller{Role: role.Role{Kind: role.Facility, ID: string(client.Facility)}, Client: client.ID, Name: "client:" + client.ID}, nil
	}
	who, err := c.sessions.Current(r)
	if err != nil {
		return api.Caller{}, token.ErrToken.Because(err)
	}
	return api.Caller{Role: who.Role, Name: "session:" + who.Mark}, nil
}
