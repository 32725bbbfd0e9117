package intake

import (
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

var (
	fileNow     = file.Asking(`n, facility, hash`, `SELECT k.n FROM k CROSS JOIN file f ON f.facility = k.facility AND f.hash = k.hash`)
	insertFiles = file.Insert(`file (facility, hash, digest, size, received, sender, lane, wrapped, class, month, certificates, seals, dossiers,
 skeleton, piece, piece_from, piece_size)`, ``)
)

// newFiles lists the files to keep that are not kept yet.
func (g *group) newFiles() ([]*store.File, error) {
	files := g.files()
	args := make([]any, 0, 3*len(files))
	for n, f := range files {
		args = append(args, int64(n), string(f.Facility), f.Hash[:])
	}
	err := g.tx.AskBulk(fileNow, args, func(row file.Scanner) error {
		var n int
		err := row.Scan(&n)
		files[n] = nil
		return err
	})
	fresh := files[:0:0]
	for _, f := range files {
		if f != nil {
			fresh = append(fresh, f)
		}
	}
	return fresh, err
}

// writeFiles keeps files that are new, with where they come from. Their
// skeletons and the members' bodies are laid end to end.
func (g *group) writeFiles() error {
	files, err := g.newFiles()
	if err != nil {
		return err
	}
	parts := make([][]byte, 0, len(g.stored)+len(files))
	for _, x := range g.stored {
		parts = append(parts, x.Body)
	}
	for _, f := range files {
		parts = append(parts, f.Skeleton)
	}
	spans, err := g.tx.PutBodies(parts)
	if err != nil {
		return err
	}
	for i := range g.stored {
		g.stored[i].body = spans[i]
	}
	args := make([]any, 0, 17*len(files))
	for i, f := range files {
		origin, err := g.origin(f)
		if err != nil {
			return err
		}
		piece, from, size := spans[len(g.stored)+i].Columns()
		args = append(args, string(f.Facility), f.Hash[:], f.Digest[:], f.Size, file.Micros(f.Received), "", int64(f.Lane), file.Blob(f.Wrapped),
			f.Class, int64(f.Month), []byte{}, origin, int64(f.Dossiers), nil, piece, from, size)
	}
	_, err = g.tx.ExecBulk(insertFiles, args)
	return err
}

// origin keeps where a file comes from, once, and the certificates it names,
// and returns what the file's column holds.
func (g *group) origin(f *store.File) (string, error) {
	for i := range f.Certificates {
		b := &f.Certificates[i]
		if g.blobs.has(b.Hash) {
			continue
		}
		g.wrote = append(g.wrote, b.Hash)
		if _, err := g.tx.Exec(`INSERT INTO public_blob (hash, data) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, b.Hash[:], b.Data); err != nil {
			return "", err
		}
	}
	note, err := file.OriginOf(f)
	if err != nil {
		return "", err
	}
	id, known := g.notes.id(note)
	if known {
		return file.OriginColumn(id), nil
	}
	if _, err := g.tx.Exec(`INSERT INTO seal (note) VALUES (?) ON CONFLICT (note) DO NOTHING`, note); err != nil {
		return "", err
	}
	if err := g.tx.Row(`SELECT id FROM seal WHERE note = ?`, note).Scan(&id); err != nil {
		return "", err
	}
	g.noted = append(g.noted, noted{note, id})
	return file.OriginColumn(id), nil
}
