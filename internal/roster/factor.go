package roster

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// Tries counts codes that were wrong; store.Gateways does.
type Tries interface {
	Failures(ctx context.Context, who []string, since time.Time) ([]store.GatewayFailures, error)
	Failed(ctx context.Context, who []string, at, since time.Time) error
	Passed(ctx context.Context, who []string, pair string, at, since time.Time) error
}

const (
	mostTries = 5
	pause     = 15 * time.Minute
	trialLife = 15 * time.Minute
	step      = 30 * time.Second // RFC 6238 §5.2
)

var (
	// ErrCode (factor.code): not the code of this moment, or one that was used.
	ErrCode = fault.New(fault.Unauthenticated, "factor.code",
		"Mã không đúng, đã dùng rồi hoặc đã hết hạn. Chờ mã tiếp theo rồi nhập lại.", "The code is wrong, was used, or is over. Wait for the next one and try again.")
	// ErrPaused (factor.paused): too many were wrong.
	ErrPaused = fault.New(fault.TooMany, "factor.paused",
		"Nhập sai quá 5 lần. Chờ 15 phút rồi thử lại.", "Wrong more than 5 times. Wait 15 minutes and try again.")
	// ErrNoFactor (factor.none): none was set up.
	ErrNoFactor = fault.New(fault.Conflict, "factor.none",
		"Chưa đặt mã xác thực. Vào Tài khoản để đặt.", "You have no second factor yet. Set one up under Account.")
)

func who(id care.Staff) string { return "factor/" + hex.EncodeToString(id[:]) }

// Factor reports whether somebody has a second factor.
func (k *Desk) Factor(ctx context.Context, id care.Staff) (bool, error) {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return false, orUnknown(err)
	}
	return s.Factor, nil
}

// Enrol makes a seed for an authenticator and returns it and its otpauth address
// for a QR code; it holds once Confirm was given a code. The one made before and
// not confirmed stays for a while, so that a page may be opened again.
func (k *Desk) Enrol(ctx context.Context, id care.Staff) (seed, address string, err error) {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return "", "", orUnknown(err)
	}
	p, err := k.read(s)
	if err != nil {
		return "", "", err
	}
	now := k.d.Clock.Now()
	if age := now.Sub(time.Unix(p.TrialAt, 0)); p.Trial == "" || age > trialLife/2 || age < 0 {
		key, err := totp.Generate(totp.GenerateOpts{Issuer: "Lien Thong", AccountName: "x", SecretSize: 20})
		if err != nil {
			return "", "", err
		}
		p.Trial, p.TrialAt = key.Secret(), now.Unix()
		if err := k.put(ctx, *s, p, "", "", nil); err != nil {
			return "", "", err
		}
	}
	account := string(s.Facility) + "-" + hex.EncodeToString(id[:3]) // no name: it stays on phones
	return p.Trial, "otpauth://totp/LienThong:" + account + "?secret=" + p.Trial + "&issuer=LienThong&algorithm=SHA1&digits=6&period=30", nil
}

// Confirm puts the seed of Enrol in use, given a code of it. Faults: factor.*.
func (k *Desk) Confirm(ctx context.Context, id care.Staff, code string) error {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return orUnknown(err)
	}
	p, err := k.read(s)
	if err != nil {
		return err
	}
	age := k.d.Clock.Now().Sub(time.Unix(p.TrialAt, 0))
	if p.Trial == "" || age > trialLife || age < 0 {
		return ErrNoFactor
	}
	if err := k.try(ctx, id, p.Trial, code); err != nil {
		return err
	}
	p.Seed, p.Trial, p.TrialAt, s.Factor = p.Trial, "", 0, true
	return k.put(ctx, *s, p, "staff:"+hex.EncodeToString(id[:4]), "staff.factor", map[string]any{"facility": s.Facility})
}

// Check takes a code of the second factor, once. Faults: factor.*.
func (k *Desk) Check(ctx context.Context, id care.Staff, code string) error {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return orUnknown(err)
	}
	if !s.Suspended.IsZero() {
		return ErrSuspended
	}
	p, err := k.read(s)
	if err != nil {
		return err
	}
	if !s.Factor || p.Seed == "" {
		return ErrNoFactor
	}
	return k.try(ctx, id, p.Seed, code)
}

// try counts the try before it looks, so that many at once are no more than many
// one after the other.
func (k *Desk) try(ctx context.Context, id care.Staff, seed, code string) error {
	now := k.d.Clock.Now()
	names := []string{who(id)}
	for _, most := range []int{mostTries - 1, mostTries} { // before this one, and with it
		got, err := k.d.Tries.Failures(ctx, names, now.Add(-pause))
		if err != nil {
			return err
		}
		if len(got) > 0 && got[0].N > most {
			return ErrPaused
		}
		if most == mostTries {
			break
		}
		if err := k.d.Tries.Failed(ctx, names, now, now.Add(-pause)); err != nil {
			return err
		}
	}
	at, err := fits(seed, code, now)
	if err != nil {
		return err
	}
	fresh, err := k.d.Once.Once(ctx, who(id), strconv.FormatInt(at, 10), now.Add(pause))
	if err != nil {
		return err
	}
	if !fresh {
		return ErrCode
	}
	return k.d.Tries.Passed(ctx, names, who(id), now, now.Add(-pause))
}

// fits returns the step a code is of: this one, or its neighbours (RFC 6238 §5.2).
func fits(seed, code string, now time.Time) (int64, error) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	if len(code) != 6 {
		return 0, ErrCode
	}
	for _, d := range []time.Duration{0, -step, step} {
		at := now.Add(d)
		want, err := totp.GenerateCode(seed, at)
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return at.Unix() / int64(step/time.Second), nil
		}
	}
	return 0, ErrCode
}
