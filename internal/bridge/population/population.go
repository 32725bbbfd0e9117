// Package population asks the national population database about one person:
// number, name and birth date go out, and one of five answers comes back. It is
// the only source of "verified" (DESIGN §3 "person"). The form is our own,
// until that of the database is published to the hub: one POST, one small JSON.
// It asks approved addresses only, logs nothing of a question or an answer, and
// keeps nothing.
package population

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

// State is what the database says.
type State string

// The answers.
const (
	Match     State = "match"
	Differs   State = "differs"   // the number is somebody's, with another name, birth or sex
	Unknown   State = "unknown"   // no such number
	Cancelled State = "cancelled" // the number was withdrawn
	Replaced  State = "replaced"  // it gave way to another
)

// Question is who is asked about.
type Question struct {
	Number care.CitizenID
	Name   string      // as the record has it
	Birth  care.Moment // by day
	Sex    care.Sex    // zero: not asked
}

// Answer is what came back.
type Answer struct {
	State   State
	Differs []string       // of Differs: "name", "birth", "sex"
	By      care.CitizenID // of Replaced
}

// Faults.
var (
	// ErrQuestion: a question that cannot be asked.
	ErrQuestion = fault.New(fault.Invalid, "population.question",
		"Cần đủ số định danh, họ tên và ngày sinh để xác minh.", "Number, name and date of birth are all needed to verify.")
	// ErrAnswer: an answer that is not in the form.
	ErrAnswer = fault.New(fault.Invalid, "population.answer",
		"Trả lời của cơ sở dữ liệu dân cư không đọc được.", "The answer of the population database cannot be read.")
)

// mostAnswer is how long an answer may be, in bytes.
const mostAnswer = 4 << 10

// Bridge asks one approved address.
type Bridge struct {
	client  *outbound.Client
	url     string
	private bool
}

// New returns a bridge. private: the operator approved an address of a private
// network. Faults: outbound.address.
func New(client *outbound.Client, url string, private bool) (*Bridge, error) {
	if client == nil {
		return nil, errors.New("population: a client is missing")
	}
	if err := outbound.Check(url); err != nil {
		return nil, err
	}
	return &Bridge{client, url, private}, nil
}

// question is a question as it goes out.
type question struct {
	Number string `json:"so_dinh_danh"`
	Name   string `json:"ho_ten"`
	Birth  string `json:"ngay_sinh"` // yyyyMMdd
	Sex    string `json:"gioi_tinh,omitempty"`
}

// Ask asks about one person. Faults: population.question, population.answer, outbound.*.
func (b *Bridge) Ask(ctx context.Context, q Question) (Answer, error) {
	if _, err := care.ParseCitizenID(string(q.Number)); err != nil || care.NameKey(q.Name) == "" || q.Birth.Precision() < care.ByDay {
		return Answer{}, ErrQuestion
	}
	out := question{Number: string(q.Number), Name: care.Clean(q.Name), Birth: fmt.Sprintf("%08d", q.Birth.Day())}
	if q.Sex == care.Male || q.Sex == care.Female {
		out.Sex = fmt.Sprint(int(q.Sex))
	}
	body, err := json.Marshal(out)
	if err != nil {
		return Answer{}, ErrQuestion.Because(err)
	}
	raw, err := b.client.Do(ctx, outbound.Call{URL: b.url, Private: b.private, Type: "application/json", Body: body, Accept: []string{"application/json"}, Limit: mostAnswer})
	if err != nil {
		return Answer{}, err
	}
	return Read(raw)
}

// Read reads an answer: {"ket_qua", "khac": [...], "thay_boi"}, no other member,
// none twice. Fault: population.answer, which says nothing of the answer.
func Read(raw []byte) (Answer, error) {
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{Bytes: mostAnswer, Depth: 3, Values: 20})
	if err != nil || doc.Type != jsondoc.Object {
		return Answer{}, ErrAnswer
	}
	for _, m := range doc.Members {
		if !slices.Contains([]string{"ket_qua", "khac", "thay_boi"}, m.Name) {
			return Answer{}, ErrAnswer
		}
	}
	a := Answer{State: State(doc.Get("ket_qua").String())}
	if differs := doc.Get("khac"); differs != nil {
		if differs.Type != jsondoc.Array {
			return Answer{}, ErrAnswer
		}
		for _, v := range differs.Items {
			if v.Type != jsondoc.String || !slices.Contains([]string{"name", "birth", "sex"}, v.Text) || slices.Contains(a.Differs, v.Text) {
				return Answer{}, ErrAnswer
			}
			a.Differs = append(a.Differs, v.Text)
		}
	}
	if by := doc.Get("thay_boi").String(); by != "" {
		if a.By, err = care.ParseCitizenID(by); err != nil {
			return Answer{}, ErrAnswer
		}
	}
	if !a.whole() {
		return Answer{}, ErrAnswer
	}
	return a, nil
}

// whole reports whether an answer says all that its state needs, and no more.
func (a *Answer) whole() bool {
	switch a.State {
	case Match, Unknown, Cancelled:
		return len(a.Differs) == 0 && a.By == ""
	case Differs:
		return len(a.Differs) > 0 && a.By == ""
	case Replaced:
		return len(a.Differs) == 0 && a.By != ""
	}
	return false
}
