package ministry

import (
	"context"
	"fmt"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/store/house"
)

// Who writes rules in the demo, who announces them, and who puts them into force:
// three people.
const (
	writer    = "unit:kcb/demo"
	announcer = "ministry/demo"
	second    = "ministry/demo2"
)

// sane is a rule that almost every dossier keeps.
const sane = `rules:
  - code: XML2.SO_LUONG.high
    kind: qd4750
    table: XML2
    field: SO_LUONG
    must: is_number(row.SO_LUONG) && number(row.SO_LUONG) <= 5000.0
    severity: warning
    blocks: [payment]
    word: correct
    vi: Số lượng thuốc lớn bất thường.
    en: The quantity of a medicine is unusually large.
    source: bản thử, không phải văn bản
    cases:
      - {name: đơn thường gặp, passes: true, row: {SO_LUONG: "30"}}
      - {name: gõ nhầm, passes: false, row: {SO_LUONG: "90000"}}
`

// harsh reads well, and most facilities would fail it.
const harsh = `  - code: XML2.SO_LUONG.few
    kind: qd4750
    table: XML2
    field: SO_LUONG
    must: is_number(row.SO_LUONG) && number(row.SO_LUONG) <= 20.0
    severity: warning
    blocks: [payment]
    word: correct
    vi: Mỗi thuốc không quá 20 đơn vị một lần kê.
    en: No more than 20 units of a medicine at a time.
    source: bản thử, không phải văn bản
    cases:
      - {name: một tuần, passes: true, row: {SO_LUONG: "14"}}
      - {name: một tháng, passes: false, row: {SO_LUONG: "30"}}
`

// books has one book in force, and a draft rehearsed beside it. A demo that is kept
// has them already.
func (t *Teller) books(ctx context.Context) error {
	all, err := t.Rules.Books(ctx)
	if err != nil || len(all) > 0 {
		return err
	}
	id, err := t.Rules.Draw(ctx, writer, sane)
	if err != nil {
		return err
	}
	if err := t.rehearse(ctx, id); err != nil {
		return err
	}
	day := clock.Day(t.Clock.Now().AddDate(0, 0, 10))
	if err := t.Rules.Announce(ctx, announcer, id, day, "Bản thử: số lượng gõ nhầm hàng nghìn lần"); err != nil {
		return err
	}
	if err := t.Rules.Activate(ctx, second, id, "Bản thử: coi như đã hết thời gian thông báo", true); err != nil {
		return err
	}
	if id, err = t.Rules.Draw(ctx, writer, sane+harsh); err != nil {
		return err
	}
	return t.rehearse(ctx, id)
}

// rehearse tries a book over the records there are, and waits for what it finds.
func (t *Teller) rehearse(ctx context.Context, id int) error {
	if err := t.Rules.Ask(ctx, writer, id, 0); err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); {
		b, err := t.Rules.Book(ctx, id)
		if err != nil {
			return err
		}
		r, err := t.Rules.Result(ctx, b.Book)
		if err != nil {
			return err
		}
		if r != nil && r.State == house.Done {
			return nil
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("demo: book %d is not rehearsed after five minutes", id)
}
