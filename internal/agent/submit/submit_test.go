package submit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"lienthong/internal/agent/submit"
	"lienthong/internal/fault"
)

// Whoever asks by another name, or from a page of another site, is told why not
// and comes no further. (Files handed over are tested beside the station.)
func TestTheGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host, origin, site string
		want               error
	}{
		"by address":            {host: "127.0.0.1:8085"},
		"by name":               {host: "LOCALHOST:8085"},
		"IPv6":                  {host: "[::1]:8085"},
		"without port":          {host: "localhost"},
		"own page":              {host: "localhost:8085", origin: "http://localhost:8085", site: "same-origin"},
		"typed in":              {host: "localhost:8085", site: "none"},
		"rebound name":          {host: "evil.example:8085", want: submit.ErrHost},
		"another machine":       {host: "192.0.2.1:8085", want: submit.ErrHost},
		"looks like this one":   {host: "localhost.evil.example", want: submit.ErrHost},
		"no host":               {want: submit.ErrHost},
		"page of another site":  {host: "localhost:8085", origin: "https://evil.example", want: submit.ErrOrigin},
		"another port":          {host: "localhost:8085", origin: "http://localhost:9000", want: submit.ErrOrigin},
		"no origin at all":      {host: "localhost:8085", origin: "null", want: submit.ErrOrigin},
		"forged form":           {host: "localhost:8085", site: "cross-site", want: submit.ErrOrigin},
		"sibling of this place": {host: "localhost:8085", site: "same-site", want: submit.ErrOrigin},
	} {
		var why error
		through := false
		h := submit.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { through = true }),
			func(_ http.ResponseWriter, _ *http.Request, err error) { why = err })
		r := httptest.NewRequest("POST", "/submit", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if through != (c.want == nil) || c.want != nil && fault.Of(why).Code != fault.Of(c.want).Code {
			t.Errorf("%s: through %t, %v", name, through, why)
		}
	}
}
