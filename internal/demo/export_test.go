package demo

import "errors"

// Recorded opens the services of a directory and tells what each has recorded.
func Recorded(dir string) (map[string]int, error) {
	o, err := openOutside(dir)
	if err != nil {
		return nil, err
	}
	got := map[string]int{}
	for _, s := range o.services {
		got[s.ID] = s.sim.Counts().Recorded
	}
	return got, errors.Join(err, o.close())
}
