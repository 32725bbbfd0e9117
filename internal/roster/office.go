package roster

import "context"

// Acts is a Desk as those see it who administer a hub: the names of its acts say
// that they are about staff.
type Acts struct{ desk *Desk }

// Acts returns what is done about staff.
func (k *Desk) Acts() Acts { return Acts{k} }

// AddStaff is Add.
func (o Acts) AddStaff(ctx context.Context, actor string, n Addition) (string, error) {
	return o.desk.Add(ctx, actor, n)
}

// ListStaff is Staff.
func (o Acts) ListStaff(ctx context.Context, facility string) ([]Listed, error) {
	return o.desk.Staff(ctx, facility)
}

// SuspendStaff is Suspend.
func (o Acts) SuspendStaff(ctx context.Context, actor, id, reason string) error {
	return o.desk.Suspend(ctx, actor, id, reason)
}

// ResumeStaff is Resume.
func (o Acts) ResumeStaff(ctx context.Context, actor, id string) error {
	return o.desk.Resume(ctx, actor, id)
}
