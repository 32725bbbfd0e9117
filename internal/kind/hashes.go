package kind

import (
	"lienthong/internal/care"
	"lienthong/internal/vault"
)

// EpisodeHashes are the keyed hashes that records of an episode are kept under,
// of every kind, line of versions and live pepper.
func EpisodeHashes(v *vault.Vault, facility care.FacilityCode, episode string) []vault.Keyed {
	hashes := v.HashAll(vault.Episode, []byte(facility), EpisodeKey(episode, ""))
	for _, line := range Lines() {
		hashes = append(hashes, v.HashAll(vault.Episode, []byte(facility), EpisodeKey(episode, line))...)
	}
	return hashes
}
