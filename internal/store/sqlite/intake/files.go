package intake

import (
	"encoding/json"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

var insertFiles = file.Insert(`file (facility, hash, digest, size, received, sender, lane, wrapped, class, month, certificates, seals, dossiers, skeleton)`,
	`ON CONFLICT (facility, hash) DO NOTHING`)

// writeFiles keeps files with their certificates and the notes on their seals,
// which are the same for nearly all files of a facility and kept once.
func (g *group) writeFiles() error {
	files := g.files()
	args := make([]any, 0, 14*len(files))
	for _, f := range files {
		certificates, err := g.certificates(f)
		if err != nil {
			return err
		}
		seals, err := g.seals(f)
		if err != nil {
			return err
		}
		args = append(args, string(f.Facility), f.Hash[:], f.Digest[:], f.Size, file.Micros(f.Received), f.Sender, int64(f.Lane), file.Blob(f.Wrapped),
			f.Class, int64(f.Month), certificates, seals, int64(f.Dossiers), file.Blob(f.Skeleton))
	}
	_, err := g.tx.ExecBulk(insertFiles, args)
	return err
}

// certificates keeps a file's certificates and returns their hashes end to end.
func (g *group) certificates(f *store.File) ([]byte, error) {
	hashes := make([]byte, 0, 32*len(f.Certificates))
	for i := range f.Certificates {
		b := &f.Certificates[i]
		hashes = append(hashes, b.Hash[:]...)
		if g.blobs.has(b.Hash) {
			continue
		}
		g.wrote = append(g.wrote, b.Hash)
		if _, err := g.tx.Exec(`INSERT INTO public_blob (hash, data) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, b.Hash[:], b.Data); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// seals keeps the notes on a file's seals and returns what its column holds.
func (g *group) seals(f *store.File) (string, error) {
	rows := make([]file.Seal, len(f.Seals))
	for i, s := range f.Seals {
		rows[i] = file.SealOf(s)
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return "", err
	}
	note := string(text)
	id, known := g.notes.id(note)
	if known {
		return file.SealsColumn(id), nil
	}
	if _, err := g.tx.Exec(`INSERT INTO seal (note) VALUES (?) ON CONFLICT (note) DO NOTHING`, note); err != nil {
		return "", err
	}
	if err := g.tx.Row(`SELECT id FROM seal WHERE note = ?`, note).Scan(&id); err != nil {
		return "", err
	}
	g.noted = append(g.noted, noted{note, id})
	return file.SealsColumn(id), nil
}
