package reverify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"lienthong/internal/evidence"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// birthDomain and claimDomain are intake's: what dates of birth and strong
// identifiers are hashed under.
const birthDomain vault.Domain = "birth"

func claimDomain(identifier string) vault.Domain {
	if identifier == identity.CitizenNumber {
		return vault.Citizen
	}
	return vault.Card
}

// content compares the record's content with its receipt, and with its file.
func (c *checked) content(ctx context.Context) error {
	f := c.file(ctx, c.r.ID.Facility, c.r.File)
	if f.row == nil {
		return nil // said of the file
	}
	if hex.EncodeToString(f.row.Digest[:]) != c.body.FileSHA256 {
		c.wrong("record.content", "file_sha256")
	}
	if f.row.Received.After(c.r.Received) || f.row.Lane != c.r.Lane && f.row.Received.Equal(c.r.Received) {
		c.differ("file.row", "file", c.name, "received")
	}
	if !c.r.Withdraws.IsZero() {
		if f.raw != nil && hex.EncodeToString(f.row.Digest[:]) != c.body.ContentSHA256 {
			c.wrong("record.content", "content_sha256")
		}
		if c.r.Documents != 0 {
			c.wrong("record.row", "documents")
		}
		return nil
	}
	opened, view := f.opened, f.view
	if f.partial != nil {
		if opened, view = c.alone(f); opened == nil {
			c.wrong("record.content", "")
		}
	}
	if opened == nil {
		return nil
	}
	if c.r.Index < 0 || c.r.Index >= opened.Len() {
		c.wrong("record.row", "idx")
		return nil
	}
	read := opened.Dossier(c.r.Index)
	if !c.sameFrame(f) || !c.said(&read) {
		c.wrong("record.content", "")
	}
	if !c.lines(&read) {
		c.wrong("record.row", "findings")
	}
	var bits uint32
	bits, c.docs = read.Label(view, c.r.Verdict.State.IsAccepted())
	if bits != c.r.Documents {
		c.wrong("record.row", "documents")
	}
	c.line = read.Line
	c.order = order(read.Sequence, opened.Created().String())
	return c.patient(ctx, &read)
}

// said compares inner documents with the digests of the receipt.
func (c *checked) said(read *kind.Dossier) bool {
	same := len(read.Inner) == len(c.body.InnerSHA256) && read.Episode == c.body.Episode
	inner := make([][32]byte, len(read.Inner))
	for i, doc := range read.Inner {
		inner[i] = sha256.Sum256(doc)
		same = same && hex.EncodeToString(inner[i][:]) == c.body.InnerSHA256[i]
	}
	all := kind.ContentHash(inner)
	return same && hex.EncodeToString(all[:]) == c.body.ContentSHA256
}

// lines holds the line of each finding, which the receipt does not say: it is
// its row's or its field's.
func (c *checked) lines(read *kind.Dossier) bool {
	for _, f := range c.r.Verdict.Findings {
		if f.Line == 0 || f.Row == 0 {
			continue
		}
		for _, t := range read.Content.Tables() {
			if t.Columns.Table != f.Table || f.Row > len(t.Rows) {
				continue
			}
			row := &t.Rows[f.Row-1]
			ok := f.Line == row.Line || f.Line == t.Cell(f.Row-1, f.Field).Line
			for _, x := range row.Extra {
				ok = ok || x.Cell.Line == f.Line
			}
			for _, x := range row.Cells {
				ok = ok || f.Field == "" && x.Line == f.Line
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// order is what versions are ordered by (package intake).
func order(sequence, created string) string {
	if sequence != "" {
		return "s" + sequence
	}
	if created != "" {
		return "d" + created
	}
	return ""
}

// patient holds what is kept of the patient: the subject, and the claims taken
// when the record made its link.
func (c *checked) patient(ctx context.Context, read *kind.Dossier) error {
	if !c.r.Verdict.State.IsAccepted() {
		if !c.r.Subject.IsZero() {
			c.wrong("record.person", "subject")
		}
		return nil
	}
	p := read.Patient
	said := identity.Parse(identity.Said{LocalID: p.LocalID, Name: p.Name, CitizenID: p.CitizenID, Card: p.Card, Birth: p.Birth, Sex: p.Sex})
	if said.LocalID == "" {
		if !c.r.Subject.IsZero() {
			c.wrong("record.person", "subject")
		}
		return nil
	}
	facility := []byte(c.r.ID.Facility)
	subjects := c.Vault.HashAll(vault.Subject, facility, []byte(said.LocalID))
	if !slices.Contains(subjects, c.r.Subject) {
		c.wrong("record.person", "subject")
		return nil
	}
	links, err := c.Slices.People.Links(ctx, c.r.ID.Facility, c.r.Subject)
	if err != nil || len(said.IDs) == 0 {
		return err
	}
	for _, l := range links {
		if l.From.Equal(c.r.Received) && l.Evidence != byHand {
			return c.claims(ctx, &said, l)
		}
	}
	return nil
}

// byHand is the evidence of a link made by a person.
const byHand = "by_hand"

// claims holds the identifiers of the record that made a link: each is taken
// for the link's person, with the patient's name and birth date.
func (c *checked) claims(ctx context.Context, said *identity.Patient, l store.Link) error {
	if l.Evidence != said.IDs[0].Type {
		c.differ("record.person", "link", c.name, "evidence")
	}
	q := store.Query{Facility: c.r.ID.Facility, Kind: c.r.Kind}
	for _, id := range said.IDs {
		q.Claims = append(q.Claims, c.Vault.HashAll(claimDomain(id.Type), []byte(id.Value)))
	}
	known, err := c.Slices.Intake.Known(ctx, []store.Query{q})
	if err != nil {
		return err
	}
	names := c.Vault.HashAll(vault.Name, []byte(said.Name))
	births := c.Vault.HashAll(birthDomain, []byte(fmt.Sprint(said.Birth.Day())))
	for _, k := range known[0].Claims {
		if k.Person != l.Person || !slices.Contains(names, k.Name) || !slices.Contains(births, k.Birth) {
			c.differ("record.person", "claim", c.name, "")
		}
	}
	return nil
}

// receiptOf opens the receipt of a record that stands in a file beside its own.
func (w *walk) receiptOf(r *store.Record) (*evidence.Head, error) {
	key, err := w.Vault.OpenKey(evidence.RecordName(r.ID), r.Wrapped)
	if err != nil {
		return nil, err
	}
	plain, err := key.Open(nil, evidence.PartHead, r.Head)
	if err != nil {
		return nil, err
	}
	h, err := evidence.ParseHead(plain)
	return &h, err
}
