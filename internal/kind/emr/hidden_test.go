package emr_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/kind/emr"
)

// TestPapersThatHideFromAScanner: each is read by readers in common use as a
// stream of objects with a script, and by a scanner that trusts the spelling as
// a stream of something else. All must be refused, by whichever code.
func TestPapersThatHideFromAScanner(t *testing.T) {
	t.Parallel()
	script := "3 0 << /S /JavaScript /JS (app.alert(1)) >>"
	hexed := hex.EncodeToString([]byte(script)) + ">"
	odd := func(dict, before, data string) string {
		return "<< " + dict + " >>\nstream" + before + data + "\nendstream"
	}
	const plain = "/Type /ObjStm /N 1 /First 4"
	for name, raw := range map[string][]byte{
		"a blank behind the keyword":      pdf("", odd(objStm, " \n", deflate(script))),
		"a tab behind the keyword":        pdf("", odd(objStm, "\t\r\n", deflate(script))),
		"nothing behind the keyword":      pdf("", odd(objStm, "", deflate(script))),
		"the filter far away":             pdf("", stream(plain+" /Filter 4 0 R", hexed), "/ASCIIHexDecode"),
		"a filter of the list far away":   pdf("", stream(plain+" /Filter [ 4 0 R ]", hexed), "/ASCIIHexDecode"),
		"the predictor far away":          pdf("", stream(objStm+" /DecodeParms 4 0 R", deflate("\x02"+script)), "<< /Predictor 12 >>"),
		"packed without a head":           pdf("", stream(objStm, deflate(script)[2:])),
		"an end in a comment":             pdf("", stream(plain+" % endstream\n /Filter /ASCIIHexDecode", hexed)),
		"an end in a string":              pdf("", stream(plain+" /X (endstream) /Filter /ASCIIHexDecode", hexed)),
		"a beginning in a comment":        pdf("", stream(plain+" % stream\n /Filter /ASCIIHexDecode", hexed)),
		"a beginning in a string":         pdf("", stream(plain+" /X (\n>> stream\n) /Filter /ASCIIHexDecode", hexed)),
		"a beginning in a string, packed": pdf("", stream(plain+" /X (stream\n) /Filter [/LZW]", hexed)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := emr.New().Paper(raw); err == nil || !strings.HasPrefix(fault.Of(err).Code, "paper.") {
				t.Errorf("taken: %v", err)
			}
		})
	}
	for name, raw := range map[string][]byte{
		"a page in hexadecimal":            pdf("", stream("/Filter [/ASCII85Decode /FlateDecode]", "Gb!~>")),
		"objects and a predicted XRef":     pdf("", stream(objStm, deflate("3 0 << /Type /Page >>")), stream("/Type /XRef /W [1 2 1] /Filter /FlateDecode /DecodeParms << /Columns 4 /Predictor 12 >>", deflate("\x02\x00\x00\x00\x00"))),
		"objects and a photograph":         pdf("", stream(objStm, deflate("3 0 << /Type /Page >>")), stream("/Subtype /Image /Filter /DCTDecode", noise())),
		"objects and words about an end":   pdf("", stream(objStm, deflate("3 0 << /Type /Page >>")), "(endstream)"),
		"a length that stands far away":    pdf("", "<< "+objStm+" /Length 4 0 R >>\nstream\n"+deflate("3 0 << /Type /Page >>")+"\nendstream", "40"),
		"objects with their parameters ok": pdf("", stream(objStm+" /DecodeParms null", deflate("3 0 << /Type /Page >>"))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := emr.New().Paper(raw); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}
