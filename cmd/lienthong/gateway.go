package main

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/admin"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	webadmin "lienthong/internal/web/admin"
	"lienthong/internal/web/gateway"
)

type gatewayCmd struct {
	Data       string `required:"" help:"Directory of the hub." type:"path"`
	Code       string `required:"" help:"MA_CSKCB of the facility."`
	User       string `help:"User name the HIS logs in with; without it the facility's accounts are listed."`
	AnyAddress bool   `name:"any-address" help:"Tokens hold from any network address: for systems behind changing addresses."`
	Revoke     bool   `help:"End the account and its sessions, at once."`
	JSON       bool   `name:"json" help:"List as JSON."`
}

// shortestPassword is how many characters a password has at least (TCVN 14423
// asks 14, or 8 with a second factor, which this interface has not).
const shortestPassword = 14

// Run makes, ends or lists accounts of the drop-in gateway. The password comes
// from the standard input and does not leave this process: the hub gets a hash.
func (c *gatewayCmd) Run(ctx context.Context, s *command.Streams) error {
	switch {
	case c.User == "" && (c.Revoke || c.AnyAddress):
		return errAccount
	case c.User == "":
		return c.list(ctx, s)
	case c.Revoke:
		return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
			if err := a.RevokeGateway(ctx, command.Actor, c.Code, c.User); err != nil {
				return err
			}
			fmt.Fprintf(s.Out, "gateway account %s ended\n", c.User)
			return nil
		})
	}
	password, err := command.ReadSecret(s, fmt.Sprintf("Password for %s: ", c.User))
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(password) < shortestPassword || strings.TrimSpace(password) != password {
		return errPassword
	}
	hash, err := gateway.Hash(password, gateway.HubCost())
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		g := admin.Gateway{Code: c.Code, User: c.User, Hash: hash, Roaming: c.AnyAddress}
		if err := a.SetGateway(ctx, command.Actor, g); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "gateway account %s of facility %s is in use\n", c.User, c.Code)
		return nil
	})
}

func (c *gatewayCmd) list(ctx context.Context, s *command.Streams) error {
	type row struct {
		Facility string     `json:"facility"`
		User     string     `json:"user"`
		Roaming  bool       `json:"any_address"`
		Since    time.Time  `json:"since"`
		Revoked  *time.Time `json:"revoked"`
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		all, err := a.GatewaysOf(ctx, c.Code)
		if err != nil {
			return err
		}
		rows := make([]row, len(all))
		for i, x := range all {
			rows[i] = row{string(x.Facility), x.User, x.Roaming, x.Since, nil}
			if !x.Revoked.IsZero() {
				rows[i].Revoked = &x.Revoked
			}
		}
		if c.JSON {
			return command.WriteJSON(s.Out, rows)
		}
		for _, x := range rows {
			state := "in use since " + x.Since.Format(time.RFC3339)
			if x.Revoked != nil {
				state = "ended " + x.Revoked.Format(time.RFC3339)
			}
			if x.Roaming {
				state += ", from any address"
			}
			fmt.Fprintf(s.Out, "%s %s %s\n", x.Facility, x.User, state)
		}
		return nil
	})
}

var (
	errAccount = fault.New(fault.Invalid, "usage.flag_missing", "Nêu tài khoản bằng --user.", "Name the account with --user.")
	// errPassword says what shortestPassword is.
	errPassword = fault.New(fault.Invalid, "usage.password",
		"Mật khẩu cần ít nhất 14 ký tự, không có khoảng trắng ở hai đầu.",
		"The password needs at least 14 characters, without blanks around it.")
)
