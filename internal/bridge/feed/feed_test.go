package feed_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/feed"
	"lienthong/internal/bridge/feed/simulator"
	"lienthong/internal/bridge/outbound"
)

func bridge(t *testing.T, h http.Handler) *feed.Bridge {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	b, err := feed.New(outbound.New(2*time.Second), s.URL+"/entries?kind=food", true)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"number\":\"%d\"}\n", i)
	}
	return b.String()
}

// TestAllLinesOnce: page after page, each line once and in order, and then nothing.
func TestAllLinesOnce(t *testing.T) {
	t.Parallel()
	sim, err := simulator.New(simulator.Config{Lines: strings.NewReader(lines(1203)), Token: "mã truy cập"})
	if err != nil {
		t.Fatal(err)
	}
	b := bridge(t, sim)
	after, seen := "", 0
	for more := true; more; {
		p, err := b.Read(t.Context(), []byte("mã truy cập"), after)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Lines {
			if l.Values["number"] != fmt.Sprint(seen) {
				t.Fatalf("line %d: %+v", seen, l)
			}
			seen++
		}
		after, more = p.Next, p.More
	}
	if p, err := b.Read(t.Context(), []byte("mã truy cập"), after); err != nil || len(p.Lines) != 0 || p.More || p.Next != after || seen != 1203 {
		t.Errorf("%d lines, then %+v %v", seen, p, err)
	}
	for _, secret := range []string{"", "khác"} {
		if _, err := b.Read(t.Context(), []byte(secret), ""); !errors.Is(err, feed.ErrLogin) {
			t.Errorf("secret %q: %v", secret, err)
		}
	}
}

// TestNothingOfABrokenAnswer: whatever goes wrong on the way, a page comes whole or
// not at all.
func TestNothingOfABrokenAnswer(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]error{"garbage": feed.ErrAnswer, "half-answer": outbound.ErrUnreachable, "reset": outbound.ErrUnreachable,
		"lost-answer": outbound.ErrUnreachable, "500": outbound.ErrAnswer, "401": feed.ErrLogin, "redirect": outbound.ErrAnswer, "slow=10s": outbound.ErrUnreachable} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			sim, err := simulator.New(simulator.Config{Lines: strings.NewReader(lines(40)), Faults: faulty.Config{Spec: spec + ":count=1"}})
			if err != nil {
				t.Fatal(err)
			}
			b := bridge(t, sim)
			if p, err := b.Read(t.Context(), nil, ""); !errors.Is(err, want) || len(p.Lines) > 0 {
				t.Errorf("%d lines, %v, want %v", len(p.Lines), err, want)
			}
			if p, err := b.Read(t.Context(), nil, ""); err != nil || len(p.Lines) != 40 {
				t.Errorf("then: %d lines, %v", len(p.Lines), err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const end = `{"$next":"a-1","$more":false,"$lines":4}`
	got, err := feed.Parse([]byte(`{"number":"1","count":2,"open":true,"none":null}` + "\r\n" + `{"number":"1","$ended":true}` + "\n\n" + `{"deep":{"a":1}}` + "\n" + `{"cut` + "\n" + end + "\n"))
	want := feed.Page{Next: "a-1", Lines: []feed.Line{{Values: map[string]string{"number": "1", "count": "2", "open": "true"}},
		{Values: map[string]string{"number": "1"}, Ended: true}, {Code: feed.LineCode}, {Code: feed.LineCode}}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	for _, bad := range []string{"", "\n", `{"number":"1"}`, end, "{}\n" + end, `{"$next":"","$more":false,"$lines":0}`, `{"$next":"a b","$more":false,"$lines":0}`,
		`{"$next":"a","$more":"no","$lines":0}`, `{"$next":"a","$more":false,"$lines":-1}`, `{"$next":"a","$more":false,"$lines":0,"x":1}`, `[1]`} {
		if p, err := feed.Parse([]byte(bad)); !errors.Is(err, feed.ErrAnswer) {
			t.Errorf("%q: %+v %v", bad, p, err)
		}
	}
}

func TestOnlyAddressesThatMayBeCalled(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "file:///etc/passwd", "http://user:pass@a.example/x", "ftp://a.example"} {
		if _, err := feed.New(outbound.New(time.Second), address, false); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%q: %v", address, err)
		}
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	b, err := feed.New(outbound.New(time.Second), s.URL, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(context.Background(), nil, ""); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("a private address that nobody approved: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(lines(3) + `{"$next":"p3","$more":true,"$lines":3}`))
	f.Add([]byte(`{"number":"1","$ended":true}` + "\n" + `{"$next":"p3","$more":false,"$lines":1}`))
	f.Add([]byte("{\"a\":{}}\n\xff\n{\"$next\":\"p3\",\"$more\":false,\"$lines\":2}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := feed.Parse(body)
		if err != nil {
			if !errors.Is(err, feed.ErrAnswer) || len(p.Lines) > 0 {
				t.Fatalf("%d lines, %v", len(p.Lines), err)
			}
			return
		}
		if p.Next == "" || len(p.Next) > 128 {
			t.Fatalf("place %q", p.Next)
		}
		for _, l := range p.Lines {
			if (l.Code == "") != (l.Values != nil) {
				t.Fatalf("%+v", l)
			}
		}
	})
}
