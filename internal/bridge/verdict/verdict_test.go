package verdict_test

import (
	"errors"
	"testing"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/verdict"
	"lienthong/internal/exchange"
)

// TestTheLawOfStatuses is PAINS P1's table: which are tried again.
func TestTheLawOfStatuses(t *testing.T) {
	t.Parallel()
	s := verdict.Speaker("x")
	for status, want := range map[int]exchange.Outcome{301: exchange.Again, 400: exchange.Refused, 401: exchange.Again, 403: exchange.Refused, 404: exchange.Refused,
		408: exchange.Again, 409: exchange.Refused, 413: exchange.Refused, 422: exchange.Refused, 425: exchange.Again, 429: exchange.Again, 500: exchange.Again,
		501: exchange.Refused, 502: exchange.Again, 503: exchange.Again, 504: exchange.Again, 505: exchange.Refused, 507: exchange.Again, 508: exchange.Refused, 511: exchange.Refused} {
		got, ok := s.Status(outbound.Reply{Status: status, Wait: 3 * time.Second}, 200)
		if ok || got.Outcome != want || !got.Sent || got.Wait != 3*time.Second {
			t.Errorf("%d: %+v %v", status, got, ok)
		}
		if whole := status == 301 || status == 401 || want == exchange.Again && status >= 500; got.Whole != whole {
			t.Errorf("%d: whole %v", status, got.Whole)
		}
	}
	if _, ok := s.Status(outbound.Reply{Status: 201}, 200, 201); !ok {
		t.Error("201 is not good")
	}
}

func TestFailedCalls(t *testing.T) {
	t.Parallel()
	if got := verdict.Failed(outbound.Reply{Sent: true}, outbound.ErrUnreachable); got.Outcome != exchange.Again || !got.Sent || !got.Whole || got.Code != "outbound.unreachable" {
		t.Errorf("%+v", got)
	}
	if got := verdict.Failed(outbound.Reply{}, outbound.ErrAddress.Because(errors.New("x"))); got.Outcome != exchange.Refused {
		t.Errorf("%+v", got)
	}
}

func TestForeignTexts(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"125": true, "CM_SUCCESS": true, "": false, "a b": false, "lỗi": false, "a\n": false} {
		if verdict.Plain(code) != want {
			t.Errorf("%q", code)
		}
	}
	if got := verdict.Reference(" GD\x00-1 đ "); got != "GD-1 " {
		t.Errorf("%q", got)
	}
	if verdict.InHeader("") || verdict.InHeader("a b") || !verdict.InHeader("eyJ.x") {
		t.Error("tokens")
	}
}
