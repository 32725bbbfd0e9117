package house

import (
	"context"

	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/steward"
)

// What the command line asks of units, tasks and programmes.
type (
	DutyAsk struct {
		Unit       duty.Unit        `json:"unit,omitzero"` // unit-put; of unit-dissolve its id, successor and the first day it is no more (0: today)
		Task       duty.Task        `json:"task,omitzero"` // task-open; of task-step its id
		Step       duty.Step        `json:"step,omitzero"`
		Programmes []duty.Programme `json:"programmes,omitempty"`
	}
	DutySaid struct {
		Task    *duty.Task `json:"task,omitempty"` // as it stands then
		Changed int        `json:"changed,omitempty"`
	}
)

// dutyStep does what an operator asks of units, tasks and programmes.
func (h *House) dutyStep(ctx context.Context, by steward.Who, step string, q *DutyAsk) (said DutySaid, err error) {
	d, who := h.Errands, errand.Who{Role: by.Role, Name: by.Name}
	switch step {
	case "unit-put":
		err = d.PutUnit(ctx, who, q.Unit)
	case "unit-dissolve":
		day := q.Unit.Until
		if day == 0 {
			day = d.Today()
		}
		said.Changed, err = d.Dissolve(ctx, who, q.Unit.ID, q.Unit.Successor, day)
	case "task-open":
		var ids []string
		if ids, err = d.Open(ctx, who, "", q.Task); err == nil {
			said.Task = &duty.Task{ID: ids[0]}
		}
	case "task-step":
		said.Task, err = d.Take(ctx, who, q.Task.ID, 0, q.Step)
	case "programmes":
		said.Changed, err = d.PutProgrammes(ctx, who, q.Programmes)
	default:
		err = errAsk
	}
	return said, err
}
