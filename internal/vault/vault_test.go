package vault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/vault"
	"pgregory.net/rapid"
)

const (
	class = "dossier"
	month = 202607
)

var aad = []byte("record-1")

func key(fill byte) []byte { return bytes.Repeat([]byte{fill}, vault.KeySize) }

func newVault(t testing.TB, change func(*vault.Config)) *vault.Vault {
	t.Helper()
	c := vault.Config{Master: key(1), Peppers: map[int][]byte{1: key(9)}, Current: 1}
	if change != nil {
		change(&c)
	}
	v, err := vault.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// setup returns a vault with one month key loaded, and that key as stored.
func setup(t testing.TB) (*vault.Vault, vault.WrappedMonthKey) {
	t.Helper()
	v := newVault(t, nil)
	w := addMonth(t, v, class, month)
	return v, w
}

func addMonth(t testing.TB, v *vault.Vault, class string, month int) vault.WrappedMonthKey {
	t.Helper()
	w, err := v.NewMonthKey(class, month)
	if err != nil {
		t.Fatal(err)
	}
	if v.Have(class, month) {
		t.Fatal("a month key is in use before the store has it")
	}
	if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatal(err)
	}
	if !v.Have(class, month) {
		t.Fatal("a loaded month key is not there")
	}
	return w
}

