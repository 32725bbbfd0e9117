package tally

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"lienthong/internal/bridge/faulty"
)

// Front is a whole simulator: its services, with the faults in front of them
// and everything counted, and beside them the door that tests and scripts ask:
//
//	GET /simulator/counts                                        Counts
//	GET /simulator/records?facility=&day=&kind=&episode=&held=1&after=&limit=   {"records":[Entry...]}
//	PUT /simulator/faults                                        the description as the body; 204, or 400
//
// The door itself is neither counted nor faulty. Paths are counted by the
// pattern that serves them, all others together as "other".
func Front(services *http.ServeMux, faults *faulty.Faults, book *Book) http.Handler {
	front := http.NewServeMux()
	front.HandleFunc("GET /simulator/counts", func(w http.ResponseWriter, _ *http.Request) {
		c := book.Counts()
		c.Faults = faults.Fired()
		WriteJSON(w, http.StatusOK, c)
	})
	front.HandleFunc("GET /simulator/records", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		after, _ := strconv.Atoi(q.Get("after"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		WriteJSON(w, http.StatusOK, struct {
			Records []Entry `json:"records"`
		}{book.Entries(Select{Facility: q.Get("facility"), Day: q.Get("day"), Kind: q.Get("kind"), Episode: q.Get("episode"),
			Held: q.Get("held") == "1", After: after, Limit: limit})})
	})
	front.HandleFunc("PUT /simulator/faults", func(w http.ResponseWriter, r *http.Request) {
		spec, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err == nil {
			err = faults.Set(string(spec))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	front.HandleFunc(faulty.Elsewhere, func(w http.ResponseWriter, r *http.Request) { // who follows a redirect ends here
		book.Asked(faulty.Elsewhere)
		http.NotFound(w, r)
	})
	faultyServices := faults.Handler(services)
	front.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		book.Asked(served(services, r))
		faultyServices.ServeHTTP(w, r)
	})
	return front
}

// served returns the pattern that serves a request, without its method, "other"
// for none.
func served(services *http.ServeMux, r *http.Request) string {
	_, pattern := services.Handler(r)
	return Pattern(pattern)
}

// Pattern returns a pattern without its method, "other" for none.
func Pattern(pattern string) string {
	for i := range len(pattern) {
		if pattern[i] == '/' {
			return pattern[i:]
		}
	}
	return "other"
}

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
