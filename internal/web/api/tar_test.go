package api_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/web/api"
)

func TestATarIsAWrapper(t *testing.T) {
	t.Parallel()
	body := pack(t, member{"a.xml", "ok"}, member{"dir/b.xml", "bad"}, member{"a.xml", "two"}, member{"c.xml", "busy"}, member{"c.xml.jws", "x"},
		member{"d.xml", "broken"}, member{"e.xml", "panic"}, member{"f.xml", ""})
	for name, c := range map[string]struct {
		body    []byte
		headers []string
	}{
		"plain": {body, nil},
		"gzip":  {gzipped(t, body), []string{"Content-Encoding: gzip"}},
		"zstd":  {zstded(t, body), []string{"Content-Encoding: zstd"}},
	} {
		w := setup(t)
		rec := w.send(string(c.body), append(c.headers, asTar)...)
		var got []string
		for _, r := range read[submission](t, rec).Results {
			got = append(got, fmt.Sprint(r.File, " ", r.Index, " ", r.State, r.Code, " ", r.Refused, r.Deferred))
		}
		want := []string{"a.xml 0 accepted_with_warnings false false", "dir/b.xml 0 seal.broken true false", "a.xml 0 accepted_with_warnings false false",
			"a.xml 1 accepted_with_warnings false false", "c.xml 0 hub.busy false true", "d.xml 0 hub.busy false true", "e.xml 0 hub.busy false true",
			"f.xml 0 accepted_with_warnings false false"}
		if rec.Code != 200 || !slices.Equal(got, want) {
			t.Errorf("%s: %d\n%s", name, rec.Code, strings.Join(got, "\n"))
		}
		if strings.Contains(rec.Body.String(), "sector") || !strings.Contains(w.log.String(), "sector") {
			t.Errorf("%s: the cause of a defect belongs to the operator", name)
		}
		if w.intake.held != 0 {
			t.Errorf("%s: %d bytes are still held", name, w.intake.held)
		}
	}
}

func lines(t *testing.T, body string) []line {
	t.Helper()
	var out []line
	for s := bufio.NewScanner(strings.NewReader(body)); s.Scan(); {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, s.Text())
		}
		out = append(out, l)
	}
	return out
}

const ndjson = "Accept: application/x-ndjson"

func TestAStreamEndsWithItsLastLine(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := pack(t, member{"a", "ok"}, member{"b", "bad"}, member{"c", "two"})
	got := lines(t, w.send(string(body), asTar, ndjson).Body.String())
	if len(got) != 5 || !got[4].End || got[4].Results != 4 {
		t.Errorf("%+v", got)
	}
	if got := lines(t, w.send("two", ndjson).Body.String()); len(got) != 3 || !got[2].End || got[2].Results != 2 {
		t.Errorf("a lone file: %+v", got)
	}
	rec := w.send("bad", ndjson)
	if got := lines(t, rec.Body.String()); rec.Code != 422 || len(got) != 2 || !got[0].Refused || !got[1].End {
		t.Errorf("refused alone: %d %+v", rec.Code, got)
	}
}

