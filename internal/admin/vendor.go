package admin

import (
	"context"
	"strings"
	"unicode/utf8"

	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// ErrVendor (vendor.entry): a binding that cannot be.
var ErrVendor = fault.New(fault.Invalid, "vendor.entry",
	"Mã đối tác hoặc tên phần mềm không hợp lệ: tên không có dấu / và dài không quá 100 ký tự.",
	"The partner's id or the software's name is not valid: a name has no / and at most 100 characters.")

// BindVendor binds the role "partner:id" to the name of its software, so that it
// sees what rejects dossiers of that software; "" ends it. Fault: vendor.entry.
func (o *Office) BindVendor(ctx context.Context, actor, id, name string) error {
	name = strings.TrimSpace(name)
	if r, err := role.Parse("partner:" + id); err != nil || r.Kind != role.Partner || strings.Contains(name, "/") || utf8.RuneCountInString(name) > 100 || store.CheckText(id, name) != nil {
		return ErrVendor
	}
	now := o.Clock.Now()
	act, err := serviceAct(now, actor, "vendor.bind", id, map[string]any{"name": name})
	if err != nil {
		return err
	}
	return o.Surveys.PutVendor(ctx, store.Vendor{ID: id, Name: name, Since: now}, act)
}

// NoteUnended keeps that nobody noted the end of an act on many legs.
func (o *Office) NoteUnended(ctx context.Context, begun store.Act) error {
	return o.act(ctx, begun.Actor, begun.Action+".unended", begun.Object, map[string]any{"began": begun.At})
}
