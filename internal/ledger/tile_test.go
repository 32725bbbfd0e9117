package ledger_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

func TestTilesAreThoseOfC2SP(t *testing.T) {
	t.Parallel()
	// C2SP tlog-tiles' own example: a tree of size 70,000 has 273 full tiles
	// and one of width 112 at level 0, one full and one of width 17 at level 1,
	// and one of width 1 at level 2.
	const size = 70_000
	m := newMemory()
	l := open(t, m)
	for n := 0; n < size; n += 5000 {
		add(t, l, m, leavesFrom(n, 5000)...)
	}
	if len(m.tiles) != 273+1 {
		t.Fatalf("%d full tiles are stored", len(m.tiles))
	}
	for name, r := range map[string]*ledger.Reader{"writer": l.Reader(), "fresh": ledger.NewReader(m, 2)} {
		for path, ok := range map[string]bool{
			"tile/0/000": true, "tile/0/000.p/1": true, "tile/0/272": true, "tile/0/273.p/112": true,
			"tile/0/273.p/113": false, "tile/0/273": false, "tile/0/274.p/1": false,
			"tile/1/000": true, "tile/1/000.p/255": true, "tile/1/001.p/17": true, "tile/1/001.p/18": false, "tile/1/001": false,
			"tile/2/000.p/1": true, "tile/2/000.p/2": false, "tile/3/000.p/1": false, "tile/63/000.p/1": false,
		} {
			p, err := ledger.ParseTilePath(path)
			if err != nil {
				t.Fatal(err)
			}
			data, err := r.TileData(t.Context(), p.Level, p.N, p.Width)
			if !ok {
				if !errors.Is(err, ledger.ErrAbsent) {
					t.Errorf("%s %s: %v", name, path, err)
				}
				continue
			}
			if err != nil || len(data) != p.Width*tlog.HashSize {
				t.Errorf("%s %s: %d bytes, %v", name, path, len(data), err)
			}
			checkTile(t, path, p, data)
		}
	}
	cp, err := ledger.OpenCheckpoint(l.Head().Checkpoint, logKey(t).Verifier())
	if err != nil {
		t.Fatal(err)
	}
	readByTlog(t, ledger.NewReader(m, 0), cp)
}

// checkTile computes the hashes of a tile anew from the leaves.
func checkTile(t *testing.T, path string, p ledger.TilePath, data []byte) {
	t.Helper()
	span := 1 << (8 * p.Level)
	for _, i := range []int{0, p.Width / 2, p.Width - 1} {
		want := mth((int(p.N)*256+i)*span, span)
		if got := tlog.Hash(data[i*tlog.HashSize:][:tlog.HashSize]); got != want {
			t.Errorf("%s: hash %d differs", path, i)
		}
	}
}

// mth is RFC 6962's MTH over 2^k test leaves from index from.
func mth(from, n int) tlog.Hash {
	if n == 1 {
		return tlog.RecordHash(leaf(from))
	}
	return tlog.NodeHash(mth(from, n/2), mth(from+n/2, n/2))
}

// tlogTiles lets tlog's own client read our tiles.
type tlogTiles struct {
	t *testing.T
	r *ledger.Reader
}

