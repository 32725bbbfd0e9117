package disclose_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/compartment"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// marked is a store of an open record and one marked by its content.
type marked struct{ store.Records }

func (marked) list() []store.Record {
	return []store.Record{
		{ID: dossier.ID{Facility: "24604", Serial: [16]byte{1}}, Documents: 1 << 1, Person: store.PersonID{1}},
		{ID: dossier.ID{Facility: "24604", Serial: [16]byte{2}}, Documents: 1<<1 | compartment.BitHIV, Person: store.PersonID{1}},
		{ID: dossier.ID{Facility: "24604", Serial: [16]byte{3}}, Documents: 1<<1 | compartment.BitTB, Person: store.PersonID{1}},
	}
}

func (m marked) Get(_ context.Context, _ role.Scope, id dossier.ID) (*store.Record, error) {
	for _, r := range m.list() {
		if r.ID == id {
			return &r, nil
		}
	}
	return nil, store.ErrAbsent
}

func (m marked) List(context.Context, role.Scope, store.Filter) ([]store.Record, bool, error) {
	return m.list(), false, nil
}

// rows counts the rows of looks.
type rows struct {
	store.Disclosures
	n *int
}

func (r rows) Record(_ context.Context, d []store.Disclosure) error {
	*r.n += len(d)
	return nil
}

// TestContentOfACompartmentIsWithheldWhole: from an operator with the best of
// reasons; nothing is opened, and that it was asked for has its row.
func TestContentOfACompartmentIsWithheldWhole(t *testing.T) {
	t.Parallel()
	key := make([]byte, 32)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	d, err := disclose.New(disclose.Deps{Records: marked{}, Log: rows{n: &n}, Counters: &counters{}, Vault: v, Receipts: &evidence.Desk{}, Clock: clock.NewFake(time.Unix(1, 0))})
	if err != nil {
		t.Fatal(err)
	}
	operator := disclose.Reader{Role: role.Role{Kind: role.Operator}, Reason: "tìm nguyên nhân sự cố gửi nhận"}
	own := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "24604"}}
	for _, serial := range []byte{2, 3} {
		id := dossier.ID{Facility: "24604", Serial: [16]byte{serial}}
		if _, err := d.Open(t.Context(), operator, id); !errors.Is(err, disclose.ErrCompartment) {
			t.Errorf("opened: %v", err)
		}
		if _, _, err := d.Original(t.Context(), operator, id); !errors.Is(err, disclose.ErrCompartment) {
			t.Errorf("original: %v", err)
		}
		if _, err := d.Receipt(t.Context(), operator, id); !errors.Is(err, disclose.ErrCompartment) {
			t.Errorf("receipt: %v", err)
		}
	}
	if n != 6 {
		t.Errorf("%d rows, want one for each that was refused", n)
	}
	for name, c := range map[string]struct {
		reader disclose.Reader
		want   int
	}{"operator": {operator, 1}, "its own facility": {own, 3}} {
		list, err := d.Related(t.Context(), c.reader, dossier.ID{Facility: "24604", Serial: [16]byte{1}}, 10)
		if err != nil || len(list) != c.want {
			t.Errorf("%s: %d related, want %d, %v", name, len(list), c.want, err)
		}
	}
	if list, err := d.Related(t.Context(), operator, dossier.ID{Facility: "24604", Serial: [16]byte{2}}, 10); err != nil || len(list) != 1 || list[0].Documents&compartment.Bits != 0 {
		t.Errorf("related to a closed one: %v, %v", list, err)
	}
}

func TestBitsOfCompartmentsDoNotShow(t *testing.T) {
	t.Parallel()
	m := masked.Metadata{Records: marked{}}
	for _, scope := range []role.Scope{{All: true}, {Province: "24"}, {Unit: "kcb"}, {Facility: "79901"}} {
		list, _, err := m.List(t.Context(), scope, store.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if r.Documents != 1<<1 {
				t.Errorf("%+v sees %b", scope, r.Documents)
			}
		}
	}
	if r, err := m.Get(t.Context(), role.Scope{Facility: "24604"}, dossier.ID{Facility: "24604", Serial: [16]byte{2}}); err != nil || r.Documents&compartment.BitHIV == 0 {
		t.Errorf("its own facility: %v, %v", r, err)
	}
}
