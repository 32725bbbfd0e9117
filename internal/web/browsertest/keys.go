package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// mostStops ends a walk of a page that never comes to its end.
const mostStops = 600

// stop is where the Tab key led.
type stop struct {
	End  bool   // out of the page, or round to where it began
	What string // its beginning as HTML
	Bad  string // what is wrong with it, "" nothing
}

// Keyed goes through the page with the Tab key alone, from its beginning. It fails the
// test where the first stop does not lead to the content, where a stop has no name, is
// not within the window, or is not seen to have the focus (WCAG 2.2, 2.1.1, 2.4.1,
// 2.4.7, 2.4.11), and where the walk does not end. It returns how many stops there are.
func Keyed(t *testing.T, tab context.Context, name string) int {
	t.Helper()
	Do(t, tab, chromedp.Evaluate[chromedp.Void](`document.activeElement.blur(); window.scrollTo(0, 0); window.walked = []`))
	for n := range mostStops {
		Do(t, tab, chromedp.KeyEvent(kb.Tab))
		at := Eval[stop](t, tab, stopped)
		if at.End {
			return n
		}
		if at.Bad != "" {
			t.Errorf("%s: stop %d %s: %s", name, n+1, at.Bad, at.What)
		}
	}
	t.Errorf("%s: more than %d stops", name, mostStops)
	return mostStops
}

// Press brings the focus to what a selector finds and presses a key there.
func Press(t *testing.T, tab context.Context, selector, key string) {
	t.Helper()
	if !Eval[bool](t, tab, `(() => { const e = document.querySelector(`+"`"+selector+"`"+`); e && e.focus(); return e !== null && document.activeElement === e })()`) {
		t.Fatalf("%s takes no focus", selector)
	}
	Do(t, tab, chromedp.KeyEvent(key))
}

// stopped looks at what has the focus. A field for a day is several stops of one
// element.
const stopped = `(() => {
	const e = document.activeElement, walked = window.walked;
	if (!e || e === document.body || walked.includes(e) && walked[walked.length - 1] !== e) return { End: true };
	const first = walked.length === 0, again = walked[walked.length - 1] === e;
	if (!again) walked.push(e);
	const ring = x => x && getComputedStyle(x).outlineStyle !== "none" && parseFloat(getComputedStyle(x).outlineWidth) >= 2;
	const name = [e.ariaLabel, e.innerText, e.title, e.labels && e.labels.length && e.labels[0].innerText, e.getAttribute("aria-labelledby")].some(s => s && s.trim());
	const box = e.getBoundingClientRect();
	let bad = "";
	if (first && !(e.matches(".lt-skip") && document.querySelector(e.getAttribute("href")))) bad = "does not lead to the content";
	else if (!name) bad = "has no name";
	else if (box.width === 0 || box.bottom <= 0 || box.top >= innerHeight) bad = "is not within the window";
	else if (!again && !ring(e) && !ring(e.closest(".lt-file-box, .lt-search"))) bad = "is not seen to have the focus";
	return { End: false, What: e.outerHTML.slice(0, 120), Bad: bad };
})()`
