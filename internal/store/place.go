package store

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// FeedPlace is a place in the order of commits: of each log the index of the
// next leaf that was not read. The order is exact within a log; logs go beside
// each other. A log begun later, also after a restore, is read from its start.
type FeedPlace map[int]uint64

// mostFeedLogs bounds a place: a hub has few logs, one for each process and restore.
const mostFeedLogs = 256

// ParseFeedPlace reads what String wrote: "0.17-2.5". Fault: feed.cursor.
func ParseFeedPlace(s string) (FeedPlace, error) {
	p := FeedPlace{}
	if s == "" {
		return p, nil
	}
	last := -1
	for part := range strings.SplitSeq(s, "-") {
		log, next, ok := strings.Cut(part, ".")
		n, err := strconv.ParseUint(log, 10, 31)
		i, err2 := strconv.ParseUint(next, 10, 63)
		if !ok || err != nil || err2 != nil || int(n) <= last || len(p) == mostFeedLogs ||
			strconv.FormatUint(n, 10) != log || strconv.FormatUint(i, 10) != next {
			return nil, ErrFeedPlace
		}
		last = int(n)
		p[last] = i
	}
	return p, nil
}

// String returns the text that ParseFeedPlace reads.
func (p FeedPlace) String() string {
	parts := make([]string, 0, len(p))
	for _, log := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, strconv.Itoa(log)+"."+strconv.FormatUint(p[log], 10))
	}
	return strings.Join(parts, "-")
}

// Take takes at most limit records out of lists of one log each, in the order of
// their leaves, the one received first first, and moves the place behind them.
func (p FeedPlace) Take(lists [][]Fed, limit int) []Fed {
	var out []Fed
	for len(out) < limit {
		first := -1
		for i, l := range lists {
			if len(l) > 0 && (first < 0 || l[0].Received.Before(lists[first][0].Received)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		f := lists[first][0]
		lists[first] = lists[first][1:]
		p[f.Place.Log] = f.Place.Index + 1
		out = append(out, f)
	}
	return out
}

// Changes reports whether the record's commit may have changed others of its
// facility: those it superseded or withdrew.
func (r *Record) Changes() bool {
	return r.Version > 1 || !r.Supersedes.IsZero() || !r.Withdraws.IsZero()
}
