package bundle

import (
	"context"
	"fmt"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// maxAbove is how many hubs above may have given receipts.
const maxAbove = 8

func aboveName(i int) string { return fmt.Sprintf("above-%d.receipt.json", i+1) }

// above takes the receipts that hubs above gave of the record.
func (c *Collector) above(ctx context.Context, reader disclose.Reader, id dossier.ID, p *Parts) error {
	all, err := c.Disclose.LegReceipts(ctx, reader, id)
	if err != nil {
		return err
	}
	for i := range all[:min(len(all), maxAbove)] {
		p.Above = append(p.Above, all[i])
	}
	return nil
}

// above checks the receipts of hubs above: each agrees with itself and is about
// the same dossier; by whose log it is proved only a log key of the options says.
func (c *check) above() {
	for i, doc := range c.p.Above {
		name := aboveName(i)
		report, err := ledger.Verify(doc, ledger.VerifyOptions{})
		good := fault.Text{VI: "Biên nhận của hub cấp trên tự khớp và nói về đúng hồ sơ này.", EN: "The receipt of the hub above agrees with itself and is about this dossier."}
		bad := fault.Text{VI: "Biên nhận của hub cấp trên không tự khớp hoặc nói về hồ sơ khác.", EN: "The receipt of the hub above does not agree with itself, or is about another dossier."}
		b := report.Body
		if !c.step("above", name, err == nil && report.OK && b != nil && b.Facility == c.body.Facility && b.Episode == c.body.Episode && b.Kind == c.body.Kind &&
			b.ContentSHA256 == c.body.ContentSHA256, good, bad) {
			continue
		}
		if len(c.o.LogKeys) > 0 {
			if report, err = ledger.Verify(doc, ledger.VerifyOptions{LogKeys: c.o.LogKeys}); err == nil && report.OK && report.Trusted {
				c.step("above_log_key", name, true, fault.Text{VI: "Biên nhận này nằm trong sổ nhật ký do khóa được tin cậy ký.", EN: "That receipt is in a log signed by a trusted log key."}, fault.Text{})
				continue
			}
		}
		c.open("above_log_key", name, fault.Text{VI: "Chưa kiểm tra sổ nhật ký của hub cấp trên: thiếu khóa của hub đó (--log-key).", EN: "The log of the hub above was not checked: its log key was not given (--log-key)."})
	}
}
