package ministry

import (
	"context"
	"errors"
	"time"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	storehouse "lienthong/internal/store/house"
)

// ScoreConfig says to which hub files are sent, and where its scores are asked for.
type ScoreConfig struct {
	Target bench.Target
	Corpus *bench.Corpus
	Scores storehouse.Scores
	Files  int // one after the other
}

// errScore: a record was accepted, and its score did not move for ten seconds.
var errScore = errors.New("bench: a record has a receipt and no score")

// Score sends one dossier at a time and, when its receipt is there, asks for the
// quality of its facility's day until it is counted: how long that takes.
func Score(ctx context.Context, c ScoreConfig) (bench.Latency, error) {
	list, err := c.Corpus.Single(c.Files)
	if err != nil {
		return bench.Latency{}, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return bench.Latency{}, err
	}
	s, err := bench.Connect(ctx, c.Target, c.Corpus.Facilities()...)
	if err != nil {
		return bench.Latency{}, err
	}
	defer s.Close()
	var took []time.Duration
	for _, d := range list {
		before, err := c.counted(ctx, d.Facility)
		if err != nil {
			return bench.Latency{}, err
		}
		counts, wait, err := s.Post(ctx, d.Facility, "application/xml", z.EncodeAll(d.XML, nil))
		if err != nil {
			return bench.Latency{}, err
		}
		if wait > 0 || counts.Accepted != 1 {
			return bench.Latency{}, errScore
		}
		began := time.Now()
		for n := before; n == before; {
			if n, err = c.counted(ctx, d.Facility); err != nil {
				return bench.Latency{}, err
			}
			if time.Since(began) > 10*time.Second {
				return bench.Latency{}, errScore
			}
		}
		took = append(took, time.Since(began))
	}
	return bench.LatencyOf(took), nil
}

// counted is how many records of a facility's day are in its score.
func (c ScoreConfig) counted(ctx context.Context, facility string) (n int64, err error) {
	day := clock.Day(time.Now())
	sums, err := c.Scores.Sum(ctx, role.Scope{All: true}, storehouse.ScoreQuery{FromDay: day, ToDay: day, Facility: care.FacilityCode(facility), Subject: "qd4750"})
	for _, s := range sums {
		var most int64
		for _, check := range s.Tally {
			most = max(most, check.Applied)
		}
		n += most
	}
	return n, err
}
