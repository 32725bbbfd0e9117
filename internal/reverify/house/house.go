// Package house holds the ministry's house against the acts that made it so:
// declarations of databases, their states and grants, rules that people write,
// tasks with their steps, units and what belongs to them, decisions on what cleaning
// proposes, targets of provinces. Each act keeps the marks of the rows it wrote
// (store/house, mark.go), and package reverify holds acts against their leaves.
//
// Entries of databases are made from records, by no act: here only their values are
// held against the keyed hash kept of them, which nobody makes without the hub's
// pepper. What cleaning finds by itself, imports on their way, rehearsals and how
// far a source was read say nothing that lasts, and are not held.
package house

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/duty"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// A store that is older than the marks has acts that keep none. Rows that such acts
// wrote cannot be held: they are counted by table, and are no findings. Marks that
// acts do keep must all be found, so that no row of theirs passes for an older one.

// Finding is one row that is not as the acts tell.
type Finding struct {
	Code, Table, Row, Field string
}

// Stores is what is read; store.Slices has them.
type Stores struct {
	Acts  func(ctx context.Context, fn func(*store.Act) error) error
	House house.Slices
	Vault *vault.Vault // opens entries; month keys are loaded
	// Sample opens only every so many entries; 0 and 1 all.
	Sample uint64
}

// tries is how often acts and rows are read until they agree: a hub at work changes
// both together, and they are read one after the other.
const tries = 3

// Check reads the acts and what they made, and returns what is different, in order,
// and how many rows of each table could not be held. An error means that something
// could not be read.
func Check(ctx context.Context, s Stores) ([]Finding, map[string]int, error) {
	var last []Finding
	for n := 0; ; n++ {
		c := &check{Stores: s, told: map[string]string{}, books: map[int]*book{}, before: map[string]*older{}, unheld: map[string]int{}}
		for _, part := range []func(context.Context) error{c.acts, c.databases, c.rules, c.tasks, c.items, c.proposals, c.targets, c.entries} {
			if err := part(ctx); err != nil {
				return nil, nil, err
			}
		}
		c.missing()
		slices.SortFunc(c.found, func(a, b Finding) int {
			return slices.Compare([]string{a.Table, a.Row, a.Code, a.Field}, []string{b.Table, b.Row, b.Code, b.Field})
		})
		if len(c.found) == 0 || n > 0 && slices.Equal(c.found, last) || n == tries {
			return c.found, c.unheld, nil
		}
		last = c.found
	}
}

// check is one comparison.
type check struct {
	Stores
	told  map[string]string // marks that acts keep and no row was found for, with the act's action and object
	books map[int]*book
	nth   uint64 // entries come by
	found []Finding

	before map[string]*older // by table: acts that keep no marks
	unheld map[string]int    // rows that only such an act can have written, by table
}

// older is the acts of a table from before the first that keeps marks.
type older struct {
	until   time.Time       // the last of them
	objects map[string]bool // what they were on
	over    bool            // one that keeps marks came
}

// slack is how far the moment of a row may be behind that of its act: a clock is read
// for each.
const slack = time.Second

func (c *check) differ(code, table, row, field string) {
	c.found = append(c.found, Finding{code, table, row, field})
}

// row holds one row, written at a moment by an act on object ("" not known): an act
// keeps its mark. A row of an act from before there were marks is counted.
func (c *check) row(table, name, mark, object string, at time.Time) {
	if _, ok := c.told[mark]; ok {
		c.told[mark] = ""
		return
	}
	of := table
	switch table {
	case "duty_task":
		of = "duty_step"
	case "proposal":
		of = "proposal_step"
	}
	if b := c.before[of]; b != nil && !at.After(b.until.Add(slack)) && (object == "" || b.objects[object]) {
		c.unheld[table]++
		return
	}
	c.differ("house.edited", table, name, "")
}

// marking are the acts that keep marks, where they begin with no more than that.
var marking = []string{"database.declare", "database.reach", "database.grant", "database.grant_end", "task.", "target.", "unit.", "programme.", "cleaning.accept", "cleaning.reject", "cleaning.undone"}