func (x tlogTiles) Height() int                     { return 8 }
func (x tlogTiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (x tlogTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		data, err := x.r.TileData(x.t.Context(), tile.L, uint64(tile.N), tile.W)
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func readByTlog(t *testing.T, r *ledger.Reader, cp ledger.Checkpoint) {
	t.Helper()
	client := tlog.TileHashReader(tlog.Tree{N: int64(cp.Size), Hash: cp.Root}, tlogTiles{t, r})
	for _, i := range []int64{0, 255, 256, 65535, 65536, 69_999} {
		p, err := tlog.ProveRecord(int64(cp.Size), i, client)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(p, int64(cp.Size), cp.Root, i, tlog.RecordHash(leaf(int(i)))); err != nil {
			t.Errorf("leaf %d: %v", i, err)
		}
	}
}

func TestEntryBundlesHoldTheLeaves(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := open(t, m)
	add(t, l, m, ledger.KeyLeaf(receiptKey(t).SPKI()))
	add(t, l, m, leavesFrom(1, 299)...)
	for _, c := range []struct {
		n     uint64
		width int
		ok    bool
	}{{0, 256, true}, {0, 1, true}, {1, 44, true}, {1, 45, false}, {1, 256, false}, {2, 1, false}, {0, 0, false}, {0, 257, false}, {1 << 60, 1, false}} {
		data, err := l.Reader().EntryBundle(t.Context(), c.n, c.width)
		if !c.ok {
			if !errors.Is(err, ledger.ErrAbsent) {
				t.Errorf("bundle %d/%d: %v", c.n, c.width, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.width {
			n := int(binary.BigEndian.Uint16(data))
			if got := string(data[2 : 2+n]); got != string(m.leaves[int(c.n)*256+i]) {
				t.Fatalf("entry %d of bundle %d differs", i, c.n)
			}
			data = data[2+n:]
		}
		if len(data) > 0 {
			t.Errorf("bundle %d/%d has %d bytes more", c.n, c.width, len(data))
		}
	}
}

func TestOnlyTheOneSpellingIsATilePath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]ledger.TilePath{
		"tile/0/000":                     {Width: 256},
		"tile/63/x001/x234/067":          {Level: 63, N: 1234067, Width: 256},
		"tile/1/x001/x234/067.p/1":       {Level: 1, N: 1234067, Width: 1},
		"tile/0/999.p/255":               {N: 999, Width: 255},
		"tile/entries/x001/000.p/17":     {Entries: true, N: 1000, Width: 17},
		"tile/entries/000":               {Entries: true, Width: 256},
		"tile/0/x035/x184/x372/x088/831": {N: 35184372088831, Width: 256},
	} {
		got, err := ledger.ParseTilePath(path)
		if err != nil || got != want || got.String() != path {
			t.Errorf("%s: %+v %v", path, got, err)
		}
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile//000", "Tile/0/000", " tile/0/000",
		"tile/00/000", "tile/64/000", "tile/-1/000", "tile/+1/000", "tile/data/000", "tile/8/0/000", "tile/entry/000",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/001", "tile/0/x000", "tile/0/001/002", "tile/0/x001", "tile/0/x01/002",
		"tile/0/xx01/002", "tile/0/X001/002", "tile/0/-01", "tile/0/+01", "tile/0/ 01", "tile/0/0x1", "tile/0/1_0",
		"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/1/2",
		"tile/0/000.p/-1", "tile/0/000.p/1.p/1", "tile/0/.p/1", "tile/0/x001.p/000", "tile/0/000?x", "tile/0/%30%30%30", "tile/0/٠٠٠",
		"tile/0/x035/x184/x372/x088/832", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/" + strings.Repeat("x000/", 5000) + "000",
	} {
		if got, err := ledger.ParseTilePath(path); !errors.Is(err, ledger.ErrPath) || fault.KindOf(err) != fault.Absent {
			t.Errorf("%q: %+v %v", path, got, err)
		}
	}
}

func TestEveryTilePathReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := ledger.TilePath{
			Entries: rapid.Bool().Draw(t, "entries"), N: rapid.Uint64Range(0, ledger.MaxSize>>8).Draw(t, "n"),
			Width: rapid.IntRange(1, 256).Draw(t, "width"),
		}
		if !p.Entries {
			p.Level = rapid.IntRange(0, 63).Draw(t, "level")
		}
		if got, err := ledger.ParseTilePath(p.String()); err != nil || got != p {
			t.Fatalf("%s: %+v %v", p, got, err)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	for _, s := range []string{"tile/0/000", "tile/1/x001/x234/067.p/1", "tile/entries/x001/000.p/17", "tile/8/0/000", "tile/0/.p/.p/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := ledger.ParseTilePath(path)
		if err != nil {
			if !errors.Is(err, ledger.ErrPath) {
				t.Fatalf("not a coded error: %v", err)
			}
			return
		}
		if p.String() != path || p.Width < 1 || p.Width > 256 || p.Level < 0 || p.Level > 63 {
			t.Fatalf("%q was read as %+v", path, p)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	cp, err := logKey(f).Checkpoint(7, ledger.Hash{1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cp)
	f.Add([]byte("a\n1\n\n\n— a b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ledger.ParseCheckpoint(data)
		if err != nil {
			if !errors.Is(err, ledger.ErrCheckpoint) {
				t.Fatalf("not a coded error: %v", err)
			}
			return
		}
		if !strings.HasPrefix(string(data), c.Text()+"\n— ") {
			t.Fatalf("%q was read as %+v", data, c)
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	f.Add(leaf(0))
	f.Add(ledger.KeyLeaf(receiptKey(f).SPKI()))
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, rest, err := ledger.ParseLeaf(data)
		switch {
		case err != nil && !errors.Is(err, ledger.ErrLeaf):
			t.Fatalf("not a coded error: %v", err)
		case err == nil && string(data) != "lienthong/"+string(kind)+"/v1\n"+string(rest):
			t.Fatalf("%q was read as %s %q", data, kind, rest)
		}
	})
}

func TestLogKeysReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed")
		k, err := ledger.LogKeyFromSeed(testOrigin, seed)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := ledger.ParseLogKey(k.Private())
		if err != nil || again.Verifier() != k.Verifier() || again.Origin() != testOrigin || again.Private() != k.Private() {
			rt.Fatalf("read back: %v %v", again, err)
		}
		if strings.Contains(k.String(), "PRIVATE") {
			rt.Fatal("the secret is printed")
		}
		cp, err := k.Checkpoint(3, ledger.Hash{9})
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := ledger.OpenCheckpoint(cp, k.Verifier()); err != nil || got.Size != 3 || got.Root != (ledger.Hash{9}) {
			rt.Fatalf("checkpoint: %+v %v", got, err)
		}
	})
	good := logKey(t).Private()
	for name, bad := range map[string]string{
		"empty": "", "verifier": logKey(t).Verifier(), "cut": good[:len(good)-4], "upper-case hash": strings.Replace(good, good[len("PRIVATE+KEY+"+testOrigin+"+"):][:8], strings.ToUpper(good[len("PRIVATE+KEY+"+testOrigin+"+"):][:8]), 1),
	} {
		if bad == good {
			continue // a hash without letters
		}
		if _, err := ledger.ParseLogKey(bad); !errors.Is(err, ledger.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConsistencyAtTheEdges(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := open(t, m)
	add(t, l, m, leavesFrom(0, 10)...)
	ten, err := ledger.ParseCheckpoint(l.Head().Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	root, err := l.Reader().Root(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	none := ledger.Checkpoint{Origin: testOrigin, Root: root}
	other := ten
	other.Root[0] ^= 1
	foreign := ten
	foreign.Origin = "hub.test/log/1"
	for name, c := range map[string]struct {
		older, newer ledger.Checkpoint
		proof        ledger.Proof
		want         bool
	}{
		"same":               {ten, ten, nil, true},
		"same size":          {other, ten, nil, false},
		"same, with a proof": {ten, ten, ledger.Proof{{}}, false},
		"from nothing":       {none, ten, nil, true},
		"from a false none":  {ledger.Checkpoint{Origin: testOrigin}, ten, nil, false},
		"backwards":          {ten, none, nil, false},
		"another log":        {foreign, ten, nil, false},
		"no proof":           {ledger.Checkpoint{Origin: testOrigin, Size: 5}, ten, nil, false},
	} {
		if got := ledger.CheckConsistency(c.proof, c.older, c.newer); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, c := range [][2]uint64{{0, 10}, {10, 10}} {
		if p, err := l.Reader().ProveConsistency(t.Context(), c[0], c[1]); err != nil || len(p) != 0 {
			t.Errorf("%v: %v %v", c, p, err)
		}
	}
	for _, c := range [][2]uint64{{11, 10}, {5, 11}, {5, 1 << 60}} {
		if _, err := l.Reader().ProveConsistency(t.Context(), c[0], c[1]); !errors.Is(err, ledger.ErrAbsent) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestReadersAndWriterMeet(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := open(t, m)
	add(t, l, m, leavesFrom(0, 200)...)
	r := l.Reader()
	stop, done := make(chan struct{}), make(chan error, 4)
	for g := range 4 {
		go func() {
			for i := g; ; i++ {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				head := l.Head()
				cp, err := ledger.ParseCheckpoint(head.Checkpoint)
				if err != nil {
					done <- err
					return
				}
				index := uint64(i*31) % cp.Size
				p, err := r.Prove(t.Context(), cp.Size, index)
				if err == nil && !ledger.CheckInclusion(p[0], cp, index, leaf(int(index))) {
					err = errors.New("a proof does not hold")
				}
				if err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for size := 200; size < 1500; size += 13 {
		add(t, l, m, leavesFrom(size, 13)...)
	}
	close(stop)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
