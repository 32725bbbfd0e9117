package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"slices"
	"time"
)

// deliver sends a pack until each of its files is answered whole. A stream that
// was cut is sent again (DESIGN §6), in smaller parts so that it gets through;
// what the hub had decided it replays, and here each answer is told once.
func (r *run) deliver(ctx context.Context, items []*item) error {
	pending, size, tries := items, len(items), 0
	for len(pending) > 0 {
		part := pending[:min(size, len(pending))]
		before := told(part)
		h, whole, err := r.send(ctx, part)
		if err != nil {
			return err
		}
		if err := r.settle(part, h.ended); err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(pending), func(it *item) bool { return it.done })
		news := len(left) < len(pending) || told(part) > before
		slices.SortStableFunc(left, func(a, b *item) int { return min(len(a.told), 1) - min(len(b.told), 1) })
		switch {
		case h.ended:
			size = min(2*size, len(items))
		case !whole && size > 1:
			size, news = min(size, len(part))/2, true
		case h.wait == 0 && size > 1:
			size = min(size, len(part)) / 2
		}
		pending, size = left, max(size, 1)
		if tries++; news {
			tries = 0
		}
		if len(pending) == 0 {
			break
		}
		if tries >= r.client.cfg.Attempts {
			return r.giveUp(pending, h.cause)
		}
		if d := r.pause(part, h, tries); d > 0 {
			if err := r.client.cfg.Sleep(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func told(items []*item) (n int) {
	for _, it := range items {
		n += len(it.told)
	}
	return n
}

// send does one request for some items. whole is false when the hub refused
// the pack as such, not one of its files.
func (r *run) send(ctx context.Context, part []*item) (h heard, whole bool, err error) {
	byName := make(map[string]*item, len(part))
	papers := map[string]*item{}
	for _, it := range part {
		it.late = nil
		byName[it.Name] = it
		for _, p := range it.Papers {
			papers[p.Name] = it
		}
	}
	req, err := r.request(part)
	if err != nil || req == nil {
		return heard{ended: true}, true, err
	}
	whole = true
	h, err = r.client.post(ctx, *req, func(a Answer) error {
		it := byName[a.File]
		switch {
		case it == nil && papers[a.File] != nil:
			return r.refusedPaper(papers[a.File], a)
		case len(part) == 1 && (r.o.Alone || a.File == ""):
			it = part[0]
		case it == nil && a.File == "" && a.Outcome == Refused:
			whole = false
			return nil
		case it == nil:
			return ErrAnswer.Because(errors.New("an answer for a file that was not sent"))
		}
		return r.answered(it, a)
	})
	h.ended = h.ended && whole
	return h, whole, err
}

// request makes the request for some items; nil when the only one cannot be read.
func (r *run) request(part []*item) (*request, error) {
	header := http.Header{}
	if r.o.Lane != "" {
		header.Set("Lane", r.o.Lane)
	}
	if !r.o.Alone || len(part[0].Papers) > 0 { // papers go in a tar with their file
		header.Set("Content-Type", "application/x-tar")
		return &request{header: header, seen: r.seen, body: func(w io.Writer) error { return pack(w, part) }}, nil
	}
	parts, err := part[0].load()
	if err != nil {
		part[0].failed = err
		return nil, nil
	}
	doc, sealed := parts[0].doc, parts[0].sealed
	header.Set("Content-Type", contentType(doc))
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": part[0].Name})
	if disposition != "" {
		header.Set("Content-Disposition", disposition)
	}
	if sealed != nil {
		compact := bytes.TrimSpace(sealed)
		if bytes.ContainsAny(compact, "\r\n\x00") {
			part[0].failed = ErrFile.Because(fmt.Errorf("the seal is not one line"))
			return nil, nil
		}
		header.Set("Seal", string(compact))
	}
	return &request{header: header, seen: r.seen, body: func(w io.Writer) error { return packAlone(w, doc) }}, nil
}

func contentType(doc []byte) string {
	if b := bytes.TrimLeft(doc, " \t\r\n"); len(b) > 0 && b[0] == '{' {
		return "application/json"
	}
	return "application/xml"
}

// refusedPaper takes what the hub has against a paper: its file is answered apart.
func (r *run) refusedPaper(it *item, a Answer) error {
	if a.Outcome == Deferred {
		it.late = &a
		return nil
	}
	if slices.Contains(it.heard, a.File) {
		return nil
	}
	it.heard = append(it.heard, a.File)
	if r.o.State != nil {
		it.lines = append(it.lines, a.JSON)
	}
	return r.tell(a)
}

// answered takes one answer for a file.
func (r *run) answered(it *item, a Answer) error {
	if a.Outcome == Deferred {
		it.late = &a
		return nil
	}
	if a.Outcome == Refused {
		it.done = true // a refusal is all there is to say about a file
	}
	if it.told[a.Index] {
		return nil
	}
	it.told[a.Index] = true
	if r.o.State != nil {
		it.lines = append(it.lines, a.JSON)
	}
	return r.tell(a)
}

// settle closes the account of every file that is answered whole. How many
// dossiers a file holds only the hub can say: a file counts as answered whole
// when the stream came to its end and nothing of it was deferred.
func (r *run) settle(part []*item, ended bool) error {
	for _, it := range part {
		if it.failed != nil || it.done || ended && it.late == nil && len(it.told) > 0 {
			if err := r.done(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause is how long to wait before the next try: what the hub asks for, else
// full jitter over a range that doubles with every try that brought nothing.
func (r *run) pause(part []*item, h heard, tries int) time.Duration {
	d := h.wait
	for _, it := range part {
		if it.late != nil {
			d = max(d, time.Duration(it.late.wait)*time.Second)
		}
	}
	if d == 0 && tries > 0 {
		d = rand.N(min(time.Second<<min(tries, 10), 30*time.Second))
	}
	return min(d, r.client.cfg.MaxWait)
}

// giveUp ends a pack the hub would not decide: what it deferred is told as
// such; a file without any answer ends the run.
func (r *run) giveUp(pending []*item, cause error) error {
	silent := 0
	for _, it := range pending {
		if it.late == nil {
			silent++
			continue
		}
		if err := r.tell(*it.late); err != nil {
			return err
		}
	}
	if cause == nil {
		cause = errors.New("the streams ended without an answer for them")
	}
	if silent > 0 {
		return ErrUndecided.Because(fmt.Errorf("%d files: %w", silent, cause))
	}
	return nil
}
