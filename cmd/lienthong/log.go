package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"lienthong/internal/hub"
)

func scheme(cert string) string {
	if cert != "" {
		return "https"
	}
	return "http"
}

func logger(w io.Writer, asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(tint.NewHandler(w, &tint.Options{TimeFormat: time.TimeOnly, NoColor: !isTerminal(w)}))
}

// isTerminal reports whether a person watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// quiet is the configuration of a hub that is opened for one act.
func quiet() hub.Config { return hub.Config{Logger: slog.New(slog.DiscardHandler)} }
