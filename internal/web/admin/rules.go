package admin

import (
	"context"

	"lienthong/internal/fault"
	"lienthong/internal/rehearsal"
	"lienthong/internal/rulebook"
	"lienthong/internal/store/house"
)

// Rulebook is what is done about rules that people write; acts that have it are a
// running hub's.
type Rulebook interface {
	Rules(ctx context.Context, actor string, q RuleRequest) (*RuleAnswer, error)
}

// RuleRequest is one step: "list", "show", "draft", "write", "rehearse", "result",
// "cancel", "announce", "activate", "retire".
type RuleRequest struct {
	Do      string `json:"do"`
	Book    int    `json:"book,omitempty"`
	Edition int    `json:"edition,omitempty"` // that is written over
	Day     int    `json:"day,omitempty"`
	Text    string `json:"text,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Early   bool   `json:"early,omitempty"` // into force before the day announced
}

// RuleAnswer is what came of it.
type RuleAnswer struct {
	Books    []house.Book       `json:"books,omitempty"`
	Book     *rehearsal.Shown   `json:"book,omitempty"`
	Problems []rulebook.Problem `json:"problems,omitempty"`
	Result   *rehearsal.Result  `json:"result,omitempty"`
}

var errStep = fault.New(fault.Invalid, "request.invalid", "Không có bước này.", "There is no such step.")

// DoRules takes a step at a desk.
func DoRules(ctx context.Context, d *rehearsal.Desk, actor string, q RuleRequest) (a *RuleAnswer, err error) {
	a = &RuleAnswer{}
	switch q.Do {
	case "list":
		a.Books, err = d.Books(ctx)
		return a, err
	case "show", "result":
	case "draft":
		q.Book, err = d.Draw(ctx, actor, q.Text)
	case "write":
		err = d.Write(ctx, actor, q.Book, q.Edition, q.Text)
	case "rehearse":
		err = d.Ask(ctx, actor, q.Book, 0)
	case "cancel":
		err = d.Cancel(ctx, actor, q.Book)
	case "announce":
		err = d.Announce(ctx, actor, q.Book, q.Day, q.Reason)
	case "activate":
		err = d.Activate(ctx, actor, q.Book, q.Reason, q.Early)
	case "retire":
		err = d.Retire(ctx, actor, q.Book, q.Reason)
	default:
		err = errStep
	}
	if err != nil {
		return nil, err
	}
	if a.Book, err = d.Book(ctx, q.Book); err != nil {
		return nil, err
	}
	_, a.Problems = d.Check(a.Book.Text)
	if q.Do == "result" || q.Do == "rehearse" {
		a.Result, err = d.Result(ctx, a.Book.Book)
	}
	return a, err
}

func rules(serve func(string, func(context.Context, request) (response, error)), acts Rulebook) {
	serve("/rules", func(ctx context.Context, q request) (response, error) {
		a, err := acts.Rules(ctx, q.Actor, q.Rules)
		return response{Rules: a}, err
	})
}

// Rules takes a step at a running hub.
func (c *Client) Rules(ctx context.Context, actor string, q RuleRequest) (*RuleAnswer, error) {
	a, err := c.post(ctx, "/rules", request{Actor: actor, Rules: q})
	if a.Rules == nil {
		a.Rules = &RuleAnswer{}
	}
	return a.Rules, err
}
