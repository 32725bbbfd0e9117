package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/bench/boards"
	"lienthong/internal/command"
)

type benchBoardCmd struct {
	Facilities int           `default:"13000" help:"Facilities, spread over levels and provinces."`
	Records    int64         `default:"7000000" help:"Records that the counters tell of."`
	Laid       int           `help:"Rows of records laid in; default one for each facility."`
	Days       int           `default:"30" help:"Days they came on."`
	Tasks      int           `default:"100000" help:"Tasks of units and facilities, every other one done."`
	Rate       float64       `default:"10" help:"Pages a second: the board, its refresh, a province's, in turn."`
	Duration   time.Duration `default:"30s" help:"How long."`
	Database   string        `help:"File (mode 0600) with the URL of an empty PostgreSQL database; default the embedded store." type:"path"`
	Dir        string        `help:"Directory for the hub's data; default a temporary one on this disk." type:"path"`
	Profile    string        `help:"Write a CPU profile here." type:"path"`
	JSON       bool          `name:"json" help:"As JSON."`
}

// Run measures boards.
func (c *benchBoardCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lienthong-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	p, err := command.MakePlace(filepath.Join(dir, "hub"), command.PlaceFile{Name: "bench.lienthong", Keys: filepath.Join(dir, "keys"), Database: c.Database})
	if err != nil {
		return err
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return err
	}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return errors.Join(err, f.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, f.Close())
		}()
	}
	r, err := boards.Measure(ctx, boards.Config{Hub: boards.Hub{Slices: h.Slices, Handler: h.Handler(), Refresh: h.Trust.Refresh, Link: h.Office.MakeLink},
		Facilities: c.Facilities, Records: c.Records, Laid: c.Laid, Days: c.Days, Tasks: c.Tasks, Rate: c.Rate, Duration: c.Duration, Progress: s.Err})
	if err = errors.Join(err, h.Close()); err != nil {
		return err
	}
	if c.JSON {
		return command.WriteJSON(s.Out, r)
	}
	rows := []bench.Row{{VI: "Trang đầu của Bộ", EN: "The ministry's first page", Value: r.Board.String()}, {VI: "Làm mới mười giây một lần", EN: "Its refresh every ten seconds", Value: r.Live.String()},
		{VI: "Trang đầu của một tỉnh", EN: "A province's first page", Value: r.Province.String()}, {VI: "Lần đầu sau khi chạy", EN: "The first after the start", Value: fmt.Sprintf("%.0f ms", r.First)},
		{VI: "Cơ sở, hồ sơ", EN: "Facilities, records", Value: fmt.Sprintf("%d, %d", r.Facilities, r.Records)}}
	for _, o := range r.Others {
		rows = append(rows, bench.Row{VI: o.Path, EN: "afterwards", Value: o.Latency.String()})
	}
	return bench.PrintTable(s.Out, "Bảng số liệu", "Boards", r.Machine, rows)
}
