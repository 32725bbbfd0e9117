package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/command"
)

// Cmd are the simulated services.
type Cmd struct {
	Insurer insurerCmd `cmd:"" help:"Run a simulated social insurance gateway."`
	VNeID   vneidCmd   `cmd:"" name:"vneid" help:"Run a simulated VNeID: health book, logins and phones of citizens."`

	Staff staffCmd `cmd:"" help:"Run a simulated OpenID provider of staff."`

	Prescription prescriptionCmd `cmd:"" help:"Run a simulated national prescription system."`
	Population   populationCmd   `cmd:"" help:"Run a simulated national population database."`
	Axis         axisCmd         `cmd:"" help:"Run a simulated data axis of the ministry."`
	Webhook      webhookCmd      `cmd:"" help:"Run somebody's receiver of webhooks."`
	Feed         feedCmd         `cmd:"" help:"Run another body's feed of entries of a database."`
	CSC          cscCmd          `cmd:"" name:"csc" help:"Run a simulated remote signing service (CSC API v2)."`
}

// common are the flags of every simulated service.
type common struct {
	Listen  string `default:"127.0.0.1:0" help:"Address to answer at; port 0 takes a free one."`
	Fault   string `help:"Faults, such as 401:after=10:count=1,slow=5s:p=0.1 (doc/guide/simulators.md)."`
	Seed    uint64 `default:"1" help:"Seed of the faults' chance."`
	Journal string `help:"File that gets one JSON line for each thing recorded; an earlier run's is counted on." type:"path"`
	JSON    bool   `name:"json" help:"Print the address as JSON."`
}

// faults are the faults asked for.
func (c *common) faults() faulty.Config { return faulty.Config{Spec: c.Fault, Seed: c.Seed} }

// journal opens the journal to read what was, and to append: nothing and nothing
// without one. A last line that was cut off is taken away first.
func (c *common) journal() (earlier io.Reader, now io.Writer, end func() error, err error) {
	if c.Journal == "" {
		return nil, nil, func() error { return nil }, nil
	}
	f, err := os.OpenFile(c.Journal, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, nil, err
	}
	size, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, f.Close())
	}
	return io.NewSectionReader(f, 0, size), f, f.Close, nil
}

// closing ends a journal; its error counts where there is no other.
func closing(end func() error, err *error) {
	if e := end(); *err == nil {
		*err = e
	}
}

// wholeLines returns how much of the file are whole lines.
func wholeLines(f *os.File) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	last := make([]byte, 1)
	for ; end > 0; end-- {
		if _, err := f.ReadAt(last, end-1); err != nil {
			return 0, err
		}
		if last[0] == '\n' {
			break
		}
	}
	return end, nil
}

// serve answers until ctx ends. It prints name and address, once it listens.
func (c *common) serve(ctx context.Context, s *command.Streams, name string, handler http.Handler) error {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	url := "http://" + l.Addr().String()
	if c.JSON {
		err = json.NewEncoder(s.Out).Encode(map[string]string{"simulator": name, "url": url})
	} else {
		_, err = fmt.Fprintf(s.Out, "%s (simulated): %s\n", name, url)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// readJSON reads a file of JSON into v; "" leaves v alone. Members nobody knows
// are refused.
func readJSON(name string, v any) error {
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
