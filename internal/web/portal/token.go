package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// An episode code (MA_LK) may name a person, so it never stands in a URL. A
// search posts it, and the URL carries it sealed under a key of this process,
// for this session and half an hour.
const episodeLife = 30 * time.Minute

func newEpisodeCipher() (cipher.AEAD, error) {
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealEpisode returns the token of an episode code for a session.
func (p *Portal) sealEpisode(code, mark string, now time.Time) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(now.Add(episodeLife).Unix()))
	return base64.RawURLEncoding.EncodeToString(p.episode.Seal(nil, nil, append(plain, code...), []byte(mark)))
}

// openEpisode returns the code of a token; false for another session's, an old
// one, or anything else.
func (p *Portal) openEpisode(token, mark string, now time.Time) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > 800 {
		return "", false
	}
	plain, err := p.episode.Open(nil, nil, raw, []byte(mark))
	if err != nil || len(plain) < 8 {
		return "", false
	}
	if uint64(now.Unix()) > binary.BigEndian.Uint64(plain) {
		return "", false
	}
	return string(plain[8:]), true
}