// old notes an act that keeps no marks, from before acts of its table did.
func (c *check) old(a *store.Act, marked bool) {
	if !slices.ContainsFunc(marking, func(m string) bool {
		return a.Action == m || strings.HasSuffix(m, ".") && strings.HasPrefix(a.Action, m)
	}) {
		return
	}
	table := tableOf(a.Action)
	b := c.before[table]
	if b == nil {
		b = &older{objects: map[string]bool{}}
		c.before[table] = b
	}
	if b.over = b.over || marked; !b.over {
		b.until, b.objects[a.Object] = a.At, true
	}
}

// missing notes marks without a row, but for those that may give way to others.
func (c *check) missing() {
	for mark, of := range c.told {
		if of != "" && !strings.HasPrefix(mark, "~") {
			table, name, _ := strings.Cut(of, " ")
			c.differ("house.missing", table, name, "")
		}
	}
}

// tableOf is the table that the rows of an act are in. "" of an act on none.
func tableOf(action string) string {
	switch {
	case action == "database.declare":
		return "db_declaration"
	case action == "database.reach":
		return "db_step"
	case action == "database.grant", action == "database.grant_end":
		return "db_grant"
	case action == "task.limits":
		return "duty_item"
	case strings.HasPrefix(action, "task."):
		return "duty_step"
	case strings.HasPrefix(action, "cleaning."):
		return "proposal_step"
	case strings.HasPrefix(action, "target."):
		return "target"
	}
	return "duty_item"
}

// acts reads the marks of all acts, and what they say of rules.
func (c *check) acts(ctx context.Context) error {
	return c.Acts(ctx, func(a *store.Act) error {
		var said struct {
			Rows []string `json:"rows"`
		}
		if json.Unmarshal([]byte(a.Detail), &said) != nil {
			return nil // package reverify notes that it cannot be read
		}
		c.old(a, len(said.Rows) > 0)
		for _, m := range said.Rows {
			c.told[m] = tableOf(a.Action) + " " + a.Object
		}
		return c.rulesAct(a)
	})
}

// databases holds declarations, states and grants.
func (c *check) databases(ctx context.Context) error {
	if c.House.Databases == nil || c.House.Grants == nil {
		return nil
	}
	newest, err := c.House.Databases.Declared(ctx)
	if err != nil {
		return fmt.Errorf("house: declarations: %w", err)
	}
	for i := range newest {
		all, err := c.House.Databases.Versions(ctx, newest[i].Database)
		if err != nil {
			return fmt.Errorf("house: declarations: %w", err)
		}
		for k := range all {
			c.row("db_declaration", fmt.Sprintf("%s/%d", all[k].Database, all[k].Version), all[k].Mark(), string(all[k].Database), all[k].At)
		}
	}
	steps, err := c.House.Databases.Steps(ctx, "")
	if err != nil {
		return fmt.Errorf("house: steps: %w", err)
	}
	for i := range steps {
		c.row("db_step", fmt.Sprintf("%s/%d", steps[i].Database, steps[i].N), steps[i].Mark(), string(steps[i].Database), steps[i].At)
	}
	grants, err := c.House.Grants.Given(ctx, "", "")
	if err != nil {
		return fmt.Errorf("house: grants: %w", err)
	}
	for i := range grants {
		g := &grants[i]
		c.row("db_grant", string(g.Database)+"/"+g.ID, g.Mark(), string(g.Database), g.Since)
		if !g.Ended.IsZero() || g.EndedBy != "" {
			c.row("db_grant", string(g.Database)+"/"+g.ID, g.EndMark(), string(g.Database), g.Ended)
		}
	}
	return nil
}

// tasks holds every task as it stands, and all its steps.
func (c *check) tasks(ctx context.Context) error {
	if c.House.Duties == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, f := range []duty.Filter{{Sight: duty.Sight{All: true}, Limit: 1000}, {Sight: duty.Sight{All: true}, Ended: true, Limit: 1000}} {
		for {
			page, err := c.House.Duties.Tasks(ctx, f)
			if err != nil {
				return fmt.Errorf("house: tasks: %w", err)
			}
			fresh := false
			for i := range page {
				if t := &page[i]; !seen[t.ID] {
					seen[t.ID], fresh = true, true
					if err := c.task(ctx, t); err != nil {
						return err
					}
				}
			}
			if len(page) < f.Limit || !fresh {
				break
			}
			f.After = f.Next(&page[len(page)-1])
		}
	}
	return nil
}

