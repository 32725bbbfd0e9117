// Package agent is the facility's side of the exchange: it logs in with the
// credential a hub gave out, sends files in packs, follows the answers as they
// come, waits when told to and sends again what was not decided. Sending twice
// is safe: the hub answers the same bytes with the same receipt.
//
// It judges nothing: what a dossier is worth is for the hub to say. It does not
// watch folders or poll feeds; whoever calls it decides what is sent and when.
package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

var (
	// ErrHubURL (submit.hub_url): the hub's address is not an http or https URL.
	ErrHubURL = fault.New(fault.Invalid, "submit.hub_url",
		"Địa chỉ hub phải là URL dạng https://ten-hub, không kèm đường dẫn, tài khoản hay tham số.",
		"The hub's address must be a URL of the form https://host, without path, user or query.")
	// ErrPlain (submit.plain_http): clinical files would travel in the clear.
	ErrPlain = fault.New(fault.Invalid, "submit.plain_http",
		"Không gửi hồ sơ qua http:// tới máy khác vì đường truyền không mã hóa. Dùng https://.",
		"Files are not sent to another machine over http://, which is not encrypted. Use https://.")
	// ErrUnreachable (hub.unreachable): no answer came, or it broke off.
	ErrUnreachable = fault.New(fault.Busy, "hub.unreachable",
		"Không nối được tới hub, hoặc đường truyền bị ngắt. Gửi lại sau: gửi trùng không sao.",
		"The hub could not be reached or the connection broke. Send again later: sending twice is safe.")
	// ErrAnswer (hub.answer): something answered that does not speak the hub's contract.
	ErrAnswer = fault.New(fault.Broken, "hub.answer",
		"Câu trả lời nhận được không đúng dạng của hub. Kiểm tra địa chỉ hub và máy chủ trung gian (proxy).",
		"What answered does not speak as a hub does. Check the hub's address and any proxy in between.")
	// ErrUndecided (submit.undecided): the hub did not decide, however often it was asked.
	ErrUndecided = fault.New(fault.Busy, "submit.undecided",
		"Hub chưa trả lời cho một số tệp sau nhiều lần gửi. Chạy lại lệnh: phần đã có kết quả sẽ không gửi lại.",
		"The hub gave no answer for some files after several tries. Run the command again: what was answered is not sent again.")
)

// Config is what a Client works with; zero values are defaults.
type Config struct {
	HubURL     string      // "https://hub.example"; "" takes the credential's hub, when that is a URL
	Credential *Credential // who sends
	Transport  http.RoundTripper
	Clock      clock.Clock
	Sleep      func(ctx context.Context, d time.Duration) error // returns ctx's error when cut short
	Random     io.Reader
	Attempts   int           // tries of a pack that bring nothing new, before giving up; default 8
	Stall      time.Duration // longest silence of the hub within a request; default 2 min
	MaxWait    time.Duration // longest wait a hub is obeyed for; default 5 min
	PlainHTTP  bool          // allow http:// to machines other than this one
}

func (c Config) withDefaults() Config {
	if c.HubURL == "" && c.Credential != nil {
		c.HubURL = c.Credential.Hub
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Attempts == 0 {
		c.Attempts = 8
	}
	if c.Stall == 0 {
		c.Stall = 2 * time.Minute
	}
	if c.MaxWait == 0 {
		c.MaxWait = 5 * time.Minute
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   15 * time.Second,
			MaxIdleConnsPerHost:   32,
			IdleConnTimeout:       60 * time.Second,
			DisableCompression:    true,
			ExpectContinueTimeout: time.Second,
		}
	}
	return c
}

// Client speaks to one hub as one facility. It may be used by many goroutines.
type Client struct {
	cfg  Config
	base string // scheme and host, without a slash at the end
	http *http.Client
	pace *rate.Limiter // requests a second, once the hub has named a rate

	mu     sync.Mutex
	token  string
	expiry time.Time
}

// New returns a client. Faults: credential.invalid, submit.hub_url, submit.plain_http.
func New(c Config) (*Client, error) {
	c = c.withDefaults()
	if c.Credential == nil || c.Credential.key == nil {
		return nil, ErrCredential.Because(errors.New("no credential"))
	}
	base, err := hubBase(c.HubURL, c.PlainHTTP)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: c, base: base, pace: rate.NewLimiter(rate.Inf, 1), http: &http.Client{
		Transport: c.Transport,
		// A redirect would carry clinical files and a bearer token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Facility returns the code of the facility the client sends for.
func (c *Client) Facility() string { return string(c.cfg.Credential.Facility) }

// Hub returns the hub's base URL.
func (c *Client) Hub() string { return c.base }

// CheckHub says whether an address may be a hub's: https, or http of this machine.
// Faults: submit.hub_url, submit.plain_http.
func CheckHub(url string) error {
	_, err := hubBase(url, false)
	return err
}

func hubBase(text string, plain bool) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", ErrHubURL.Because(err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return "", ErrHubURL
	}
	if u.Scheme == "http" && !plain && !loopback(u.Hostname()) {
		return "", ErrPlain
	}
	return u.Scheme + "://" + u.Host, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Get reads a path of the hub, for example "/api/v1/records/ID". It returns the
// status and at most limit bytes of the answer. A token that was refused is
// taken anew once. Faults: hub.unreachable, token.assertion.
func (c *Client) Get(ctx context.Context, path string, limit int64) (status int, body []byte, err error) {
	said, err := c.Ask(ctx, http.MethodGet, path, nil, nil, limit)
	return said.Status, said.Body, err
}

// unreachable is the fault of a broken connection, or the caller's own cancellation.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return ErrUnreachable.Because(err)
}