func seal(t testing.TB, v *vault.Vault, parts ...[]byte) vault.Sealed {
	t.Helper()
	s, err := v.Seal(class, month, aad, parts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wrong(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestRoundTripOfEverySize(t *testing.T) {
	t.Parallel()
	v, _ := setup(t)
	var parts [][]byte
	for _, n := range []int{0, 1, 8 << 10, vault.ChunkSize - 1, vault.ChunkSize, vault.ChunkSize + 1, 3 * vault.ChunkSize, 200_001} {
		parts = append(parts, bytes.Repeat([]byte{byte(n), 7}, n/2+1)[:n])
	}
	s := seal(t, v, parts...)
	k, err := v.OpenKey(aad, s.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if k.Parts() != len(parts) {
		t.Errorf("%d parts, want %d", k.Parts(), len(parts))
	}
	for i, p := range parts {
		if len(s.Parts[i]) != vault.SealedSize(len(p)) {
			t.Errorf("%d bytes sealed to %d, SealedSize says %d", len(p), len(s.Parts[i]), vault.SealedSize(len(p)))
		}
		got, err := k.Open([]byte("before"), i, s.Parts[i])
		if err != nil || !bytes.Equal(got, append([]byte("before"), p...)) {
			t.Errorf("part %d of %d bytes: %v", i, len(p), err)
		}
		if got, err := v.Open(aad, s.Wrapped, i, s.Parts[i]); err != nil || !bytes.Equal(got, p) {
			t.Errorf("part %d of %d bytes by Open: %v", i, len(p), err)
		}
	}
}

func TestSealedBytesOpenOnlyAsSealed(t *testing.T) {
	t.Parallel()
	v, _ := setup(t)
	long := bytes.Repeat([]byte("x"), 2*vault.ChunkSize)
	s := seal(t, v, []byte("same"), []byte("same"), long)
	other := seal(t, v, []byte("same"), []byte("same"), long)
	const chunk = vault.ChunkSize + 16
	cut := s.Parts[2]
	swapped := append(bytes.Clone(cut[chunk:]), cut[:chunk]...)
	cases := []struct {
		name    string
		aad     string
		wrapped []byte
		part    int
		sealed  []byte
	}{
		{"another record's aad", "record-2", s.Wrapped, 0, s.Parts[0]},
		{"another record's key", string(aad), other.Wrapped, 0, s.Parts[0]},
		{"another part's index", string(aad), s.Wrapped, 1, s.Parts[0]},
		{"an index below", string(aad), s.Wrapped, -1, s.Parts[0]},
		{"an index beyond", string(aad), s.Wrapped, 3, s.Parts[0]},
		{"a part cut by a byte", string(aad), s.Wrapped, 0, s.Parts[0][:len(s.Parts[0])-1]},
		{"a part with a byte more", string(aad), s.Wrapped, 0, append(bytes.Clone(s.Parts[0]), 0)},
		{"an empty part", string(aad), s.Wrapped, 0, nil},
		{"a part cut between chunks", string(aad), s.Wrapped, 2, cut[:chunk]},
		{"chunks swapped", string(aad), s.Wrapped, 2, swapped},
		{"a chunk twice", string(aad), s.Wrapped, 2, append(bytes.Clone(cut), cut[chunk:]...)},
		{"no key", string(aad), nil, 0, s.Parts[0]},
		{"a key cut", string(aad), s.Wrapped[:len(s.Wrapped)-1], 0, s.Parts[0]},
		{"a key destroyed", string(aad), make([]byte, len(s.Wrapped)), 0, s.Parts[0]},
	}
	for _, c := range cases {
		got, err := v.Open([]byte(c.aad), c.wrapped, c.part, c.sealed)
		wrong(t, c.name, err, vault.ErrOpenedWrong)
		if got != nil {
			t.Errorf("%s: plain text beside an error", c.name)
		}
	}
	if got, err := v.Open(aad, s.Wrapped, 2, s.Parts[2]); err != nil || !bytes.Equal(got, long) {
		t.Errorf("control: the untouched part does not open: %v", err)
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	v, _ := setup(t)
	s := seal(t, v, []byte("content"))
	for i := range s.Wrapped {
		w := bytes.Clone(s.Wrapped)
		w[i] ^= 4
		if _, err := v.Open(aad, w, 0, s.Parts[0]); err == nil {
			t.Errorf("byte %d of the wrapped key may change", i)
		}
	}
	for i := range s.Parts[0] {
		p := bytes.Clone(s.Parts[0])
		p[i] ^= 4
		if _, err := v.Open(aad, s.Wrapped, 0, p); !errors.Is(err, vault.ErrOpenedWrong) {
			t.Errorf("byte %d of the part may change: %v", i, err)
		}
	}
}

func TestMonthKeysAreApart(t *testing.T) {
	t.Parallel()
	v, w := setup(t)
	august := addMonth(t, v, class, month+1)
	s := seal(t, v, []byte("july"))
	later, err := v.Seal(class, month+1, aad, []byte("august"))
	if err != nil {
		t.Fatal(err)
	}

	// A destroyed month key takes its month with it and no other.
	v.Forget(class, month)
	_, err = v.Open(aad, s.Wrapped, 0, s.Parts[0])
	wrong(t, "a record of a forgotten month", err, vault.ErrKeyMissing)
	_, err = v.Seal(class, month, aad, []byte("x"))
	wrong(t, "sealing without a month key", err, vault.ErrKeyMissing)
	if got, err := v.Open(aad, later.Wrapped, 0, later.Parts[0]); err != nil || string(got) != "august" {
		t.Errorf("the neighbour month: %q, %v", got, err)
	}

	// Another key of the same name is told from damage.
	rival, err := v.NewMonthKey(class, month)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Load([]vault.WrappedMonthKey{rival}); err != nil {
		t.Fatal(err)
	}
	_, err = v.Open(aad, s.Wrapped, 0, s.Parts[0])
	wrong(t, "a record sealed under the rival", err, vault.ErrKeyMissing)
	if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(aad, s.Wrapped, 0, s.Parts[0]); err != nil || string(got) != "july" {
		t.Errorf("after loading the right one: %q, %v", got, err)
	}

	// Names are bound: a month key cannot pose as another's.
	posing := august
	posing.Month = month
	wrong(t, "a renamed month", v.Load([]vault.WrappedMonthKey{posing}), vault.ErrOpenedWrong)
	posing = august
	posing.Class = "other"
	wrong(t, "a renamed class", v.Load([]vault.WrappedMonthKey{posing}), vault.ErrOpenedWrong)
	posing = august
	posing.Wrapped = posing.Wrapped[:20]
	wrong(t, "a cut month key", v.Load([]vault.WrappedMonthKey{w, posing}), vault.ErrOpenedWrong)
}

func TestMasterRotation(t *testing.T) {
	t.Parallel()
	old, w := setup(t)
	s := seal(t, old, []byte("kept"))

	stranger := newVault(t, func(c *vault.Config) { c.Master = key(2) })
	wrong(t, "another master key", stranger.Load([]vault.WrappedMonthKey{w}), vault.ErrKeyMissing)

	both := newVault(t, func(c *vault.Config) { c.Master, c.Retired = key(2), [][]byte{key(1)} })
	if err := both.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatalf("with the retired master key: %v", err)
	}
	again, err := both.Rewrap(w)
	if err != nil {
		t.Fatal(err)
	}
	if again.Master != both.MasterID() || again.Master == w.Master {
		t.Errorf("rewrapped by %s", again.Master)
	}
	if err := stranger.Load([]vault.WrappedMonthKey{again}); err != nil {
		t.Fatalf("the new master key alone: %v", err)
	}
	if got, err := stranger.Open(aad, s.Wrapped, 0, s.Parts[0]); err != nil || string(got) != "kept" {
		t.Errorf("an old record after rotation: %q, %v", got, err)
	}
}

func TestKeyedHashes(t *testing.T) {
	t.Parallel()
	v := newVault(t, nil)
	h := v.Hash(vault.Citizen, []byte("062892177625"))
	if h != v.Hash(vault.Citizen, []byte("062892177625")) || h.Version() != 1 || h.IsZero() {
		t.Errorf("hash %x", h.Bytes())
	}
	seen := map[vault.Keyed]string{}
	for name, k := range map[string]vault.Keyed{
		"citizen": h, "card": v.Hash(vault.Card, []byte("062892177625")),
		"ab,c": v.Hash(vault.Name, []byte("ab"), []byte("c")), "a,bc": v.Hash(vault.Name, []byte("a"), []byte("bc")),
		"abc": v.Hash(vault.Name, []byte("abc")), "abc,": v.Hash(vault.Name, []byte("abc"), nil), "none": v.Hash(vault.Name),
		"long": v.Hash(vault.File, bytes.Repeat([]byte("l"), 5000)), "long,": v.Hash(vault.File, bytes.Repeat([]byte("l"), 5000), nil),
		"other pepper": newVault(t, func(c *vault.Config) { c.Peppers = map[int][]byte{1: key(8)} }).Hash(vault.Citizen, []byte("062892177625")),
	} {
		if was, twice := seen[k]; twice {
			t.Errorf("%s and %s have one hash", was, name)
		}
		seen[k] = name
	}
	back, err := vault.KeyedFrom(h.Bytes())
	if err != nil || back != h || back.Compare(h) != 0 {
		t.Errorf("came back as %x, %v", back.Bytes(), err)
	}
	_, err = vault.KeyedFrom(h.Bytes()[:16])
	wrong(t, "a short hash", err, vault.ErrOpenedWrong)
}

func TestPepperRotation(t *testing.T) {
	t.Parallel()
	value := []byte("0900000001")
	before := newVault(t, nil).Hash(vault.Phone, value)
	v := newVault(t, func(c *vault.Config) {
		c.Peppers = map[int][]byte{1: key(9), 3: key(11), 2: key(10)}
		c.Current = 2
	})
	if got := v.Hash(vault.Phone, value); got.Version() != 2 || got == before {
		t.Errorf("new hashes carry version %d", got.Version())
	}
	all := v.HashAll(vault.Phone, value)
	if len(all) != 3 || all[0] != v.Hash(vault.Phone, value) || all[1].Version() != 3 || all[2] != before {
		t.Errorf("look-ups try %v", all)
	}
}

func TestNewRefusesUnusableKeys(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*vault.Config){
		"no master":          func(c *vault.Config) { c.Master = nil },
		"a short master":     func(c *vault.Config) { c.Master = key(1)[:31] },
		"a short retired":    func(c *vault.Config) { c.Retired = [][]byte{{1}} },
		"no pepper":          func(c *vault.Config) { c.Peppers = nil },
		"a short pepper":     func(c *vault.Config) { c.Peppers[1] = key(1)[:16] },
		"no current pepper":  func(c *vault.Config) { c.Current = 2 },
		"pepper version 0":   func(c *vault.Config) { c.Peppers[0] = key(1) },
		"pepper version 256": func(c *vault.Config) { c.Peppers[256] = key(1) },
	} {
		c := vault.Config{Master: key(1), Peppers: map[int][]byte{1: key(9)}, Current: 1}
		change(&c)
		_, err := vault.New(c)
		wrong(t, name, err, vault.ErrConfig)
		if err != nil && strings.Contains(err.Error(), string(key(1)[:4])) {
			t.Errorf("%s: the error shows a key", name)
		}
	}
	v := newVault(t, nil)
	for _, ref := range []struct {
		class string
		month int
	}{{"", month}, {"Dossier", month}, {"a/b", month}, {strings.Repeat("a", 64), month}, {class, 2026}, {class, 202600}, {class, 202613}} {
		_, err := v.NewMonthKey(ref.class, ref.month)
		wrong(t, fmt.Sprint(ref), err, vault.ErrConfig)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("dry") }

func TestNothingIsSealedWithoutRandomness(t *testing.T) {
	t.Parallel()
	good, w := setup(t)
	v := newVault(t, func(c *vault.Config) { c.Rand = brokenReader{} })
	if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
		t.Fatal(err)
	}
	_, err := v.Seal(class, month, aad, []byte("x"))
	wrong(t, "Seal", err, vault.ErrRandom)
	_, err = v.NewMonthKey(class, month)
	wrong(t, "NewMonthKey", err, vault.ErrRandom)
	if a, b := seal(t, good, []byte("x")), seal(t, good, []byte("x")); bytes.Equal(a.Parts[0], b.Parts[0]) || bytes.Equal(a.Wrapped, b.Wrapped) {
		t.Error("two seals of one text are the same")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	master := []byte("MASTERMASTERMASTERMASTERMASTER!!")
	c := vault.Config{Master: master, Peppers: map[int][]byte{1: []byte("PEPPERPEPPERPEPPERPEPPERPEPPER!!")}, Current: 1}
	v, err := vault.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w := addMonth(t, v, class, month)
	k, err := v.OpenKey(aad, seal(t, v, []byte("plain")).Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	h := v.Hash(vault.Citizen, []byte("062892177625"))
	var b strings.Builder
	log := slog.New(slog.NewJSONHandler(&b, nil))
	for _, secret := range []any{c, v, k, h, w} {
		log.Info("x", "secret", secret)
		if _, isWrapped := secret.(vault.WrappedMonthKey); !isWrapped {
			fmt.Fprintf(&b, "%v %+v %#v %s %x\n", secret, secret, secret, secret, secret)
		}
	}
	text := b.String()
	if !strings.Contains(text, "keyed(v1)") || !strings.Contains(text, "dossier/202607") {
		t.Fatalf("nothing was printed: %s", text)
	}
	encoded, err := json.Marshal(w.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"MASTER", "PEPPER", fmt.Sprintf("%x", master[:6]), fmt.Sprintf("%x", h.Bytes()[1:5]), strings.Trim(string(encoded), `"`), fmt.Sprint(h[1]) + " " + fmt.Sprint(h[2])} {
		if strings.Contains(text, hidden) {
			t.Errorf("%q was printed", hidden)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	v, w := setup(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var buf vault.Sealed
			for j := range 50 {
				text := fmt.Appendf(nil, "%d/%d", i, j)
				var err error
				if buf, err = v.AppendSeal(buf, class, month, text, text); err != nil {
					t.Error(err)
					return
				}
				if err := v.Load([]vault.WrappedMonthKey{w}); err != nil {
					t.Error(err)
				}
				got, err := v.Open(text, buf.Wrapped, 0, buf.Parts[0])
				if err != nil || !bytes.Equal(got, text) {
					t.Errorf("%q, %v", got, err)
				}
				if a, b := v.Hash(vault.Name, text), v.Hash(vault.Name, text); a != b {
					t.Error("one value, two hashes")
				}
			}
		})
	}
	wg.Wait()
}

func TestAnyPartsRoundTripInReusedMemory(t *testing.T) {
	t.Parallel()
	v, _ := setup(t)
	var buf vault.Sealed
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 0, 5).Draw(t, "parts")
		id := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		var err error
		if buf, err = v.AppendSeal(buf, class, month, id, parts...); err != nil {
			t.Fatal(err)
		}
		if len(buf.Parts) != len(parts) {
			t.Fatalf("%d parts sealed of %d", len(buf.Parts), len(parts))
		}
		for i, p := range parts {
			if got, err := v.Open(id, buf.Wrapped, i, buf.Parts[i]); err != nil || !bytes.Equal(got, p) {
				t.Fatalf("part %d: %v", i, err)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	v, _ := setup(f)
	s := seal(f, v, []byte("content"), nil)
	f.Add(aad, s.Wrapped, 0, s.Parts[0])
	f.Add(aad, s.Wrapped, 1, s.Parts[1])
	f.Add([]byte{}, []byte{1, 0}, 0, []byte{})
	f.Add(aad, append([]byte{1, 255}, make([]byte, 300)...), 0, s.Parts[0])
	f.Fuzz(func(t *testing.T, id, wrapped []byte, part int, sealed []byte) {
		got, err := v.Open(id, wrapped, part, sealed)
		if err == nil {
			if !bytes.Equal(id, aad) || !bytes.Equal(wrapped, s.Wrapped) || part < 0 || part > 1 || !bytes.Equal(sealed, s.Parts[part]) {
				t.Fatalf("opened what was never sealed: %q", got)
			}
			return
		}
		if !errors.Is(err, vault.ErrOpenedWrong) && !errors.Is(err, vault.ErrKeyMissing) {
			t.Fatalf("no known fault: %v", err)
		}
		if fault.KindOf(err) != fault.Broken {
			t.Fatalf("kind %v", fault.KindOf(err))
		}
	})
}

func BenchmarkSeal8KB(b *testing.B) {
	v, _ := setup(b)
	plain := bytes.Repeat([]byte("z"), 8<<10)
	var buf vault.Sealed
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = v.AppendSeal(buf, class, month, aad, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	v := newVault(b, nil)
	value := []byte("062892177625")
	b.ReportAllocs()
	for b.Loop() {
		v.Hash(vault.Citizen, value)
	}
}
