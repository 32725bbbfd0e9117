package alarm

import (
	"encoding/json"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"lienthong/internal/fault"
)

// ErrSetting (alarm.setting): settings that cannot be.
var ErrSetting = fault.New(fault.Invalid, "alarm.setting",
	"Thiết lập báo động không hợp lệ: kiểm tra giới hạn, ngày nghỉ (yyyyMMdd), địa chỉ webhook và thư.",
	"The alarm settings are not valid: check limits, holidays (yyyyMMdd), webhook and mail addresses.")

// Limits is when alarms are raised and where they are told: data, not code. Of
// numbers 0 is the default.
type Limits struct {
	FailurePercent    int      `json:"failure_percent,omitempty"`     // of the last hour's attempts at one destination; default 30
	FailureLeast      int      `json:"failure_least,omitempty"`       // attempts before a share means anything; default 20
	QueueMinutes      int      `json:"queue_minutes,omitempty"`       // age of the oldest leg that waits; default 60
	BreakerMinutes    int      `json:"breaker_minutes,omitempty"`     // how long a breaker may be open; default 15
	SilenceSlackHours int      `json:"silence_slack_hours,omitempty"` // after a facility's own usual hour; default 2
	SilenceMissed     int      `json:"silence_missed,omitempty"`      // its working days that may not pass silently; default 1
	TellMinutes       int      `json:"tell_minutes,omitempty"`        // between two tellings of one cause; default and least 60
	Holidays          []int    `json:"holidays,omitempty"`            // yyyyMMdd, beside those on fixed days
	Off               []string `json:"off,omitempty"`                 // kinds that are not raised
	Webhook           *Webhook `json:"webhook,omitempty"`
	Mail              *Mail    `json:"mail,omitempty"`
}

// Webhook is where alarms are posted, signed as Standard Webhooks.
type Webhook struct {
	URL     string `json:"url"`
	Private bool   `json:"private,omitempty"` // may lie on a private network or on this machine
}

// Mail is by which server alarms are mailed, and to whom. The password is in a
// file of the hub, never here.
type Mail struct {
	Server string   `json:"server"` // host:port
	TLS    string   `json:"tls"`    // "starttls" (default), "tls", or "none", which only this machine gets
	User   string   `json:"user,omitempty"`
	From   string   `json:"from"`
	To     []string `json:"to"`
}

// ParseLimits reads settings. Fault: alarm.setting.
func ParseLimits(b []byte) (Limits, error) {
	var l Limits
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil || d.More() {
		return Limits{}, ErrSetting.Because(err)
	}
	return l, l.check()
}

func (l *Limits) check() error {
	for _, n := range []int{l.FailurePercent, l.FailureLeast, l.QueueMinutes, l.BreakerMinutes, l.SilenceSlackHours, l.SilenceMissed, l.TellMinutes} {
		if n < 0 || n > 100_000 {
			return ErrSetting
		}
	}
	if l.FailurePercent > 100 || l.SilenceMissed > 60 || l.TellMinutes != 0 && l.TellMinutes < 60 || len(l.Holidays) > 400 {
		return ErrSetting
	}
	for _, day := range l.Holidays {
		if _, err := time.Parse("20060102", itoa(day)); err != nil {
			return ErrSetting.Because(err)
		}
	}
	for _, k := range l.Off {
		if !slices.Contains(Kinds(), k) {
			return ErrSetting
		}
	}
	if w := l.Webhook; w != nil {
		u, err := url.Parse(w.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(w.URL) > 500 {
			return ErrSetting.Because(err)
		}
	}
	return l.Mail.check()
}

func (m *Mail) check() error {
	if m == nil {
		return nil
	}
	if host, port, ok := strings.Cut(m.Server, ":"); !ok || host == "" || port == "" || len(m.Server) > 260 || len(m.To) == 0 || len(m.To) > 20 ||
		!slices.Contains([]string{"", "starttls", "tls", "none"}, m.TLS) || strings.ContainsAny(m.Server+m.User, "\r\n\x00") {
		return ErrSetting
	}
	for _, a := range append([]string{m.From}, m.To...) {
		if parsed, err := mail.ParseAddress(a); err != nil || parsed.Address != a {
			return ErrSetting.Because(err)
		}
	}
	return nil
}

// WithDefaults fills in what was left 0.
func (l Limits) WithDefaults() Limits {
	for n, otherwise := range map[*int]int{&l.FailurePercent: 30, &l.FailureLeast: 20, &l.QueueMinutes: 60, &l.BreakerMinutes: 15,
		&l.SilenceSlackHours: 2, &l.SilenceMissed: 1, &l.TellMinutes: 60} {
		if *n == 0 {
			*n = otherwise
		}
	}
	return l
}
