package rehearsal_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/quality"
	"lienthong/internal/rehearsal"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
)

// shelf is a store of books as they stand.
type shelf struct {
	house.Rules // nothing else is asked
	books       []house.Book
	texts       map[int]string
}

func (s *shelf) In(_ context.Context, states ...string) ([]house.Book, error) {
	return slices.DeleteFunc(slices.Clone(s.books), func(b house.Book) bool { return !slices.Contains(states, b.State) }), nil
}

func (s *shelf) Edition(_ context.Context, id, n int) (house.Edition, error) {
	return house.Edition{Book: id, Edition: n, Text: s.texts[id]}, nil
}

func TestWhatIsJudgedByFollowsTheStore(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../rulebook/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(good), "SO_LUONG", "SOLUONG", 1)
	var log bytes.Buffer
	s := &shelf{texts: map[int]string{1: string(good), 2: broken, 3: broken, 4: strings.Replace(string(good), "word: correct", "word: clean", 1)}}
	live := rehearsal.NewLive(quality.V1(), compiler(), s, slog.New(slog.NewTextHandler(&log, nil)))
	refresh := func(want string, fails bool, books ...house.Book) {
		t.Helper()
		s.books = books
		err := live.Refresh(t.Context())
		if fails != errors.Is(err, rehearsal.ErrProblems) || !fails && err != nil {
			t.Errorf("%v: %v", books, err)
		}
		if got := live.Pack().String(); got != "v1/2026.2"+want {
			t.Errorf("judged by %s, want %s", got, want)
		}
	}
	one := house.Book{ID: 1, State: rehearsal.Active, Edition: 1}
	refresh("", false)
	refresh("+r1", false, one)
	if w := live.Words(); w["XML2.SO_LUONG.high"] != score.Correct {
		t.Errorf("words: %v", w)
	}

	// one that another release took is not judged by, and is told of while it stands
	two := house.Book{ID: 2, State: rehearsal.Active, Edition: 1}
	refresh("+r1", true, two)
	refresh("+r1", false, two) // said once
	if u := live.Unread(); len(u) != 1 || u[0].ID != 2 || u[0].State != rehearsal.Active || len(u[0].Problems) == 0 {
		t.Errorf("unread: %+v", u)
	}
	if n := strings.Count(log.String(), "book=r2 state=active"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	refresh("+r1", false, one)
	if u := live.Unread(); len(u) != 0 {
		t.Errorf("unread when it stands no more: %+v", u)
	}

	// one of before that cannot be read keeps nobody from judging, and is logged
	three := house.Book{ID: 3, State: rehearsal.Retired, Edition: 1, Day: 20260101}
	refresh("+r1", false, one, three)
	if !strings.Contains(log.String(), "book=r3 state=past") || len(live.Unread()) != 0 {
		t.Errorf("not logged: %s", log.String())
	}

	// the word is that of the book in force; what is only announced counts as nothing
	announced := house.Book{ID: 4, State: rehearsal.Warning, Edition: 1, Day: 20991201}
	refresh("+r1~r4", false, one, announced)
	w := live.Words()
	if soon, own := w["XML2.SO_LUONG.high.soon"]; w["XML2.SO_LUONG.high"] != score.Correct || soon != "" || !own {
		t.Errorf("announced: %v", w)
	}
	refresh("+r4", false, house.Book{ID: 4, State: rehearsal.Active, Edition: 1}, house.Book{ID: 1, State: rehearsal.Retired, Edition: 1, Day: 20260101})
	if w := live.Words(); w["XML2.SO_LUONG.high"] != score.Clean {
		t.Errorf("in force: %v", w)
	}
}
