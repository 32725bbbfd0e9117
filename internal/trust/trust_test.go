package trust_test

import (
	"context"
	"log/slog"
	"testing"

	"lienthong/internal/facility"
	"lienthong/internal/store"
	"lienthong/internal/trust"
)

// directory is a store whose second reading is held back while a third is done.
type directory struct {
	store.Facilities
	epoch int64
	reads chan func() *facility.Directory
}

func (d *directory) Epoch(context.Context) (int64, error) { return d.epoch, nil }

func (d *directory) Load(context.Context) (*facility.Directory, error) { return (<-d.reads)(), nil }

// TestAnOlderDirectoryIsNotPutOverANewer: two read at once, and the one that read
// first ends last.
func TestAnOlderDirectoryIsNotPutOverANewer(t *testing.T) {
	t.Parallel()
	at := func(epoch int64) *facility.Directory { return &facility.Directory{Epoch: epoch} }
	d := &directory{epoch: 3, reads: make(chan func() *facility.Directory, 1)}
	d.reads <- func() *facility.Directory { return at(1) }
	w, err := trust.NewWatch(t.Context(), d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begun, goOn, ended := make(chan bool), make(chan bool), make(chan error)
	d.reads <- func() *facility.Directory {
		close(begun)
		<-goOn
		return at(2)
	}
	go func() { ended <- w.Refresh(t.Context()) }()
	<-begun
	d.reads <- func() *facility.Directory { return at(3) }
	if err := w.Refresh(t.Context()); err != nil || w.Current().Epoch != 3 {
		t.Fatal(err, w.Current().Epoch)
	}
	close(goOn)
	if err := <-ended; err != nil || w.Current().Epoch != 3 {
		t.Errorf("the older is in force: %d, %v", w.Current().Epoch, err)
	}
}
