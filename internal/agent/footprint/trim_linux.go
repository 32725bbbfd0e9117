package footprint

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// trim gives back every page of this program's file that is mapped for reading
// only (madvise(2), MADV_DONTNEED): nothing is lost, the file has them.
func trim() (n int64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("footprint: %w", err)
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0, fmt.Errorf("footprint: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		from, to, ok := ofProgram(lines.Text(), self)
		if !ok {
			continue
		}
		if _, _, no := syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED); no != 0 {
			err = errors.Join(err, no)
			continue
		}
		n += int64(to - from)
	}
	return n, errors.Join(err, lines.Err())
}

// ofProgram reads a line of /proc/PID/maps (proc(5)), "FROM-TO rw-p OFFSET DEV INODE PATH":
// where a private mapping of the program lies that nothing can have been written to.
func ofProgram(line, self string) (from, to uintptr, ok bool) {
	f := strings.Fields(line)
	if len(f) < 6 || (f[1] != "r-xp" && f[1] != "r--p") || f[5] != self {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(f[0], "-")
	low, err := strconv.ParseUint(a, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	high, err := strconv.ParseUint(b, 16, 64)
	return uintptr(low), uintptr(high), err == nil && high > low
}
