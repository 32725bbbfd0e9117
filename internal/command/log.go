package command

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"lienthong/internal/hub"
)

func Scheme(cert string) string {
	if cert != "" {
		return "https"
	}
	return "http"
}

func Logger(w io.Writer, asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(tint.NewHandler(w, &tint.Options{TimeFormat: time.TimeOnly, NoColor: !IsTerminal(w)}))
}

// IsTerminal reports whether a person watches.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Quiet is the configuration of a hub that is opened for one act.
func Quiet() hub.Config { return hub.Config{Logger: slog.New(slog.DiscardHandler)} }
