// Package simulator stands for the national population database: it knows some
// synthetic people, and answers about one at a time as the bridge reads it. It
// is for demonstration and tests; nobody in it lives.
package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"lienthong/internal/bridge/faulty"
	"lienthong/internal/care"
)

// Resident is somebody the simulator knows.
type Resident struct {
	Number string `json:"number"` // synthetic: fourth digit 8 or 9
	Name   string `json:"name"`
	Birth  string `json:"birth"` // yyyyMMdd
	Sex    string `json:"sex"`   // "1", "2"
	State  string `json:"state"` // "", "cancelled", "replaced"
	By     string `json:"by"`    // of replaced
}

// Config is who is known.
type Config struct {
	Residents []Resident
	// Agree answers match about every synthetic number that is not among the
	// residents, unless it ends in 0, which is unknown.
	Agree  bool
	Faults faulty.Config
}

// Simulator answers POST of one question at any path.
type Simulator struct {
	people map[string]Resident
	agree  bool
	faults *faulty.Faults
	mu     sync.Mutex
	asked  int
}

// New returns a simulator. It takes synthetic numbers only.
func New(c Config) (*Simulator, error) {
	s := &Simulator{people: map[string]Resident{}, agree: c.Agree}
	for _, r := range c.Residents {
		id, err := care.ParseCitizenID(r.Number)
		if err != nil || !id.Synthetic() {
			return nil, errors.New("population simulator: only synthetic numbers")
		}
		s.people[r.Number] = r
	}
	var err error
	s.faults, err = faulty.New(c.Faults)
	return s, err
}

// Asked is how many questions were answered.
func (s *Simulator) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

type answer struct {
	State   string   `json:"ket_qua"`
	Differs []string `json:"khac,omitempty"`
	By      string   `json:"thay_boi,omitempty"`
}

// ServeHTTP answers.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.faults.Handler(http.HandlerFunc(s.answer)).ServeHTTP(w, r)
}

func (s *Simulator) answer(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Number string `json:"so_dinh_danh"`
		Name   string `json:"ho_ten"`
		Birth  string `json:"ngay_sinh"`
		Sex    string `json:"gioi_tinh"`
	}
	if r.Method != http.MethodPost {
		http.Error(w, "POST", http.StatusMethodNotAllowed)
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&q); err != nil {
		http.Error(w, "one question of four fields", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.about(q.Number, q.Name, q.Birth, q.Sex)); err != nil {
		return // who asked is gone
	}
}

func (s *Simulator) about(number, name, birth, sex string) answer {
	p, ok := s.people[number]
	if !ok {
		id, err := care.ParseCitizenID(number)
		if s.agree && err == nil && id.Synthetic() && number[11] != '0' {
			return answer{State: "match"}
		}
		return answer{State: "unknown"}
	}
	switch p.State {
	case "cancelled":
		return answer{State: "cancelled"}
	case "replaced":
		return answer{State: "replaced", By: p.By}
	}
	var differs []string
	if care.NameKey(p.Name) != care.NameKey(name) {
		differs = append(differs, "name")
	}
	if p.Birth != birth {
		differs = append(differs, "birth")
	}
	if sex != "" && p.Sex != "" && sex != p.Sex {
		differs = append(differs, "sex")
	}
	if len(differs) > 0 {
		return answer{State: "differs", Differs: differs}
	}
	return answer{State: "match"}
}
