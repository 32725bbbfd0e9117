package problem_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/web/problem"
)

func TestEveryKindHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{fault.Broken: 500, fault.Invalid: 422, fault.Unauthenticated: 401, fault.Withheld: 403, fault.Absent: 404,
		fault.Conflict: 409, fault.Busy: 503, fault.TooLarge: 413, fault.TooMany: 429}
	for k, status := range want {
		if got := problem.Status(fault.New(k, "x", "x", "x")); got != status {
			t.Errorf("%v: %d, want %d", k, got, status)
		}
	}
}

func TestACauseNeverLeaves(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	w := httptest.NewRecorder()
	problem.Write(w, httptest.NewRequest("GET", "/", nil), slog.New(slog.NewTextHandler(&logged, nil)), errors.New("password of disk: swordfish"))
	body, _ := io.ReadAll(w.Result().Body)
	if strings.Contains(string(body), "swordfish") {
		t.Errorf("the cause left: %s", body)
	}
	if !strings.Contains(logged.String(), "swordfish") {
		t.Error("the operator does not see the cause")
	}
	var p problem.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Status != 500 || p.Code != "hub.broken" || p.Message.VI == "" {
		t.Errorf("%+v, %v", p, err)
	}
}
