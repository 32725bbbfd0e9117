package content

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Check proves a record's receipt by the ledger for somebody who holds its
// digest. The receipt holds no clinical content, and who does not know the
// digest learns nothing, not even whether the record is there.
func (c *Opener) Check(ctx context.Context, id dossier.ID, digest [sha256.Size]byte) (*ledger.Body, ledger.Checkpoint, bool, error) {
	whose := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: string(id.Facility)}, Name: "check", Route: "check"}
	doc, err := c.from.Receipt(ctx, whose, id)
	if errors.Is(err, store.ErrAbsent) {
		return nil, ledger.Checkpoint{}, false, nil
	}
	if err != nil {
		return nil, ledger.Checkpoint{}, false, err
	}
	parsed, err := ledger.ParseDocument(doc)
	if err != nil {
		return nil, ledger.Checkpoint{}, false, err
	}
	report, err := ledger.Verify(doc, ledger.VerifyOptions{LogKeys: c.logKeys})
	if err != nil {
		return nil, ledger.Checkpoint{}, false, err
	}
	sum := sha256.Sum256(parsed.Body)
	if subtle.ConstantTimeCompare(sum[:], digest[:]) != 1 || !report.OK || !report.Trusted {
		return nil, ledger.Checkpoint{}, false, nil
	}
	return report.Body, report.Checkpoint, true, nil
}
