package body_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/body"
)

// Bodies of every hub are read with these very bytes.
func TestBuiltinDictionaryNeverChanges(t *testing.T) {
	t.Parallel()
	d := body.Builtin()
	sum := sha256.Sum256(d.Content)
	if got := hex.EncodeToString(sum[:]); d.ID != 1 || got != "e7965e72ececd819fa3fde2fad6e41e519a06fae996c315cbf3b8d34c4c3ed91" {
		t.Errorf("dictionary %d is %s", d.ID, got)
	}
	d.Content[0]++
	if bytes.Equal(d.Content, body.Builtin().Content) {
		t.Error("who asks for it can change it")
	}
}

func TestBodiesAreReadWithTheDictionaryTheyWereMadeWith(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	plain := []byte(strings.Repeat("<MA_LK>BN 0001</MA_LK>\r\n<CHUAN_DOAN>viêm họng cấp</CHUAN_DOAN>\r\n", 8))
	first := c.Encode(nil, plain)
	own := body.Dictionary{ID: 2, Content: bytes.Repeat([]byte("<CHUAN_DOAN>viêm họng cấp</CHUAN_DOAN>\r\n"), 20)}
	if err := c.Use(2); !errors.Is(err, body.ErrDictionaryMissing) || c.Using() != 1 {
		t.Fatalf("%v", err)
	}
	if err := errors.Join(c.Learn(own), c.Learn(own)); err != nil || c.Using() != 1 || !c.Knows(2) {
		t.Fatalf("%v", err)
	}
	if err := c.Use(2); err != nil {
		t.Fatal(err)
	}
	second := c.Encode(nil, plain)
	for i, stored := range [][]byte{first, second} {
		if got, err := c.Decode(nil, stored, len(plain)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := newCodec(t).Decode(nil, second, len(plain)); !errors.Is(err, body.ErrDictionaryMissing) {
		t.Errorf("read without the dictionary: %v", err)
	}
	other := own
	other.Content = append(bytes.Clone(own.Content), "x"...)
	for what, d := range map[string]body.Dictionary{"other content": other, "no id": {Content: own.Content}, "too short": {ID: 3, Content: []byte("x")},
		"too long": {ID: 3, Content: make([]byte, body.MaxDictionary+1)}} {
		if err := c.Learn(d); !errors.Is(err, body.ErrDictionary) {
			t.Errorf("%s: %v", what, err)
		}
	}
	forged := bytes.Clone(second)
	forged[1] = 1
	if _, err := c.Decode(nil, forged, len(plain)); !errors.Is(err, body.ErrDamaged) {
		t.Errorf("under another id: %v", err)
	}
}

// Stores hold bodies from before there were dictionaries.
func TestBodiesWithoutDictionaryAreRead(t *testing.T) {
	t.Parallel()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("<MA_LK>BN 0001</MA_LK>"), 40)
	if got, err := newCodec(t).Decode(nil, e.EncodeAll(plain, []byte{1}), len(plain)); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%v", err)
	}
}

func TestCodecLearnsWhileAtWork(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for k := range 50 {
				plain := []byte(strings.Repeat(fmt.Sprintf("<STT>%d</STT>", k), 30))
				got, err := c.Decode(nil, c.Encode(nil, plain), len(plain))
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	for id := uint32(2); id < 6; id++ {
		if err := errors.Join(c.Learn(body.Dictionary{ID: id, Content: bytes.Repeat([]byte{byte(id)}, 100)}), c.Use(id)); err != nil {
			t.Error(err)
		}
	}
	work.Wait()
}

func TestEncodeDossierIsEncodeOfItsFrame(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	_, f := twoDossiers(t)
	for i := range f.Dossiers() + 1 {
		got, err := c.Decode(nil, c.EncodeDossier([]byte{}, f, i), 1<<20)
		if err != nil || !bytes.Equal(got, f.Dossier(i)) {
			t.Errorf("dossier %d: %v", i, err)
		}
	}
}

// A phrase of the dictionary is said, whole, in the bodies of enough patients.
func TestTrainTakesOnlyWhatManyShare(t *testing.T) {
	t.Parallel()
	const least = 5
	var samples []body.Sample
	for i := range 40 {
		text := fmt.Sprintf("<TONG_HOP>\r\n<MA_LK>BN%05d</MA_LK>\r\n<HO_TEN>NGUYỄN VĂN %c</HO_TEN>\r\n<GIOI_TINH>%d</GIOI_TINH>\r\n<MA_QUOCTICH>000</MA_QUOCTICH>\r\n<NHOM_MAU></NHOM_MAU>\r\n"+
			"<CHAN_DOAN>Viêm họng cấp</CHAN_DOAN>\r\n<HIEM>bệnh hiếm gặp %d</HIEM>\r\n</TONG_HOP>\r\n", i, 'A'+i%20, 1+i%2, i/4)
		for range 1 + i%3*4 { // the same patient again and again says no more
			samples = append(samples, body.NewSample(fmt.Sprint(i), frame(text)))
		}
	}
	content, err := body.Train(samples, body.Training{Size: 4 << 10, Least: least})
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{"Viêm họng cấp\x00", "000\x00"} {
		if !bytes.Contains(content, []byte(wanted)) {
			t.Errorf("not learnt: %q", wanted)
		}
	}
	for i := range 40 {
		for _, unique := range []string{fmt.Sprintf("BN%05d", i), fmt.Sprintf("NGUYỄN VĂN %c", 'A'+i%20), fmt.Sprintf("hiếm gặp %d", i/4)} {
			if bytes.Contains(content, []byte(unique)) {
				t.Fatalf("%s is in the dictionary", unique)
			}
		}
	}
	if again, err := body.Train(samples, body.Training{Size: 4 << 10, Least: least}); err != nil || !bytes.Equal(again, content) {
		t.Errorf("another dictionary of the same samples, %v", err)
	}
	if _, err := body.Train(samples[:9], body.Training{Least: least}); !errors.Is(err, body.ErrTooFew) {
		t.Errorf("few samples: %v", err)
	}
}

// frame is the frame of a dossier whose parts are these texts, as if decoded.
func frame(parts ...string) []byte {
	out := []byte{1}
	for _, p := range parts {
		out = append(binary.LittleEndian.AppendUint32(append(out, 1), uint32(len(p))), p...)
	}
	return out
}

func FuzzTrain(f *testing.F) {
	f.Add([]byte("<A>x</A>\n<B></B>"), []byte("<A>x</A>\n<B>y</B>"), 1)
	f.Add([]byte("< <a>>"), []byte("a<"), 2)
	f.Fuzz(func(t *testing.T, a, b []byte, size int) {
		content, err := body.Train([]body.Sample{body.NewSample("1", frame(string(a))), body.NewSample("2", frame(string(b)))}, body.Training{Size: 1 + max(size, 0)%4096, Least: 2})
		if err == nil && len(content) > 1+max(size, 0)%4096 {
			t.Fatalf("%d bytes", len(content))
		}
	})
}
