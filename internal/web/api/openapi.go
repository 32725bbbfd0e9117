package api

import (
	_ "embed"
	"net/http"
)

// document describes this interface to programs: OpenAPI 3.1, kept by hand
// (ADR 0005). Tests hold every route, status and member against it.
//
//go:embed openapi.json
var document []byte

// openapi answers GET /openapi.json.
func (a *API) openapi(w http.ResponseWriter, _ *http.Request, _ Caller) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(document) // a reader that has gone asks again
	return nil
}
