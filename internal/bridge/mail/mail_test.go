package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"mime"
	"mime/quotedprintable"

	bridge "lienthong/internal/bridge/mail"
	"lienthong/internal/fault"
)

// server is a mail server of one connection at a time.
type server struct {
	t        *testing.T
	ln       net.Listener
	cert     tls.Certificate
	roots    *tls.Config
	noTLS    bool
	implicit bool
	refuse   string // a verb that gets 550

	mu   sync.Mutex
	log  []string
	data string
	tls  bool // the letter came by TLS
}

func serve(t *testing.T, change func(*server)) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	s := &server{t: t, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots: &tls.Config{RootCAs: pool}}
	change(s)
	if s.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := s.ln.Accept()
			if err != nil {
				return
			}
			s.talk(conn)
		}
	})
	t.Cleanup(func() { _ = s.ln.Close(); work.Wait() })
	return s
}

func (s *server) talk(conn net.Conn) {
	defer conn.Close()
	config := &tls.Config{Certificates: []tls.Certificate{s.cert}}
	secured := s.implicit
	if s.implicit {
		conn = tls.Server(conn, config)
	}
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		s.mu.Lock()
		s.log = append(s.log, line)
		s.mu.Unlock()
		switch {
		case verb == s.refuse:
			say("550 no")
		case verb == "EHLO" && !secured && !s.noTLS:
			say("250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN")
		case verb == "EHLO":
			say("250-test\r\n250 AUTH PLAIN")
		case verb == "STARTTLS" && s.noTLS:
			say("502 no such thing")
		case verb == "STARTTLS":
			say("220 go")
			conn, secured = tls.Server(conn, config), true
			in = bufio.NewReader(conn)
		case verb == "AUTH":
			say("235 in")
		case verb == "DATA":
			say("354 go")
			var b strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(l, ".")) // RFC 5321, 4.5.2
			}
			s.mu.Lock()
			s.data, s.tls = b.String(), secured
			s.mu.Unlock()
			say("250 kept")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func letter() bridge.Letter {
	return bridge.Letter{From: "hub@a.example", To: []string{"b@a.example", "c@a.example"}, Subject: "[Liên Thông] leg.queue:bhxh",
		Text: "Chặng cũ nhất đã chờ 61 phút.\n.\nThe oldest waits.\n", At: time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)}
}

func TestALetterGoesBySTARTTLS(t *testing.T) {
	t.Parallel()
	for _, implicit := range []bool{false, true} {
		s := serve(t, func(s *server) { s.implicit = implicit })
		how := map[bool]string{false: "starttls", true: "tls"}[implicit]
		err := bridge.Send(context.Background(), bridge.Server{Address: s.ln.Addr().String(), TLS: how, User: "hub", Roots: s.roots}, []byte("a secret"), letter())
		if err != nil {
			t.Fatal(how, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.tls {
			t.Errorf("%s: it came in the clear", how)
		}
		m, err := mail.ReadMessage(strings.NewReader(s.data))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != letter().Subject {
			t.Errorf("%q %v", subject, err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != letter().Text {
			t.Errorf("%q %v", body, err)
		}
		if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 {
			t.Errorf("%v %v", to, err)
		}
	}
}

func TestWithoutTLSNothingIsSent(t *testing.T) {
	t.Parallel()
	s := serve(t, func(s *server) { s.noTLS = true })
	err := bridge.Send(context.Background(), bridge.Server{Address: s.ln.Addr().String(), User: "hub", Roots: s.roots}, []byte("a secret"), letter())
	if fault.Of(err).Code != "mail.tls" {
		t.Errorf("%v", err)
	}
	s.mu.Lock()
	said := strings.Join(s.log, "\n")
	s.mu.Unlock()
	if strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") {
		t.Errorf("it said %s", said)
	}
	// a certificate that nobody vouches for
	s = serve(t, func(*server) {})
	if err := bridge.Send(context.Background(), bridge.Server{Address: s.ln.Addr().String()}, nil, letter()); fault.Of(err).Code != "mail.tls" {
		t.Errorf("%v", err)
	}
	// towards this machine, asked for
	s = serve(t, func(s *server) { s.noTLS = true })
	if err := bridge.Send(context.Background(), bridge.Server{Address: s.ln.Addr().String(), TLS: "none"}, nil, letter()); err != nil {
		t.Errorf("%v", err)
	}
}

func TestRefusalsAreSaid(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"AUTH", "MAIL", "RCPT", "DATA"} {
		s := serve(t, func(s *server) { s.refuse = verb })
		err := bridge.Send(context.Background(), bridge.Server{Address: s.ln.Addr().String(), User: "hub", Roots: s.roots}, []byte("a secret"), letter())
		if fault.Of(err).Code != "mail.refused" || strings.Contains(err.Error(), "a secret") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := bridge.Send(context.Background(), bridge.Server{Address: gone}, nil, letter()); fault.Of(err).Code != "mail.unreachable" {
		t.Errorf("%v", err)
	}
}

func TestNothingIsSmuggledIntoAHeader(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*bridge.Letter){
		func(l *bridge.Letter) { l.Subject = "a\r\nBcc: x@y.example" }, func(l *bridge.Letter) { l.From = "a@b.example>\r\n" },
		func(l *bridge.Letter) { l.To = []string{"a@b.example, c@d.example"} }, func(l *bridge.Letter) { l.To = nil }, func(l *bridge.Letter) { l.From = "nobody" },
	} {
		l := letter()
		change(&l)
		if err := bridge.Send(context.Background(), bridge.Server{Address: "127.0.0.1:1"}, nil, l); fault.Of(err).Code != "mail.letter" {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
