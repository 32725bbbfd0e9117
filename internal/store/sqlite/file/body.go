package file

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// Bodies are laid end to end, those of one write together, and cut into pieces
// that leave no page half empty: one of 2 to 3 KB in a row of its own would
// waste a third of its page. Of a piece of pieceSize bytes SQLite keeps
// pieceLocal in the page of its row, where eight find room, and the rest in
// whole overflow pages (fileformat2.html, "Cell Payload Overflow Pages").
const (
	usable     = pageSize
	pieceLocal = (usable-12)*32/255 - 23
	pieceSize  = pieceLocal + 4*(usable-4)
)

// FullPiece is the length in bytes of a piece that another of the same write
// follows, as text for a query.
var FullPiece = strconv.Itoa(pieceSize)

// Span is where a body lies: from a byte of a piece on, and further in the
// pieces after it. The zero Span is no body.
type Span struct {
	Piece      int64
	From, Size int
}

// Columns are the span as the columns piece, piece_from and piece_size hold it.
func (s Span) Columns() (piece, from, size any) {
	if s.Piece == 0 {
		return nil, nil, nil
	}
	return s.Piece, int64(s.From), int64(s.Size)
}

var insertPieces = Insert(`piece (id, data)`, ``)

// PutBodies keeps bodies and says where each lies; nil bodies are none.
func (tx *Tx) PutBodies(bodies [][]byte) ([]Span, error) {
	spans := make([]Span, len(bodies))
	all := bytes.Join(bodies, nil)
	if len(all) == 0 {
		return spans, nil
	}
	var last sql.NullInt64
	if err := tx.Row(`SELECT max(coalesce((SELECT max(id) FROM piece), 0), coalesce((SELECT max(last) FROM archive), 0))`).Scan(&last); err != nil {
		return nil, err
	}
	first := last.Int64 + 1
	at := 0
	for i, b := range bodies {
		if len(b) > 0 {
			spans[i] = Span{Piece: first + int64(at/pieceSize), From: at % pieceSize, Size: len(b)}
		}
		at += len(b)
	}
	var args []any
	for id := first; len(all) > 0; id++ {
		n := min(pieceSize, len(all))
		args = append(args, id, all[:n:n])
		all = all[n:]
	}
	_, err := tx.ExecBulk(insertPieces, args)
	return spans, err
}

// Bodies reads bodies of one snapshot; bodies that lie beside each other cost
// one reading of their piece.
type Bodies struct {
	s    *Snapshot
	id   int64
	data []byte
}

// Bodies returns a reader of bodies.
func (s *Snapshot) Bodies() *Bodies { return &Bodies{s: s} }

// BodyColumns are the columns that Body reads, of record r and its row b in body.
const BodyColumns = `b.data, r.piece, r.piece_from, r.piece_size`

// BodyTable joins the body of record r that has a row of its own, as all had
// before there were pieces.
const BodyTable = `LEFT JOIN body b ON b.record = r.id`

// BodyRow takes BodyColumns.
type BodyRow struct {
	Data              []byte
	Piece, From, Size sql.NullInt64
}

// To are the values to scan BodyColumns into.
func (b *BodyRow) To() []any { return []any{&b.Data, &b.Piece, &b.From, &b.Size} }

// Of returns the body of a row, nil where there is none or not all of it.
func (b *Bodies) Of(row *BodyRow) ([]byte, error) {
	if !row.Piece.Valid {
		return row.Data, nil
	}
	from, size := row.From.Int64, row.Size.Int64
	if from < 0 || size <= 0 || size > 1<<31 {
		return nil, nil
	}
	var body []byte
	for id := row.Piece.Int64; int64(len(body)) < size; id++ {
		data, err := b.piece(id)
		if err != nil || from >= int64(len(data)) {
			return nil, err
		}
		data = data[from:]
		body = append(body, data[:min(int64(len(data)), size-int64(len(body)))]...)
		from = 0
	}
	return body, nil
}

func (b *Bodies) piece(id int64) ([]byte, error) {
	if b.data != nil && b.id == id {
		return b.data, nil
	}
	var data []byte
	err := b.s.Row(`SELECT data FROM piece WHERE id = ?`, id).Scan(&data)
	if err == sql.ErrNoRows {
		data, err = b.s.archived(id)
	}
	if err != nil {
		return nil, err
	}
	b.id, b.data = id, data
	return data, err
}

// DropBody destroys the body of a record, given by its address: its own row, or
// its bytes in the pieces it lies in. Erasure calls it.
func (tx *Tx) DropBody(record int64) error {
	if _, err := tx.Exec(`DELETE FROM body WHERE record = ?`, record); err != nil {
		return err
	}
	if err := tx.blank(tx.Row(`SELECT piece, piece_from, piece_size FROM record WHERE id = ?`, record)); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE record SET piece = NULL, piece_from = NULL, piece_size = NULL WHERE id = ?`, record)
	return err
}

// DropSkeleton destroys the skeleton of a file, given by its address.
func (tx *Tx) DropSkeleton(file int64) error {
	if _, err := tx.Exec(`UPDATE file SET skeleton = NULL WHERE id = ?`, file); err != nil {
		return err
	}
	if err := tx.blank(tx.Row(`SELECT piece, piece_from, piece_size FROM file WHERE id = ?`, file)); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE file SET piece = NULL, piece_from = NULL, piece_size = NULL WHERE id = ?`, file)
	return err
}

// blank overwrites with zeros what lies at a span. A piece with nothing else in
// it goes: what is sealed is never all zeros. What an archive file has of it is
// noted, for Overwrite: it could not be taken back with the transaction.
func (tx *Tx) blank(span Row) error {
	var piece, from, size sql.NullInt64
	if err := span.Scan(&piece, &from, &size); err != nil {
		return err
	}
	at, left := from.Int64, size.Int64
	for id := piece.Int64; left > 0; id++ {
		n, err := tx.blankPiece(id, at, left)
		if err != nil {
			return err
		}
		at, left = 0, left-n
	}
	return nil
}

// blankPiece overwrites up to size bytes of a piece and returns how many of the
// span lie in it. One that an archive alone has is full where the span goes on
// after it.
func (tx *Tx) blankPiece(id, from, size int64) (int64, error) {
	n := min(size, pieceSize-from)
	var data []byte
	here := tx.Row(`SELECT data FROM piece WHERE id = ?`, id).Scan(&data)
	if here == nil {
		n = min(size, int64(len(data))-from)
	} else if !errors.Is(here, sql.ErrNoRows) {
		return 0, here
	}
	if n <= 0 {
		return 0, fmt.Errorf("piece %d ends before byte %d", id, from)
	}
	switch _, err := holder(tx.Row, id); {
	case err == nil:
		if _, err := tx.Exec(`INSERT INTO archive_blank (piece, piece_from, piece_size) VALUES (?, ?, ?)`, id, from, n); err != nil {
			return 0, err
		}
	case !errors.Is(err, sql.ErrNoRows) || here != nil:
		return 0, err
	}
	if here != nil {
		return n, nil
	}
	clear(data[from : from+n])
	if _, err := tx.Exec(`UPDATE piece SET data = ? WHERE id = ?`, data, id); err != nil { // in place, so that the bytes go
		return 0, err
	}
	if len(bytes.Trim(data, "\x00")) == 0 {
		if _, err := tx.Exec(`DELETE FROM piece WHERE id = ?`, id); err != nil {
			return 0, err
		}
	}
	return n, nil
}
