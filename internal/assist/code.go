package assist

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/vault"
)

// The limits of codes.
const (
	CodeLife     = 10 * time.Minute
	CodeTries    = 3
	CodesPerHour = 5 // to one person
)

var (
	// ErrNoChannel: nobody can be sent a code.
	ErrNoChannel = fault.New(fault.Absent, "counter.no_channel",
		"Không có ứng dụng hay điện thoại nào đã đăng ký để gửi mã. Dùng phiếu giấy có chữ ký.",
		"No app or phone is registered that a code could go to. Use the signed form on paper.")
	// ErrCodes: too many codes in an hour.
	ErrCodes = fault.New(fault.TooMany, "counter.codes",
		"Đã gửi đủ số mã trong một giờ. Dùng phiếu giấy, hoặc chờ.", "The codes of this hour are used up. Use paper, or wait.")
	// ErrCode: not that code, or over.
	ErrCode = fault.New(fault.Invalid, "counter.code",
		"Mã không đúng, đã dùng hoặc đã hết hạn. Mã có hiệu lực 10 phút, thử 3 lần.", "The code is wrong, used or over. It lives 10 minutes and takes 3 tries.")
)

// Phone sends a text to somebody's registered app or phone. Faults: ErrNoChannel;
// others where it is away.
type Phone interface {
	Tell(ctx context.Context, person care.Person, id string, title, text fault.Text, at time.Time) error
}

// Once keeps that something was done once; store.Access does.
type Once interface {
	Once(ctx context.Context, use, key string, until time.Time) (fresh bool, err error)
}

// SendCode sends six digits to a person, the one at the counter or one who acts for
// them, that confirm exactly what is said: says is the text shown, about the same
// for programs, any change of which makes the code worthless. It returns the ticket
// that the page keeps; the code itself is kept nowhere. Faults: counter.no_channel,
// counter.codes.
func (d *Desk) SendCode(ctx context.Context, c Clerk, v *consent.Opening, to care.Person, about string, says fault.Text) (ticket string, err error) {
	if d.Phone == nil {
		return "", ErrNoChannel
	}
	now := d.Clock.Now()
	hour := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/3600))
	key := d.Vault.Hash(vault.Presence, []byte("counter codes of"), to[:], hour)
	if ok, err := d.slot(ctx, "codes:"+hex.EncodeToString(key[:]), CodesPerHour, now.Add(2*time.Hour)); err != nil {
		return "", err
	} else if !ok {
		return "", ErrCodes
	}
	until := now.Add(CodeLife)
	b := binary.BigEndian.AppendUint64(nil, uint64(until.UnixMilli()))
	b = append(b, make([]byte, 16)...)
	if _, err := rand.Read(b[8:]); err != nil {
		return "", fmt.Errorf("assist: %w", err)
	}
	code := d.digits(c, v, to, about, b)[0]
	title := fault.Text{VI: "Mã xác nhận tại quầy", EN: "Code for the counter"}
	text := fault.Text{VI: "Mã " + code + " để xác nhận: " + says.VI + " Chỉ đọc mã nếu đúng điều đó.",
		EN: "Code " + code + " confirms: " + says.EN + " Read it out only if that is what you want."}
	ticket = base64.RawURLEncoding.EncodeToString(b)
	if err := d.Phone.Tell(ctx, to, "counter/"+ticket, title, text, now); err != nil {
		return "", err
	}
	return ticket, nil
}

// Told checks a code that was read out and returns what proves it: a SHA-256 over
// ticket, code and what was said. A code holds once. Fault: counter.code.
func (d *Desk) Told(ctx context.Context, c Clerk, v *consent.Opening, to care.Person, about, ticket, code string) ([32]byte, error) {
	now := d.Clock.Now()
	b, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || len(b) != 24 || !now.Before(time.UnixMilli(int64(binary.BigEndian.Uint64(b)))) {
		return [32]byte{}, ErrCode.Because(errors.New("no ticket, or over"))
	}
	key := sha256.Sum256(b)
	name, until := hex.EncodeToString(key[:]), now.Add(2*CodeLife)
	if ok, err := d.slot(ctx, "try:"+name, CodeTries, until); err != nil {
		return [32]byte{}, err
	} else if !ok {
		return [32]byte{}, ErrCode.Because(errors.New("no try is left"))
	}
	code, right := strings.Join(strings.Fields(code), ""), 0
	for _, want := range d.digits(c, v, to, about, b) {
		right |= subtle.ConstantTimeCompare([]byte(code), []byte(want))
	}
	if right == 0 {
		return [32]byte{}, ErrCode
	}
	fresh, err := d.Once.Once(ctx, "counter", "told:"+name, until)
	if err != nil {
		return [32]byte{}, fmt.Errorf("assist: %w", err)
	}
	if !fresh {
		return [32]byte{}, ErrCode.Because(errors.New("used before"))
	}
	return sha256.Sum256([]byte("lienthong/counter-code/1\n" + ticket + "\n" + code + "\n" + about)), nil
}

// digits are the code of a ticket, under every live pepper.
func (d *Desk) digits(c Clerk, v *consent.Opening, to care.Person, about string, ticket []byte) []string {
	var out []string
	for _, mac := range d.Vault.HashAll(vault.Presence, []byte("counter digits"), ticket, []byte(c.At), c.Staff[:], v.ID[:], to[:], []byte(about)) {
		out = append(out, fmt.Sprintf("%06d", binary.BigEndian.Uint64(mac[1:9])%1e6))
	}
	return out
}

// slot takes one of n places under a name.
func (d *Desk) slot(ctx context.Context, name string, n int, until time.Time) (bool, error) {
	for i := range n {
		fresh, err := d.Once.Once(ctx, "counter", fmt.Sprintf("%s:%d", name, i), until)
		if err != nil {
			return false, fmt.Errorf("assist: %w", err)
		}
		if fresh {
			return true, nil
		}
	}
	return false, nil
}
