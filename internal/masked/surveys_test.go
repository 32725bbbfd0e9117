package masked_test

import (
	"context"
	"testing"

	"lienthong/internal/masked"
	"lienthong/internal/store"
)

type surveys struct{ store.Surveys }

func (surveys) Rejects(context.Context, store.SoftwareQuery) ([]store.SoftwareCount, error) {
	return []store.SoftwareCount{{Code: "XML15.MA_THE.missing", N: 1}, {Code: "XML1.MA_THE.missing", N: 2}, {Code: "XML6.NGAY.missing", N: 3}, {Code: "subject.sex", N: 4}}, nil
}

func TestRejectsDoNotTellWhichRecordsAreClosed(t *testing.T) {
	t.Parallel()
	list, err := masked.Surveys{Surveys: surveys{}}.Rejects(t.Context(), store.SoftwareQuery{})
	if err != nil || len(list) != 2 || list[0].N != 2 || list[1].N != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}
