package table_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"lienthong/internal/registry/table"
)

// sized is a file as a source.
type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

// BenchmarkLarge reads a CSV file of TABLE_MB megabytes (default 20) in which every
// tenth row is in an old encoding, and tells how much memory it held at most.
func BenchmarkLarge(b *testing.B) {
	megabytes := 20
	if text := os.Getenv("TABLE_MB"); text != "" {
		var err error
		if megabytes, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	f, rows := large(b, int64(megabytes)<<20)
	defer f.Close()
	b.SetBytes(f.size)
	for b.Loop() {
		held, began := uint64(0), time.Now()
		r, err := table.Open(f)
		if err != nil {
			b.Fatal(err)
		}
		n, mixed := 0, 0
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(row.Cells) != 6 {
				b.Fatalf("row %d: %v %v", n, row, err)
			}
			if len(row.Codes) > 0 {
				mixed++
			}
			if n++; n%100_000 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				held = max(held, m.HeapInuse)
			}
		}
		if n != rows || mixed != rows/10 {
			b.Fatalf("%d rows of %d, %d in another encoding", n, rows, mixed)
		}
		b.ReportMetric(float64(held>>20), "MiB-held")
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "rows/s")
	}
}

// large writes the file; its rows are whole tens.
func large(b *testing.B, size int64) (sized, int) {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "large.csv"))
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	written, rows := 0, 0
	put := func(line []byte) {
		n, err := w.Write(line)
		if err != nil {
			b.Fatal(err)
		}
		written += n
	}
	put([]byte("Số GPHN,CCCD,Họ và tên,Ngày sinh,Chức danh,Nơi cấp\n"))
	old := windows1258(b, ",Trần Thị Thu Hà,02/03/1990,nurse,\"Sở Y tế Giả lập, tỉnh số 7\"\n")
	for int64(written) < size || rows%10 != 0 {
		head := fmt.Appendf(nil, "%08d/BS-GPHN,0799%08d", rows, rows%100_000_000)
		if rows%10 == 9 {
			put(append(head, old...))
		} else {
			put(append(head, ",Nguyễn Thị Ánh,15/07/1985,doctor,\"Sở Y tế Giả lập, tỉnh số 27\"\n"...))
		}
		rows++
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return sized{f, int64(written)}, rows
}
