package browsertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Sizes are the windows that a page is looked at in: a desk, a phone, and the
// 320 px of WCAG 2.2, 1.4.10 (reflow).
func Sizes() map[string]int64 { return map[string]int64{"desk": 1280, "phone": 390, "narrow": 320} }

// Wide returns by how many CSS pixels the page is wider than its window. It does
// not ask innerWidth: a phone zooms out until all is in, and that grows with it.
func Wide(t *testing.T, tab context.Context) int {
	t.Helper()
	return Eval[int](t, tab, `Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)`)
}

// Fits fails the test where the page is wider than its window: only what scrolls
// in itself may be.
func Fits(t *testing.T, tab context.Context, name string) {
	t.Helper()
	if wide := Wide(t, tab); wide > 0 {
		t.Errorf("%s: %d px wider than its window: %s", name, wide, Eval[string](t, tab, widest))
	}
}

// widest finds what sticks out farthest and scrolls in nothing.
const widest = `(() => {
	const held = e => e && (/auto|scroll|hidden|clip/.test(getComputedStyle(e).overflowX) || held(e.parentElement));
	const out = [...document.querySelectorAll("main *, header *")].filter(e => !held(e.parentElement)).map(e => [e.getBoundingClientRect().right, e.outerHTML.slice(0, 200)]);
	return out.sort((a, b) => b[0] - a[0]).slice(0, 2).map(x => Math.round(x[0]) + " " + x[1]).join(" | ");
})()`

// Headed fails the test where the page has not exactly one h1.
func Headed(t *testing.T, tab context.Context, name string) {
	t.Helper()
	if n := Eval[int](t, tab, `document.querySelectorAll("h1").length`); n != 1 {
		t.Errorf("%s: %d h1", name, n)
	}
}

// Usable fails the test where a field has no label, or a target is lower than the
// 24 px of WCAG 2.2, 2.5.8.
func Usable(t *testing.T, tab context.Context, name string) {
	t.Helper()
	if bare := Eval[string](t, tab, `[...document.querySelectorAll("main input:not([type=hidden]), main select, main textarea")].filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML).join(", ")`); bare != "" {
		t.Errorf("%s: fields without a label: %s", name, bare)
	}
	if small := Eval[string](t, tab, `[...document.querySelectorAll("main .btn, main input:not([type=hidden]):not([type=radio]):not([type=checkbox]), main select, main textarea")].filter(e => e.offsetParent && e.getBoundingClientRect().height < 24).map(e => e.outerHTML).join(", ")`); small != "" {
		t.Errorf("%s: small targets: %s", name, small)
	}
}

// Problems gathers errors of the console, uncaught exceptions and blocked loads of
// a tab. What it returns hands out those that came since it was last called; what
// nobody asked for fails the test at its end.
func Problems(t *testing.T, tab context.Context) func() []string {
	t.Helper()
	var mu sync.Mutex
	var list []string
	err := chromedp.Listen(tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError || strings.Contains(e.Entry.Text, "Content Security Policy") {
				list = append(list, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError {
				for _, arg := range e.Args {
					list = append(list, fmt.Sprintf("%s %s", arg.Value, arg.Description))
				}
			}
		case *runtime.EventExceptionThrown:
			list = append(list, e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	Do(t, tab, call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}))
	since := func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := list
		list = nil
		return out
	}
	t.Cleanup(func() {
		for _, p := range since() {
			t.Errorf("console: %s", p)
		}
	})
	return since
}