// What is damaged or over a limit breaks the tar off: what was decided before
// is answered, then the reason, and a stream has no last line.
func TestATarThatBreaksOff(t *testing.T) {
	t.Parallel()
	whole := pack(t, member{"a", "ok"}, member{"b", "ok"}, member{"c", "ok"})
	noEnd := whole[:len(whole)-1024]
	half := slices.Clone(whole[:1024+512+700])
	damaged := slices.Clone(whole)
	copy(damaged[1024:], bytes.Repeat([]byte{0xff}, 200))
	for name, c := range map[string]struct {
		body   []byte
		change func(*api.Config)
		code   string
		before int
	}{
		"cut between members": {noEnd, nil, "file.unreadable", 3},
		"cut in a member":     {half, nil, "file.unreadable", 2},
		"damaged":             {damaged, nil, "file.unreadable", 1},
		"too many members":    {whole, func(c *api.Config) { c.TarMembers = 2 }, "file.limits", 2},
		"too long":            {whole, func(c *api.Config) { c.TarLimit = 1500 }, "file.limits", 1},
	} {
		w := setup(t)
		if c.change != nil {
			w = setup(t, c.change)
		}
		rec := w.send(string(c.body), asTar, ndjson)
		got := lines(t, rec.Body.String())
		if len(got) != c.before+1 || got[len(got)-1].End || !got[len(got)-1].Refused || got[len(got)-1].Code != c.code {
			t.Errorf("%s: %s", name, rec.Body)
		}
		rec = w.send(string(c.body), asTar)
		if all := read[submission](t, rec).Results; rec.Code != 200 || len(all) != c.before+1 || all[c.before].Code != c.code {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if !slices.Contains(w.intake.unread, c.code) || w.intake.held != 0 {
			t.Errorf("%s: kept %v, held %d", name, w.intake.unread, w.intake.held)
		}
	}
	w := setup(t)
	one(t, w.send("", asTar), 422, "file.unreadable")
	one(t, w.send("<GIAMDINHHS/>", asTar), 422, "file.unreadable")
	one(t, w.send(string(gzipped(t, whole)[:20]), asTar, "Content-Encoding: gzip"), 422, "file.unreadable")
	w.intake.stopping = true
	if rec := w.send(string(whole), asTar); rec.Code != 503 || read[line](t, rec).Code != "hub.stopping" || rec.Header().Get("Retry-After") == "" {
		t.Errorf("stopping: %d %s", rec.Code, rec.Body)
	}
}

// headers are members whose bytes are not what they are said to be.
func TestMembersThatAreNoFiles(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range []*tar.Header{
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "dir/", Typeflag: tar.TypeDir},
		{Name: "pipe", Typeflag: tar.TypeFifo},
	} {
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Flush(); err != nil {
		t.Fatal(err)
	}
	b.Write(sparseMember(t, "holes", 30<<20))
	b.Write(pack(t, member{"big", strings.Repeat("x", 3000)}, member{"a", "ok"}))
	w := setup(t, func(c *api.Config) { c.FileLimit = 2000 })
	var got []string
	for _, r := range read[submission](t, w.send(b.String(), asTar)).Results {
		got = append(got, r.File+" "+r.Code)
	}
	want := []string{"link file.unreadable", "pipe file.unreadable", "holes file.unreadable", "big file.limits", "a "}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A name is repeated by the answer: a few bytes of a compressed tar must not
// become gigabytes there.
func TestANameIsNotRepeatedWithoutEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	long := strings.Repeat("tệp", 100_000)
	got := read[submission](t, w.send(string(pack(t, member{long, "ok"}, member{"a", "ok"})), asTar)).Results
	if len(got) != 2 || got[0].Code != "file.limits" || len(got[0].File) > 1024 || !strings.HasPrefix(long, got[0].File) || got[1].File != "a" {
		t.Errorf("%.2000v", got)
	}
	if len(w.intake.files) != 1 {
		t.Errorf("%d files were taken", len(w.intake.files))
	}
}

// sparseMember is a file of one hole in GNU's PAX form: nothing in the tar,
// size bytes to whoever reads it.
func sparseMember(t *testing.T, name string, size int) []byte {
	t.Helper()
	records := ""
	for _, kv := range [][2]string{{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.name", name}, {"GNU.sparse.realsize", fmt.Sprint(size)}} {
		body := " " + kv[0] + "=" + kv[1] + "\n"
		n := len(body) + 2
		if n >= 100 {
			n++
		}
		records += fmt.Sprintf("%d%s", n, body)
	}
	var b bytes.Buffer
	b.Write(rawHeader("pax", 'x', len(records)))
	b.WriteString(records + strings.Repeat("\x00", 512-len(records)%512))
	b.Write(rawHeader(name, '0', 512))
	b.WriteString("1\n" + fmt.Sprint(size) + "\n0\n")
	for b.Len()%512 != 0 {
		b.WriteByte(0)
	}
	return b.Bytes()
}

func rawHeader(name string, kind byte, size int) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000600\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00%011o\x00        ", size, 0))
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}
