// Package mail sends a short plain letter by an operator's own mail server
// (RFC 5321, STARTTLS by RFC 3207). It is for alarms to people who run the hub;
// nothing of a record's content belongs in one. Passwords never travel without
// TLS, and TLS is left out only towards this machine.
package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"strings"
	"time"

	"lienthong/internal/fault"
)

var (
	// ErrUnreachable (mail.unreachable): the server was not reached, or broke off.
	ErrUnreachable = fault.New(fault.Busy, "mail.unreachable", "Máy chủ thư không trả lời kịp.", "The mail server did not answer in time.")
	// ErrTLS (mail.tls): the server offers no TLS, or shows no certificate that holds.
	ErrTLS = fault.New(fault.Withheld, "mail.tls", "Máy chủ thư không có TLS đúng quy định. Chưa gửi gì.", "The mail server has no proper TLS. Nothing was sent.")
	// ErrRefused (mail.refused): the server refused login, sender, recipient or letter.
	ErrRefused = fault.New(fault.Invalid, "mail.refused", "Máy chủ thư từ chối đăng nhập, người gửi, người nhận hoặc thư.", "The mail server refused login, sender, recipient or letter.")
	// ErrLetter (mail.letter): a letter that cannot be.
	ErrLetter = fault.New(fault.Invalid, "mail.letter", "Thư không hợp lệ.", "The letter is not valid.")
)

// Server is by which server letters go.
type Server struct {
	Address string      // host:port
	TLS     string      // "starttls", "tls", "none": the last only towards this machine
	User    string      // "" without login
	Roots   *tls.Config // nil: the system's roots; for tests
	Timeout time.Duration
}

// Letter is one letter.
type Letter struct {
	From    string
	To      []string
	Subject string
	Text    string
	At      time.Time
}

// Send sends a letter to all of its recipients, or says why it did not. Faults: mail.*.
func Send(ctx context.Context, s Server, password []byte, l Letter) error {
	raw, err := l.bytes()
	if err != nil {
		return err
	}
	if s.Timeout <= 0 {
		s.Timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return ErrLetter.Because(err)
	}
	c, err := s.dial(ctx, host)
	if err != nil {
		return err
	}
	defer c.Close()
	if s.User != "" {
		if err := c.Auth(smtp.PlainAuth("", s.User, string(password), host)); err != nil {
			return ErrRefused.Because(errors.New("login")) // what it answered may repeat what it was sent
		}
	}
	if err := c.Mail(l.From); err != nil {
		return ErrRefused.Because(err)
	}
	for _, to := range l.To {
		if err := c.Rcpt(to); err != nil {
			return ErrRefused.Because(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return ErrRefused.Because(err)
	}
	if _, err := w.Write(raw); err != nil {
		return ErrUnreachable.Because(err)
	}
	if err := w.Close(); err != nil {
		return ErrRefused.Because(err)
	}
	_ = c.Quit() // it has the letter
	return nil
}

// dial returns a connection that is as safe as it must be.
func (s Server) dial(ctx context.Context, host string) (*smtp.Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, ErrUnreachable.Because(err)
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return nil, errors.Join(ErrUnreachable.Because(err), conn.Close())
		}
	}
	local := false
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		local = at.IP.IsLoopback()
	}
	config := s.Roots.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName, config.MinVersion = host, tls.VersionTLS12
	if s.TLS == "tls" {
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(ErrTLS.Because(err), conn.Close())
		}
		conn = secured
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(ErrUnreachable.Because(err), conn.Close())
	}
	switch s.TLS {
	case "tls":
		return c, nil
	case "none":
		if local {
			return c, nil
		}
	default:
		if err = c.StartTLS(config); err == nil {
			return c, nil
		}
	}
	return nil, errors.Join(ErrTLS.Because(err), c.Close())
}

// bytes writes the letter: headers that nothing can be smuggled into, and text
// as quoted-printable UTF-8.
func (l Letter) bytes() ([]byte, error) {
	if len(l.To) == 0 || len(l.Subject) > 500 || len(l.Text) > 64<<10 {
		return nil, ErrLetter
	}
	for _, s := range append([]string{l.From, l.Subject}, l.To...) {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, ErrLetter
		}
	}
	for _, a := range append([]string{l.From}, l.To...) {
		if strings.ContainsAny(a, "<>, ") || !strings.Contains(a, "@") {
			return nil, ErrLetter
		}
	}
	_, domain, _ := strings.Cut(l.From, "@")
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n", l.From, strings.Join(l.To, ">, <"),
		mime.QEncoding.Encode("utf-8", l.Subject), l.At.Format(time.RFC1123Z), strings.ToLower(rand.Text()), domain)
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(l.Text)); err != nil {
		return nil, ErrLetter.Because(err)
	}
	if err := w.Close(); err != nil {
		return nil, ErrLetter.Because(err)
	}
	return b.Bytes(), nil
}
