package admin

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrGatewayUser: not a user name the drop-in gateway takes.
	ErrGatewayUser = fault.New(fault.Invalid, "gateway.user",
		"Tên đăng nhập gồm 3 đến 64 chữ cái không dấu, chữ số hoặc . _ @ -.", "A user name has 3 to 64 letters without marks, digits or . _ @ -.")
	// ErrGatewayTaken: another facility's user.
	ErrGatewayTaken = fault.New(fault.Conflict, "gateway.taken",
		"Tên đăng nhập này là của cơ sở khác.", "This user name is another facility's.")
	// ErrGatewayHash: a password in the clear, or nothing at all.
	ErrGatewayHash = fault.New(fault.Invalid, "gateway.hash",
		"Thiếu dạng băm của mật khẩu.", "The hash of the password is missing.")
	// ErrGatewayUnknown: no such account in use.
	ErrGatewayUnknown = fault.New(fault.Absent, "gateway.unknown",
		"Cơ sở không có tài khoản cổng thay thế đang dùng với tên này.", "The facility has no gateway account of this name in use.")
)

// Gateway is an account of the drop-in gateway as an operator gives it.
type Gateway struct {
	Code    string `json:"code"`
	User    string `json:"user"`
	Hash    string `json:"hash,omitempty"`    // web/gateway.Hash of the password, which the hub never sees
	Roaming bool   `json:"roaming,omitempty"` // tokens hold from any address
}

var gatewayUser = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{2,63}$`)

// SetGateway makes an account, or gives one that is there another password and
// ends its sessions. Faults: facility.unknown, gateway.user, .hash, .taken.
func (o *Office) SetGateway(ctx context.Context, actor string, g Gateway) error {
	_, code, err := o.known(ctx, g.Code)
	if err != nil {
		return err
	}
	if !gatewayUser.MatchString(g.User) {
		return ErrGatewayUser
	}
	if !strings.HasPrefix(g.Hash, "$argon2id$") || len(g.Hash) > 300 {
		return ErrGatewayHash
	}
	now := o.Clock.Now()
	a := store.GatewayAccount{Facility: code, User: g.User, Hash: g.Hash, Roaming: g.Roaming, Since: now}
	act, err := serviceAct(now, actor, "facility.gateway", g.Code, map[string]any{"user": g.User, "roaming": g.Roaming, "account": a.Mark()})
	if err != nil {
		return err
	}
	if err = o.Gateways.PutAccount(ctx, a, act); errors.Is(err, store.ErrTaken) {
		return ErrGatewayTaken
	}
	return err
}

// RevokeGateway ends an account of a facility and its sessions, at once.
func (o *Office) RevokeGateway(ctx context.Context, actor, code, user string) error {
	list, err := o.GatewaysOf(ctx, code)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.User != user || !a.Revoked.IsZero() {
			continue
		}
		now := o.Clock.Now()
		act, err := serviceAct(now, actor, "facility.gateway_revoke", code, map[string]any{"user": user})
		if err != nil {
			return err
		}
		return o.Gateways.RevokeAccount(ctx, user, now, act)
	}
	return ErrGatewayUnknown
}

// GatewaysOf lists the accounts of a facility, ended ones too, without hashes;
// "" of all.
func (o *Office) GatewaysOf(ctx context.Context, code string) ([]store.GatewayAccount, error) {
	if code != "" {
		if _, err := care.ParseFacilityCode(code); err != nil {
			return nil, err
		}
	}
	return o.Gateways.Accounts(ctx, care.FacilityCode(code))
}
