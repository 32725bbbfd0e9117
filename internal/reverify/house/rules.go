package house

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// book is a book of rules as the acts tell it. A clock is read once for an act and
// once for its row, so that moments are not compared but for their order.
type book struct {
	base    int
	by      string
	texts   []text // by edition, from 1
	state   string // that an act brought it to
	day     int
	mover   string
	reason  string
	moved   time.Time
	retired bool // another book took its place
}

type text struct{ by, sha256 string }

// rulesAct takes over an act on a book.
func (c *check) rulesAct(a *store.Act) error {
	what, ok := strings.CutPrefix(a.Action, "rules.")
	id, err := strconv.Atoi(strings.TrimPrefix(a.Object, "r"))
	if !ok || err != nil || what == "rehearse" || what == "cancel" {
		return nil
	}
	var d struct {
		Base, Edition, Day int
		SHA256             string
		Reason             string
	}
	if json.Unmarshal([]byte(a.Detail), &d) != nil {
		return nil
	}
	b := c.books[id]
	switch {
	case what == "draw":
		c.books[id] = &book{base: d.Base, by: a.Actor, texts: []text{{a.Actor, d.SHA256}}, state: "draft", mover: a.Actor, moved: a.At}
	case b == nil:
	case what == "write":
		b.texts, b.state, b.mover, b.reason, b.moved = append(b.texts, text{a.Actor, d.SHA256}), "draft", a.Actor, "", a.At
	default:
		if d.Day != 0 {
			b.day = d.Day
		}
		b.state, b.mover, b.reason, b.moved = what, a.Actor, d.Reason, a.At
		if what != "retired" {
			c.replace(id, what, b)
		}
	}
	return nil
}

// replace retires the book that had the place which another comes to: one is
// announced, one is in force.
func (c *check) replace(id int, state string, by *book) {
	for other, b := range c.books {
		if other != id && b.state == state {
			b.state, b.mover, b.reason, b.retired = "retired", by.mover, by.reason, true
		}
	}
}

// rules holds books and their texts.
func (c *check) rules(ctx context.Context) error {
	if c.House.Rules == nil {
		return nil
	}
	rows, err := c.House.Rules.Books(ctx)
	if err != nil {
		return fmt.Errorf("house: rules: %w", err)
	}
	there := map[int]bool{}
	for i := range rows {
		b := &rows[i]
		there[b.ID] = true
		told := c.books[b.ID]
		if told == nil {
			c.differ("house.edited", "rulebook", fmt.Sprintf("r%d", b.ID), "")
			continue
		}
		if err := c.book(ctx, b, told); err != nil {
			return err
		}
	}
	for id := range c.books {
		if !there[id] {
			c.differ("house.missing", "rulebook", fmt.Sprintf("r%d", id), "")
		}
	}
	return nil
}

func (c *check) book(ctx context.Context, b *house.Book, told *book) error {
	name := fmt.Sprintf("r%d", b.ID)
	rehearsed := b.State == "rehearsed" && told.state == "draft" // which no act tells: a rehearsal came to its end
	for _, f := range []struct {
		name string
		same bool
	}{
		{"state", b.State == told.state || rehearsed}, {"edition", b.Edition == len(told.texts)}, {"base", b.Base == told.base},
		{"day", b.Day == told.day}, {"created_by", b.CreatedBy == told.by},
		{"moved_by", rehearsed || b.MovedBy == told.mover}, {"reason", b.Reason == told.reason},
	} {
		if !f.same {
			c.differ("house.edited", "rulebook", name, f.name)
		}
	}
	for n := 1; n <= len(told.texts); n++ {
		e, err := c.House.Rules.Edition(ctx, b.ID, n)
		row := fmt.Sprintf("%s/%d", name, n)
		switch sum := sha256.Sum256([]byte(e.Text)); {
		case errors.Is(err, store.ErrAbsent):
			c.differ("house.missing", "rulebook_edition", row, "")
		case err != nil:
			return fmt.Errorf("house: rules: %w", err)
		case e.By != told.texts[n-1].by || hex.EncodeToString(sum[:]) != told.texts[n-1].sha256:
			c.differ("house.edited", "rulebook_edition", row, "")
		}
	}
	return nil
}
