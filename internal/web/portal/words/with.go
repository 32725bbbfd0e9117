package words

import (
	"encoding/json"
	"fmt"
	"maps"
)

// With returns a catalogue that has further sentences beside its own: those of
// the agent's page. vi and en are JSON objects from key to sentence with the same
// keys, none of which is there already; an error means that the build is broken.
func (c *Catalogue) With(vi, en []byte) (*Catalogue, error) {
	out := &Catalogue{texts: map[string]map[string]string{}}
	added := map[string]int{}
	for lang, data := range map[string][]byte{"vi": vi, "en": en} {
		more := map[string]string{}
		if err := json.Unmarshal(data, &more); err != nil {
			return nil, fmt.Errorf("words: %s: %w", lang, err)
		}
		all := maps.Clone(c.texts[lang])
		for key, text := range more {
			if _, twice := all[key]; twice {
				return nil, fmt.Errorf("words: %s is there already", key)
			}
			all[key] = text
			added[key]++
		}
		out.texts[lang] = all
	}
	for key, n := range added {
		if n != 2 {
			return nil, fmt.Errorf("words: %s is missing in a language", key)
		}
	}
	return out, nil
}
