package simulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"lienthong/internal/fault"
)

// PathPassedOn is where a simulated health book takes what the insurer hands on.
const PathPassedOn = "/api/lienthong/passed-on"

// ErrRefused (simulator.refused): the health book will never take a dossier.
var ErrRefused = fault.New(fault.Invalid, "simulator.refused",
	"Sổ sức khỏe (giả lập) không nhận hồ sơ này.",
	"The simulated health book does not take this dossier.")

// PassOnTo returns a Config.PassOn that posts to the simulated health book at a
// URL. 4xx answers are ErrRefused, everything else is to be tried again.
func PassOnTo(client *http.Client, url string) func(ctx context.Context, facility string, doc []byte) error {
	url = strings.TrimSuffix(url, "/") + PathPassedOn
	return func(ctx context.Context, facility string, doc []byte) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(doc))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/xml")
		r.Header.Set("Facility", facility)
		res, err := client.Do(r)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the line is used again
		switch res.StatusCode / 100 {
		case 2:
			return nil
		case 4:
			return ErrRefused
		}
		return fmt.Errorf("simulator: passed on: HTTP %d", res.StatusCode)
	}
}
