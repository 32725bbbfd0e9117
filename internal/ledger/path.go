package ledger

import (
	"strconv"
	"strings"

	"lienthong/internal/fault"
)

// ErrPath: not a C2SP tile path.
var ErrPath = fault.New(fault.Absent, "ledger.path",
	"Đường dẫn sổ nhật ký không đúng dạng.", "This is not a path of the log.")

const maxTileLevel = 63

// TilePath is what a C2SP tile path names.
type TilePath struct {
	Entries bool // an entry bundle; Level is then 0
	Level   int  // 0 to 63
	N       uint64
	Width   int // 1 to 256; 256 is a full tile, spelled without ".p"
}

// String spells the path: "tile/<L>/<N>[.p/<W>]" or "tile/entries/<N>[.p/<W>]".
func (p TilePath) String() string {
	n := p.N
	groups := three(n % 1000)
	for n >= 1000 {
		n /= 1000
		groups = "x" + three(n%1000) + "/" + groups
	}
	level := strconv.Itoa(p.Level)
	if p.Entries {
		level = "entries"
	}
	out := "tile/" + level + "/" + groups
	if p.Width != TileWidth {
		out += ".p/" + strconv.Itoa(p.Width)
	}
	return out
}

func three(n uint64) string {
	s := strconv.FormatUint(n, 10)
	return "000"[len(s):] + s
}

// ParseTilePath reads a C2SP tlog-tiles path, without leading slash, in its one
// right spelling. Anything else is ErrPath. (tlog's own Path has a height in it
// and is another format.)
func ParseTilePath(path string) (TilePath, error) {
	if len(path) > 64 {
		return TilePath{}, ErrPath
	}
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return TilePath{}, ErrPath
	}
	level, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return TilePath{}, ErrPath
	}
	p := TilePath{Width: TileWidth}
	if level == "entries" {
		p.Entries = true
	} else if p.Level, ok = decimal(level, maxTileLevel); !ok {
		return TilePath{}, ErrPath
	}
	number, width, partial := strings.Cut(rest, ".p/")
	if partial {
		if p.Width, ok = decimal(width, TileWidth-1); !ok || p.Width == 0 {
			return TilePath{}, ErrPath
		}
	}
	for _, g := range strings.Split(number, "/") {
		n, err := strconv.ParseUint(strings.TrimPrefix(g, "x"), 10, 10)
		if err != nil || n > 999 || p.N > MaxSize/1000 {
			return TilePath{}, ErrPath
		}
		p.N = p.N*1000 + n
	}
	// One spelling only: everything let through above but spelled otherwise
	// (signs, missing or spare groups and zeroes) is caught here.
	if p.N > MaxSize>>TileHeight || p.String() != path {
		return TilePath{}, ErrPath
	}
	return p, nil
}

// decimal reads up to three digits without leading zeroes, at most limit.
func decimal(s string, limit int) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || int(n) > limit || strconv.FormatUint(n, 10) != s {
		return 0, false
	}
	return int(n), true
}