func (c *check) task(ctx context.Context, t *duty.Task) error {
	steps, err := c.House.Duties.Steps(ctx, t.ID)
	if err != nil {
		return fmt.Errorf("house: steps of a task: %w", err)
	}
	at := t.Opened
	if n := len(steps); n > 0 {
		at = steps[n-1].At
	}
	c.row("duty_task", t.ID, house.TaskMark(t), "", at)
	if len(steps) != t.Version {
		c.differ("house.edited", "duty_step", t.ID, "n")
	}
	for i := range steps {
		c.row("duty_step", fmt.Sprintf("%s/%d", t.ID, steps[i].N), house.TaskStepMark(t.ID, &steps[i]), "", steps[i].At)
	}
	return nil
}

// sorts are those of items.
var sorts = []string{"unit", "role", "programme", "setting"}

// items holds every version of units, roles, programmes and settings.
func (c *check) items(ctx context.Context) error {
	if c.House.DutyItems == nil {
		return nil
	}
	for _, sort := range sorts {
		newest, err := c.House.DutyItems.Items(ctx, sort)
		if err != nil {
			return fmt.Errorf("house: items: %w", err)
		}
		for i := range newest {
			all, err := c.House.DutyItems.ItemVersions(ctx, sort, newest[i].ID)
			if err != nil {
				return fmt.Errorf("house: items: %w", err)
			}
			for k := range all {
				c.row("duty_item", fmt.Sprintf("%s/%s/%d", sort, all[k].ID, all[k].Version), all[k].Mark(), "", all[k].At)
			}
		}
	}
	return nil
}

// decided are the states of a proposal that somebody's decision brings it to.
var decided = []string{"applying", "rejected", "undone"}

// proposals holds what people decided: every such state, and what the proposal said.
func (c *check) proposals(ctx context.Context) error {
	if c.House.Proposals == nil {
		return nil
	}
	for f := (house.ProposalFilter{Limit: 1000}); ; {
		page, more, err := c.House.Proposals.List(ctx, f)
		if err != nil {
			return fmt.Errorf("house: proposals: %w", err)
		}
		for i := range page {
			if err := c.proposal(ctx, &page[i]); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		f.After = page[len(page)-1].ID
	}
}

func (c *check) proposal(ctx context.Context, p *house.Proposal) error {
	steps, err := c.House.Proposals.Steps(ctx, p.ID)
	if err != nil {
		return fmt.Errorf("house: steps of a proposal: %w", err)
	}
	by := false
	for i := range steps {
		s := &steps[i]
		if slices.Contains(decided, s.State) {
			by = true
			c.row("proposal_step", fmt.Sprintf("%s/%d", p.ID, s.N), s.StepMark(p.ID), "", s.At)
		}
	}
	if by {
		c.row("proposal", p.ID, p.Mark(), "", p.Changed)
	}
	last := len(steps) - 1
	switch {
	case last < 0 || steps[last].N != p.Version || steps[last].State != p.State || steps[last].Actor != p.Actor || steps[last].Reason != p.Reason,
		p.State == "accepted" && (last < 1 || steps[last-1].State != "applying"):
		c.differ("house.edited", "proposal", p.ID, "state")
	}
	return nil
}

// targets holds every version of the targets of provinces.
func (c *check) targets(ctx context.Context) error {
	if c.House.Targets == nil {
		return nil
	}
	for _, p := range catalog.Provinces() {
		all, err := c.House.Targets.Targets(ctx, p.Code)
		if err != nil {
			return fmt.Errorf("house: targets: %w", err)
		}
		for i := range all {
			c.row("target", fmt.Sprintf("%s/%s/%d", p.Code, all[i].ID, all[i].Version), all[i].Mark(), "province:"+p.Code, all[i].At)
		}
	}
	return nil
}
