package synth

import (
	"context"
	"path"

	"lienthong/internal/synth/folder"
)

// Write writes the first count files (all of Len when 0) and what a hub must
// know of their senders to a new or empty directory: see folder.Write. progress,
// where given, is called now and then.
func (n *Nation) Write(ctx context.Context, dir string, count int, progress func(done, of int)) (folder.Written, error) {
	if count <= 0 {
		count = n.Len()
	}
	return folder.Write(ctx, n, dir, count, progress)
}

var _ folder.Source = (*Nation)(nil)

// Senders lists the facilities as package folder writes them.
func (n *Nation) Senders() ([]folder.Sender, error) {
	var out []folder.Sender
	for _, f := range n.Facilities() {
		key, err := f.KeyPEM()
		if err != nil {
			return nil, err
		}
		out = append(out, folder.Sender{Registration: f.Registration(), Certificate: f.CertificatePEM(), Key: key})
	}
	return out, nil
}

// File makes file i and says what it is.
func (n *Nation) File(i int) (folder.Entry, []byte, error) {
	x, err := n.At(i)
	if err != nil {
		return folder.Entry{}, nil, err
	}
	d := defectOf(x.Defect)
	return folder.Entry{File: path.Join("files", x.Facility, date(x.At), x.FileName), Facility: x.Facility, Kind: x.Kind, Visit: x.Visit,
		Dossiers: x.Dossiers, Quirk: x.Quirk, Defect: x.Defect, Outcome: string(d.Outcome), Code: d.Code}, x.XML, nil
}
