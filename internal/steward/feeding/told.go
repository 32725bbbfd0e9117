package feeding

import (
	"context"
	"encoding/json"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
)

// Feed is one feed of a database, as who answers for the database is told of it.
type Feed struct {
	Source  string
	Address string
	Version int       // of the declaration it was read under; 0: not read, or to be read again from the first
	At      time.Time // when it was last read, or began to stand still; zero: never
	Code    string    // why it stands still, "" it does not
	Read    int64     // lines
	Made    int64     // versions of entries
	Ended   int64
	Wrong   int64       // lines that were not taken
	Last    []WrongLine // the newest of them, the newest first
}

// WrongLine is a line that was not taken, and why.
type WrongLine struct {
	Line  int64 // of the feed, from 1
	Found []Found
}

// Found is one thing wrong with a line. Text is zero where nobody knows the code
// any more; Field "" where it is about no one field.
type Found struct {
	Code  string
	Field string
	Text  fault.Text
}

// lineText says what the code of a line that cannot be read means.
var lineText = fault.Text{VI: "Dòng này không đọc được: cần một đối tượng JSON gồm các giá trị đơn.", EN: "The line cannot be read: it must be one JSON object of plain values."}

// Told returns the feeds of a database, in the order of its declaration. Faults:
// those of steward.Managed.
func (f *Desk) Told(ctx context.Context, who steward.Who, id registry.ID) ([]Feed, error) {
	l, err := f.steward.Managed(who, id)
	if err != nil {
		return nil, err
	}
	out := []Feed{}
	for i := range l.Sources {
		src := &l.Sources[i]
		if src.Kind != registry.FromFeed {
			continue
		}
		p, err := f.place(ctx, l, src)
		if err != nil {
			return nil, err
		}
		one := Feed{Source: src.ID, Address: src.URL, Version: p.Declared, At: p.At, Code: p.Code, Read: p.Seen, Made: p.Made, Ended: p.Ended}
		var at Place
		if p.Cursor != "" {
			if err := json.Unmarshal([]byte(p.Cursor), &at); err != nil {
				return nil, err
			}
		}
		one.Wrong = at.Wrong
		for n := len(at.Last) - 1; n >= 0; n-- {
			w := WrongLine{Line: at.Last[n].Line}
			for _, code := range at.Last[n].Codes {
				w.Found = append(w.Found, say(l, code))
			}
			one.Last = append(one.Last, w)
		}
		out = append(out, one)
	}
	return out, nil
}

func say(l *steward.Live, code string) Found {
	if code == "feed.line" { // of package bridge/feed
		return Found{Code: code, Text: lineText}
	}
	field, text := l.Finding(code)
	return Found{Code: code, Field: field, Text: text}
}

// Again has a feed read from its first line with the next round, for when the other
// body has mended it: what is the same is confirmed, and the wrong lines are told
// anew. Faults: those of steward.ReadAgain.
func (f *Desk) Again(ctx context.Context, who steward.Who, id registry.ID, source string) error {
	if err := f.steward.ReadAgain(ctx, who, id, source); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.due, string(id)+"/"+source)
	return nil
}
