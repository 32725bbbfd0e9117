// Package retention says how long a record is kept, by what it is about: a class
// with a term in years, as data with its legal source. A class is what records'
// month keys are kept under, so that the end of a term is the end of a key. The
// class of a record is readable in the store; therefore its name tells the term
// and not the reason.
//
// It destroys nothing: package keep does.
package retention

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

//go:embed classes.tsv
var table string

// Class is one class of records.
type Class struct {
	Name        string     // "y10"
	Years       int        // after the end of the month in which a record was received
	What        fault.Text // what falls under it
	Source      string
	ConfirmedBy string // who compared it with the signed text; "" while nobody has
}

// The names of the classes.
const (
	Checkup  = "y2"
	Visit    = "y10"
	Accident = "y20"
	Death    = "y30"

	// Longest is the class of what belongs to several records: the file around them.
	Longest = Death
	// Former is the class of records taken in before there were terms: it is kept
	// as Longest.
	Former = "clinical"
)

// Classes returns all classes, shortest term first; callers must not change it.
func Classes() []Class { return classes() }

var classes = sync.OnceValue(func() []Class {
	var list []Class
	for line := range strings.Lines(table) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		years, err := strconv.Atoi(f[1])
		if err != nil || len(f) != 6 {
			panic(fmt.Sprintf("retention: classes.tsv: %q", line)) // a defect of this tree
		}
		list = append(list, Class{Name: f[0], Years: years, What: fault.Text{VI: f[2], EN: f[3]}, Source: f[4], ConfirmedBy: f[5]})
	}
	return list
})

// ByName returns the class of that name; what is not known is kept longest.
func ByName(name string) Class {
	all := Classes()
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	return all[len(all)-1]
}

// Ends returns the first moment at which records of a class received in a month
// (yyyymm in Hanoi) may be destroyed.
func (c Class) Ends(month int, in *time.Location) time.Time {
	return time.Date(month/100+c.Years, time.Month(month%100)+1, 1, 0, 0, 0, 0, in)
}

// ClassOf returns the class of a dossier's record: by its kind, the outcome of
// treatment (KET_QUA_DTRI 5, death), an accident (MA_TAI_NAN), and diagnoses of
// mental illness (ICD-10 F00 to F99). The longest that applies.
func ClassOf(kind string, fields dossier.Fields) string {
	class := Visit
	if kind == "checkup" {
		class = Checkup
	}
	for _, t := range fields.Tables() {
		if died(t) {
			return Death
		}
		if class != Accident && (accident(t) || mental(t)) {
			class = Accident
		}
	}
	return class
}

func died(t *dossier.Table) bool { return t.Cell(0, "KET_QUA_DTRI").Text == "5" }

func accident(t *dossier.Table) bool {
	code := strings.TrimSpace(t.Cell(0, "MA_TAI_NAN").Text)
	return code != "" && strings.Trim(code, "0") != ""
}

// diagnoses are the fields that hold ICD-10 codes, several separated by ";".
var diagnoses = [...]string{"MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH", "MA_CHAN_DOAN"}

func mental(t *dossier.Table) bool {
	for _, name := range diagnoses {
		if t.Columns.Index(name) < 0 {
			continue
		}
		for row := range t.Rows {
			for code := range strings.SplitSeq(t.Cell(row, name).Text, ";") {
				code = strings.TrimSpace(code)
				if len(code) >= 3 && (code[0] == 'F' || code[0] == 'f') && code[1] >= '0' && code[1] <= '9' {
					return true
				}
			}
		}
	}
	return false
}
