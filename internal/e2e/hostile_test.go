package e2e_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/admin"
)

var updateHostile = flag.Bool("update-hostile", false, "make testdata/hostile anew; needs xmlsec1")

// kept are files made once by xmlsec1 with what is wanted of them: their
// signatures are judged on every machine, also where xmlsec1 is not installed.
var kept = filepath.Join("..", "..", "testdata", "hostile", "corpus.tar.zst")

// TestKeptFilesKeepTheirVerdict judges the files of testdata/hostile.
func TestKeptFilesKeepTheirVerdict(t *testing.T) {
	t.Parallel()
	if *updateHostile {
		keep(t)
	}
	engines(t, func(t *testing.T, w *world) {
		certificates, samples := readKept(t)
		w.facility(admin.Facility{Code: "79901", Certificates: []string{certificates}})
		if len(samples) < 100 {
			t.Fatalf("only %d files are kept", len(samples))
		}
		judge(t, w, samples)
	})
}

func readKept(t *testing.T) (certificates string, samples []sample) {
	t.Helper()
	packed, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := must(zstd.NewReader(nil)).DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(plain)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = must(io.ReadAll(r))
	}
	for line := range strings.Lines(string(files["manifest.tsv"])) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		samples = append(samples, sample{name: cells[2], want: cells[1], data: files[cells[0]]})
	}
	return string(files["certificates.pem"]), samples
}

// keep makes the kept files anew.
func keep(t *testing.T) {
	t.Helper()
	x := needXmlsec(t)
	list := xmlsecSamples(x)
	for _, s := range append(signForms(t, append(unusualForms(), brokenForms()...)), signTurns(append(rejections(), findingsOnly()...))...) {
		if strings.HasSuffix(s.name, "xmlsec1") {
			list = append(list, s)
		}
	}
	k := pairs()
	var b, manifest bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, data []byte) {
		must(0, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}))
		must(w.Write(data))
	}
	for i, s := range list {
		name := fmt.Sprintf("%03d.xml", i)
		fmt.Fprintf(&manifest, "%s\t%s\t%s\n", name, s.want, s.name)
		put(name, s.data)
	}
	put("manifest.tsv", manifest.Bytes())
	put("certificates.pem", []byte(pemOf(k.ec.Certificate)+pemOf(k.rsa.Certificate)+pemOf(k.now29.Certificate)+pemOf(k.past31.Certificate)+pemOf(k.p384.Certificate)+pemOf(k.short.Certificate)))
	must(0, w.Close())
	best := must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression)))
	must(0, os.MkdirAll(filepath.Dir(kept), 0o755))
	must(0, os.WriteFile(kept, best.EncodeAll(b.Bytes(), nil), 0o644))
}
