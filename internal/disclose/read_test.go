package disclose_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/kind"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// apart is a kind that reads a dossier out of its parts, and of no file.
type apart struct {
	kind.Reader
	tells bool
}

func (apart) Name() string    { return "none" }
func (apart) View() kind.View { return kind.View{} }

func (a apart) Tables(_ uint32, parts []body.Part) (*dossier.Content, bool) {
	return &dossier.Content{}, a.tells && len(parts) == 1 && string(parts[0].Bytes) == "text"
}

// drawer is a pile with bodies; it has no files.
type drawer struct {
	*pile
	kept  []store.Kept
	asked int
}

var errNoFile = errors.New("there is no file")

func (d *drawer) Kept(_ context.Context, ids []dossier.ID) ([]store.Kept, error) {
	d.asked++
	out := make([]store.Kept, len(ids))
	for i, id := range ids {
		out[i] = d.kept[id.Serial[0]-1]
	}
	return out, nil
}

func (*drawer) File(context.Context, care.FacilityCode, vault.Keyed) (*store.File, []store.Stored, error) {
	return nil, nil, errNoFile
}

func drawerOf(t *testing.T, deps *disclose.Deps, n int) *drawer {
	t.Helper()
	codec, err := body.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	deps.Codec = codec
	d := &drawer{pile: pileOf(t, deps.Vault, n)}
	for i := range d.rows {
		r := &d.rows[i]
		sealed, err := deps.Vault.Seal("y10", 202611, evidence.RecordName(r.ID), evidence.Head{Episode: "visit"}.Marshal(), codec.Encode(nil, []byte("\x01\x00\x04\x00\x00\x00text")))
		if err != nil {
			t.Fatal(err)
		}
		r.Wrapped, r.Head = sealed.Wrapped, sealed.Parts[evidence.PartHead]
		d.kept = append(d.kept, store.Kept{Wrapped: sealed.Wrapped, Body: sealed.Parts[evidence.PartBody], Seals: []store.SealNote{{Subject: "O=79901"}}})
	}
	return d
}

// TestRecordsAreReadOutOfTheirParts: by one question for all of a look, and only where
// the seal over the parts is that record's; else, and where they do not tell all, by the file.
func TestRecordsAreReadOutOfTheirParts(t *testing.T) {
	t.Parallel()
	const n = 5
	for _, c := range []struct {
		name  string
		tells bool
		spoil func(*drawer)
		want  error
	}{
		{"all", true, func(*drawer) {}, nil},
		{"one of another record", true, func(d *drawer) { d.kept[2].Body = d.kept[3].Body }, vault.ErrOpenedWrong},
		{"one that was changed", true, func(d *drawer) { d.kept[2].Body[9] ^= 1 }, vault.ErrOpenedWrong},
		{"the key of another", true, func(d *drawer) { d.kept[2].Wrapped = d.kept[3].Wrapped }, vault.ErrOpenedWrong},
		{"one without", true, func(d *drawer) { d.kept[2] = store.Kept{} }, errNoFile},
		{"parts that do not tell", false, func(*drawer) {}, errNoFile},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var w *drawer
			d, _, _, _ := discloser(t, func(deps *disclose.Deps) {
				w = drawerOf(t, deps, n)
				c.spoil(w)
				deps.Records, deps.Kinds = w, kind.NewRegistry(apart{tells: c.tells})
			})
			list, err := d.Chart(t.Context(), disclose.Reader{Role: here, Staff: nurse}, ann, n)
			if w.asked != 1 {
				t.Errorf("asked %d times", w.asked)
			}
			if c.want != nil {
				if !errors.Is(err, c.want) || list != nil {
					t.Fatalf("%d records, %v", len(list), err)
				}
				return
			}
			if err != nil || len(list) != n {
				t.Fatalf("%d records, %v", len(list), err)
			}
			for _, o := range list {
				if o.Read.Content == nil || len(o.Seals) != 1 || o.Episode != "visit" {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

// wholeFile is a drawer with the file of its one record, which has nothing of a dossier in it.
type wholeFile struct {
	*drawer
	file *store.File
}

func (w wholeFile) File(context.Context, care.FacilityCode, vault.Keyed) (*store.File, []store.Stored, error) {
	return w.file, []store.Stored{{Record: w.rows[0]}}, nil
}

func (w wholeFile) Get(context.Context, role.Scope, dossier.ID) (*store.Record, error) {
	r := w.rows[0]
	return &r, nil
}

// TestAWholeOriginalIsHeldAgainstItsDigest: a file that is made again and is not the one
// that came does not leave.
func TestAWholeOriginalIsHeldAgainstItsDigest(t *testing.T) {
	t.Parallel()
	const raw = "the bytes as they came"
	for text, want := range map[string]error{raw: nil, raw + " ": body.ErrDamaged} {
		d, _, _, _ := discloser(t, func(deps *disclose.Deps) {
			w := wholeFile{drawerOf(t, deps, 1), &store.File{Facility: "79901", Dossiers: 1, Digest: sha256.Sum256([]byte(text))}}
			split, err := body.Split([]byte(raw), nil)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := deps.Vault.Seal("y10", 202611, evidence.FileName(w.file), deps.Codec.Encode(nil, evidence.Envelope{Skeleton: split.Skeleton}.Marshal()))
			if err != nil {
				t.Fatal(err)
			}
			w.file.Wrapped, w.file.Skeleton = sealed.Wrapped, sealed.Parts[0]
			deps.Records, deps.Kinds = w, kind.NewRegistry()
		})
		got, _, err := d.Original(t.Context(), disclose.Reader{Role: here, Staff: nurse}, dossier.ID{Facility: "79901", Serial: [16]byte{1}})
		if !errors.Is(err, want) || want == nil && string(got) != raw || want != nil && len(got) > 0 {
			t.Errorf("%q, %v, wanted %v", got, err, want)
		}
	}
}
