//go:build linux

package forgetful_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lienthong/internal/chaos/forgetful"
)

// mounted is a disk at a directory, with the power to cut.
type mounted struct {
	t       *testing.T
	disk    *forgetful.Disk
	dir     string
	unmount func() error
}

func mount(t *testing.T) *mounted {
	t.Helper()
	m := &mounted{t: t, disk: forgetful.New(), dir: t.TempDir()}
	m.on()
	t.Cleanup(func() {
		if m.unmount != nil {
			m.must(m.unmount())
		}
	})
	return m
}

func (m *mounted) on() {
	m.t.Helper()
	var err error
	if m.unmount, err = m.disk.Mount(m.dir); err != nil {
		m.unmount = nil
		m.t.Skipf("*** SKIPPED: the forgetful disk cannot be mounted: %v", err)
	}
}

// cut takes the power and gives it back.
func (m *mounted) cut(r *rand.Rand) int64 {
	m.t.Helper()
	m.disk.PowerOff()
	m.must(m.unmount())
	lost := m.disk.PowerOn(r)
	m.on()
	return lost
}

func (m *mounted) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mounted) path(name string) string { return filepath.Join(m.dir, name) }

// put writes a file; sync says what is made durable: "f" file, "d" directory.
func (m *mounted) put(name, text, sync string) {
	m.t.Helper()
	f, err := os.OpenFile(m.path(name), os.O_CREATE|os.O_WRONLY, 0o600)
	m.must(err)
	_, err = f.WriteString(text)
	m.must(err)
	if strings.Contains(sync, "f") {
		m.must(f.Sync())
	}
	m.must(f.Close())
	if strings.Contains(sync, "d") {
		m.syncDir()
	}
}

func (m *mounted) syncDir() {
	m.t.Helper()
	d, err := os.Open(m.dir)
	m.must(err)
	m.must(d.Sync())
	m.must(d.Close())
}

func (m *mounted) want(name, text string) {
	m.t.Helper()
	b, err := os.ReadFile(m.path(name))
	switch {
	case text == "" && errors.Is(err, os.ErrNotExist):
	case err != nil || string(b) != text:
		m.t.Errorf("%s reads %q, %v; want %q", name, b, err, text)
	}
}

func TestOnlyWhatWasSyncedIsThereAfterACut(t *testing.T) {
	t.Parallel()
	m := mount(t)
	m.put("both", "one", "fd")
	m.put("later", "one", "fd")
	m.put("no name", "one", "f")
	m.put("later", "two", "")
	m.put("nothing", "one", "")
	m.want("later", "two")
	if lost := m.cut(nil); lost == 0 {
		t.Error("nothing was lost")
	}
	m.want("both", "one")
	m.want("no name", "")
	m.want("later", "one")
	m.want("nothing", "")
}

func TestNamesAreDurableWithTheirDirectory(t *testing.T) {
	t.Parallel()
	m := mount(t)
	m.put("a", "A", "fd")
	m.put("b", "B", "fd")
	m.must(os.Rename(m.path("a"), m.path("c")))
	m.must(os.Remove(m.path("b")))
	m.want("a", "")
	m.cut(nil)
	m.want("a", "A")
	m.want("b", "B")
	m.want("c", "")
	m.must(os.Rename(m.path("a"), m.path("c")))
	m.must(os.Remove(m.path("b")))
	m.syncDir()
	m.cut(nil)
	m.want("a", "")
	m.want("b", "")
	m.want("c", "A")
}

func TestATruncationIsForgottenToo(t *testing.T) {
	t.Parallel()
	m := mount(t)
	m.put("a", "0123456789", "fd")
	m.must(os.Truncate(m.path("a"), 3))
	m.want("a", "012")
	m.cut(nil)
	m.want("a", "0123456789")
}

func TestATornCutKeepsSectorsOfWhatWasWritten(t *testing.T) {
	t.Parallel()
	m := mount(t)
	old, young := strings.Repeat("o", 64<<10), strings.Repeat("y", 64<<10)
	m.put("a", old, "fd")
	m.put("a", young, "")
	m.cut(rand.New(rand.NewPCG(1, 2)))
	b, err := os.ReadFile(m.path("a"))
	m.must(err)
	kept := 0
	for at := 0; at < len(b); at += 512 {
		switch s := string(b[at : at+512]); s {
		case old[:512]:
		case young[:512]:
			kept++
		default:
			t.Fatalf("the sector at %d is neither old nor new", at)
		}
	}
	if len(b) != len(old) || kept < 30 || kept > 98 {
		t.Errorf("%d bytes, %d of 128 sectors are new", len(b), kept)
	}
	m.cut(rand.New(rand.NewPCG(1, 2)))
	if again, err := os.ReadFile(m.path("a")); err != nil || string(again) != string(b) {
		t.Errorf("what was read after a cut was not durable: %v", err)
	}
}

func TestALyingDiskLoses(t *testing.T) {
	t.Parallel()
	m := mount(t)
	m.disk.Lie(func(name string) bool { return name == "a" })
	m.put("a", "A", "fd")
	m.put("b", "B", "fd")
	m.cut(nil)
	m.want("a", "")
	if _, err := os.Stat(m.path("a")); err != nil {
		t.Errorf("its name was durable: %v", err)
	}
	m.want("b", "B")
}

func TestATrapFailsOneCall(t *testing.T) {
	t.Parallel()
	m := mount(t)
	var calls []string
	m.disk.Trap(func(op forgetful.Op) syscall.Errno {
		calls = append(calls, op.Call+" "+op.Name)
		if op.Call == "fsync" && op.Name == "a" {
			return syscall.EIO
		}
		return 0
	})
	f, err := os.OpenFile(m.path("a"), os.O_CREATE|os.O_WRONLY, 0o600)
	m.must(err)
	_, err = f.WriteString("A")
	m.must(err)
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the trapped call: %v", err)
	}
	m.must(f.Close())
	m.disk.Trap(nil)
	want := "create a, write a, fsync a, flush a"
	if got := strings.Join(calls, ", "); got != want {
		t.Errorf("the disk was asked to %s; want %s", got, want)
	}
	m.cut(nil)
	m.want("a", "")
}

func TestADiskIsLoadedAndDumped(t *testing.T) {
	t.Parallel()
	m := mount(t)
	from, to := t.TempDir(), t.TempDir()
	m.must(os.WriteFile(filepath.Join(from, "a"), []byte("A"), 0o600))
	m.must(m.disk.Load(from))
	m.cut(nil)
	m.want("a", "A")
	m.put("b", "B", "")
	m.must(m.disk.Dump(to))
	for name, text := range map[string]string{"a": "A", "b": "B"} {
		if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(b) != text {
			t.Errorf("%s was dumped as %q, %v", name, b, err)
		}
	}
}
