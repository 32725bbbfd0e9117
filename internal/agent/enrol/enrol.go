// Package enrol makes an agent out of an invite: it makes a key, gives the hub
// its public half with the one-time code, and keeps what the hub answers. The key
// is kept before it is sent, so that an answer lost on the way is asked for again
// with the same key and the same code, which the hub answers the same.
//
// It neither runs an agent nor approves one; a hub may want a second person for
// that, and the agent then waits (Result.Waiting).
package enrol

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"lienthong/internal/agent"
	"lienthong/internal/agent/home"
	"lienthong/internal/care"
	"lienthong/internal/fault"
)

var (
	// ErrInvite (invite.invalid): the hub does not know the code, or it was used or has ended.
	ErrInvite = fault.New(fault.Withheld, "invite.invalid",
		"Mã mời không đúng, đã dùng hoặc đã hết hạn. Xin đơn vị vận hành hub cấp mã mới.",
		"The invite is not right, was used, or has expired. Ask the hub's operator for a new one.")
	// ErrKey (invite.key): the hub does not take the key this machine made.
	ErrKey = fault.New(fault.Invalid, "invite.key",
		"Hub không nhận khóa do máy này tạo. Cập nhật phần mềm rồi thử lại.",
		"The hub does not take the key this machine made. Update the program and try again.")
	// ErrCertificate (hub.certificate): what answers has no certificate this machine trusts.
	ErrCertificate = fault.New(fault.Invalid, "hub.certificate",
		"Máy chủ trả lời không có chứng thư TLS mà máy này tin cậy, nên chưa gửi gì. Kiểm tra địa chỉ hub, đồng hồ máy và proxy.",
		"What answers has no TLS certificate this machine trusts, so nothing was sent. Check the hub's address, this machine's clock and the proxy.")
	// ErrProxy (hub.proxy): the proxy refuses.
	ErrProxy = fault.New(fault.Invalid, "hub.proxy",
		"Proxy từ chối kết nối tới hub. Kiểm tra địa chỉ, người dùng và mật khẩu của proxy.",
		"The proxy refuses the connection to the hub. Check its address, user and password.")
)

const (
	keyFile   = "enrol.key" // until the credential is there
	path      = "/api/v1/enrolments"
	maxAnswer = 256 << 10
)

// Options say what is set up.
type Options struct {
	Dir           string // "" is home.DefaultDir
	Invite        string
	Config        home.Config // Facility is the hub's to say
	ProxyPassword string
	Transport     http.RoundTripper // nil: by Config.Proxy
}

// Result is a new agent.
type Result struct {
	Home    *home.Home
	Waiting bool // a second person of the hub is to approve it
}

// Setup makes the directory, redeems the invite and keeps everything; after it
// the agent can run. Nothing is spent before the configuration is found right.
// Called again after it broke off it goes on. Faults: agent.exists, agent.config,
// invite.invalid, invite.key, hub.unreachable, hub.answer, hub.certificate, hub.proxy.
func Setup(ctx context.Context, o Options) (*Result, error) {
	o.Config.Facility = ""
	o.Config.Hub = strings.TrimRight(o.Config.Hub, "/")
	if err := o.Config.Check(); err != nil {
		return nil, err
	}
	invite := strings.TrimSpace(o.Invite)
	if invite == "" || len(invite) > 200 || strings.ContainsFunc(invite, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }) {
		return nil, ErrInvite
	}
	h, err := home.Create(o.Dir)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(h)
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		if transport, err = home.Transport(o.Config.Proxy, o.ProxyPassword); err != nil {
			return nil, err
		}
	}
	said, err := redeem(ctx, transport, o.Config, invite, key)
	if err != nil {
		return nil, err
	}
	return keep(h, o, said, key)
}

// keep writes what the hub answered; the configuration last, for with it the
// directory is an agent's.
func keep(h *home.Home, o Options, said Answer, key *ecdsa.PrivateKey) (*Result, error) {
	b, err := agent.MakeCredential(said.Hub, string(said.Facility), said.ClientID, said.KeyID, key)
	if err != nil {
		return nil, err
	}
	if err := h.SaveCredential(b); err != nil {
		return nil, err
	}
	if err := h.SaveReceiptKeys(said.Keys); err != nil {
		return nil, err
	}
	if o.ProxyPassword != "" {
		if err := h.SaveProxyPassword(o.ProxyPassword); err != nil {
			return nil, err
		}
	}
	for _, f := range o.Config.Folders {
		if err := os.MkdirAll(f.Path, 0o770); err != nil {
			return nil, home.ErrConfig.Because(fmt.Errorf("folder %s: %w", filepath.Base(f.Path), err))
		}
	}
	o.Config.Facility = said.Facility
	if err := h.Save(o.Config); err != nil {
		return nil, err
	}
	if err := os.Remove(h.Path(keyFile)); err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	return &Result{Home: h, Waiting: said.State == "waiting"}, nil
}

