package home

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ProxyDirect is the setting of Config.Proxy that uses no proxy, whatever the
// environment says.
const ProxyDirect = "direct"

// Transport returns what requests leave this machine through, by the proxy
// setting of the configuration. Faults: agent.config, agent.modes.
func (h *Home) Transport() (*http.Transport, error) {
	password := ""
	b, err := h.Read(proxyFile)
	switch {
	case err == nil:
		password = strings.TrimRight(string(b), "\r\n")
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return Transport(h.Config().Proxy, password)
}

// SaveProxyPassword keeps the password of the proxy's user.
func (h *Home) SaveProxyPassword(password string) error {
	return h.Write(proxyFile, []byte(password+"\n"))
}

// Transport returns a transport for a proxy setting ("" as the environment says,
// "direct", or a URL) and the password of the user it names. Compression is left
// to the caller. Fault: agent.config.
func Transport(proxy, password string) (*http.Transport, error) {
	if err := checkProxy(proxy); err != nil {
		return nil, ErrConfig.Because(err)
	}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       60 * time.Second,
		DisableCompression:    true,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
	}
	switch proxy {
	case "":
	case ProxyDirect:
		t.Proxy = nil
	default:
		u, err := url.Parse(proxy)
		if err != nil {
			return nil, ErrConfig.Because(errors.New("proxy: not a URL"))
		}
		if u.User != nil && password != "" {
			u.User = url.UserPassword(u.User.Username(), password)
		}
		t.Proxy = http.ProxyURL(u)
	}
	return t, nil
}
