package words_test

import "testing"

func TestACatalogueTakesFurtherSentences(t *testing.T) {
	t.Parallel()
	c := load(t)
	more, err := c.With([]byte(`{"x.y":"Máy trạm {0}"}`), []byte(`{"x.y":"Agent {0}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := more.In("vi").T("x.y", 3); got != "Máy trạm 3" {
		t.Error(got)
	}
	if got := more.In("en").T("age.days", 2); got != c.In("en").T("age.days", 2) {
		t.Error(got)
	}
	if c.In("vi").Has("x.y") {
		t.Error("the first catalogue was changed")
	}
	for name, x := range map[string][2]string{"one language": {`{"x.y":"a"}`, `{}`}, "there already": {`{"age.days":"a"}`, `{"age.days":"a"}`}, "no JSON": {"{", "{}"}} {
		if _, err := c.With([]byte(x[0]), []byte(x[1])); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