// keyOf returns the key of this enrolment, kept since its first try.
func keyOf(h *home.Home) (*ecdsa.PrivateKey, error) {
	b, err := h.Read(keyFile)
	if err == nil {
		if block, _ := pem.Decode(b); block != nil {
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if key, ok := k.(*ecdsa.PrivateKey); ok && err == nil {
				return key, nil
			}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, _, err := agent.NewKey() // none yet, or a damaged one, which no hub has answered for
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	return key, h.Write(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Answer is the hub's answer as checked.
type Answer struct {
	ClientID, KeyID, Hub, State string
	Facility                    care.FacilityCode
	Keys                        []home.ReceiptKey
}

func redeem(ctx context.Context, transport http.RoundTripper, c home.Config, invite string, key *ecdsa.PrivateKey) (Answer, error) {
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return Answer{}, fmt.Errorf("enrol: %w", err)
	}
	body, err := json.Marshal(map[string]string{
		"invite": invite, "public_key": base64.StdEncoding.EncodeToString(spki), "software": c.Software,
	})
	if err != nil {
		return Answer{}, fmt.Errorf("enrol: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Hub+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, agent.ErrHubURL.Because(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, unreachable(ctx, err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return Answer{}, unreachable(ctx, err)
	}
	return ParseAnswer(resp.StatusCode, b)
}

// ParseAnswer reads the hub's answer to an enrolment. Members it does not know
// are a newer hub's and left alone. Faults: invite.invalid, invite.key,
// hub.unreachable (busy), hub.answer.
func ParseAnswer(status int, b []byte) (Answer, error) {
	if status != http.StatusCreated && status != http.StatusOK {
		return Answer{}, refusal(status, b)
	}
	var said struct {
		ClientID string `json:"client_id"`
		KeyID    string `json:"kid"`
		Facility string `json:"facility"`
		Hub      string `json:"hub"`
		State    string `json:"state"`
		Keys     []struct {
			ID   string `json:"kid"`
			SPKI []byte `json:"spki"`
		} `json:"receipt_keys"`
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return Answer{}, agent.ErrAnswer.Because(err)
	}
	code, err := care.ParseFacilityCode(said.Facility)
	if err != nil {
		return Answer{}, agent.ErrAnswer.Because(err)
	}
	out := Answer{ClientID: said.ClientID, KeyID: said.KeyID, Hub: said.Hub, State: said.State, Facility: code}
	if out.ClientID == "" || out.KeyID == "" || out.Hub == "" || out.State != "active" && out.State != "waiting" || len(said.Keys) == 0 {
		return Answer{}, agent.ErrAnswer.Because(errors.New("a member of the enrolment is missing"))
	}
	for _, k := range said.Keys {
		key := home.ReceiptKey{ID: k.ID, SPKI: k.SPKI}
		if _, err := key.Public(); err != nil || k.ID == "" {
			return Answer{}, agent.ErrAnswer.Because(errors.New("a receipt key of the enrolment cannot be read"))
		}
		out.Keys = append(out.Keys, key)
	}
	return out, nil
}

func refusal(status int, b []byte) error {
	var problem struct {
		Code string `json:"code"`
	}
	// What is no problem document has no code: a proxy's page, another server.
	if err := json.Unmarshal(b, &problem); err != nil {
		problem.Code = ""
	}
	switch {
	case problem.Code == ErrInvite.Code:
		return ErrInvite
	case problem.Code == ErrKey.Code:
		return ErrKey
	case status == http.StatusProxyAuthRequired:
		return ErrProxy
	case status == http.StatusTooManyRequests, status >= 500:
		return agent.ErrUnreachable.Because(fmt.Errorf("answered %d", status))
	}
	return agent.ErrAnswer.Because(fmt.Errorf("answered %d", status))
}

func unreachable(ctx context.Context, err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &authority), errors.As(err, &name), errors.As(err, &invalid):
		return ErrCertificate.Because(err)
	case strings.Contains(err.Error(), "Proxy Authentication Required"), strings.Contains(err.Error(), "proxyconnect"):
		return ErrProxy.Because(err)
	}
	return agent.ErrUnreachable.Because(err)
}
