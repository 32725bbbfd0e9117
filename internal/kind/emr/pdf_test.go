package emr_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/kind/emr"
)

// pdf is a document with objects put in behind its catalog.
func pdf(catalog string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R " + catalog + " >>\nendobj\n" +
		"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+3, o)
	}
	b.WriteString("xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
	return b.Bytes()
}

func stream(dict, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

func deflate(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

const objStm = "/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode"

// noise is packed data with a short name in it by chance.
func noise() string {
	var b strings.Builder
	for i := range 200 {
		sum := sha256.Sum256([]byte{byte(i)})
		b.Write(sum[:])
	}
	return "\xFF\xD8" + b.String() + "\x80/JS \x81\x90/AA\x00" + b.String()
}

func TestPapers(t *testing.T) {
	t.Parallel()
	script := "<< /S /JavaScript /JS (app.alert(1)) >>"
	for name, c := range map[string]struct {
		raw  []byte
		code string
	}{
		"plain":                    {pdf(""), ""},
		"goes to a page":           {pdf("/OpenAction [2 0 R /Fit]"), ""},
		"goes to a page by action": {pdf("/OpenAction << /Type /Action /S /GoTo /D [2 0 R /Fit] >>"), ""},
		"refers to a page":         {pdf("/OpenAction 3 0 R", "<< /S /GoTo /D [2 0 R /Fit] >>"), ""},
		"refers into objects":      {pdf("/OpenAction 9 0 R", stream(objStm, deflate("9 0 << /S/GoTo /D [2 0 R /Fit] >>"))), ""},
		"packed page":              {pdf("", stream("/Filter /FlateDecode", deflate("BT (x /JS /AA y) Tj ET"))), ""},
		"packed objects":           {pdf("", stream(objStm, deflate("3 0 << /Type /Page >>"))), ""},
		"picture with chance":      {pdf("", stream("/Subtype /Image /Filter /DCTDecode", noise())), ""},
		"big picture":              {pdf("", stream("/Subtype /Image /Filter /FlateDecode", deflate(strings.Repeat("\x00", 8<<20)))), ""},
		"a form, signed":           {pdf("/AcroForm << /Fields [3 0 R] /SigFlags 3 >>", "<< /FT /Sig /Type /Annot /Subtype /Widget /F 132 >>"), ""},

		"script":                 {pdf("/OpenAction 3 0 R", script), "paper.active"},
		"script by name":         {pdf("/Names << /JavaScript 3 0 R >>"), "paper.active"},
		"script, name escaped":   {pdf("", "<< /S /J#61vaScr#69pt >>"), "paper.active"},
		"script, slash only":     {pdf("", "<< /S/JavaScript>>"), "paper.active"},
		"JS alone":               {pdf("", "<</S/Other/JS(x)>>"), "paper.active"},
		"JS escaped":             {pdf("", "<</S/Other/#4a#53 3 0 R>>"), "paper.active"},
		"launch":                 {pdf("/OpenAction << /S /Launch /F (cmd.exe) >>"), "paper.active"},
		"more actions":           {pdf("/AA << /WC 3 0 R >>"), "paper.active"},
		"opens an address":       {pdf("/OpenAction << /S /URI /URI (x) >>"), "paper.active"},
		"opens an address, far":  {pdf("/OpenAction 3 0 R", "<< /S /URI /URI (x) >>"), "paper.active"},
		"opens an address, deep": {pdf("/OpenAction 9 0 R", stream(objStm, deflate("9 0 << /S/URI /URI (x) >>"))), "paper.active"},
		"opens nothing known":    {pdf("/OpenAction (x)"), "paper.active"},
		"files inside":           {pdf("/Names << /EmbeddedFiles 3 0 R >>"), "paper.active"},
		"a file":                 {pdf("", stream("/Type /EmbeddedFile", "x")), "paper.active"},
		"media":                  {pdf("", "<< /Subtype /RichMedia >>"), "paper.active"},
		"XFA":                    {pdf("/AcroForm << /XFA 3 0 R >>"), "paper.active"},
		"sends a form":           {pdf("", "<< /S /SubmitForm >>"), "paper.active"},
		"takes data in":          {pdf("", "<< /S /ImportData >>"), "paper.active"},
		"goes elsewhere":         {pdf("", "<< /S /GoToR /F (x) >>"), "paper.active"},
		"in packed objects":      {pdf("", stream(objStm, deflate("3 0 "+script))), "paper.active"},
		"JS in packed objects":   {pdf("", stream(objStm, deflate("3 0 <</JS 4 0 R>>"))), "paper.active"},
		"escaped, packed":        {pdf("", stream("/Type /Obj#53tm /Filter /FlateDecode", deflate("3 0 <</#4AS 4 0 R>>"))), "paper.active"},
		"packed, called page":    {pdf("", stream("/Filter /FlateDecode", deflate("3 0 "+script))), "paper.active"},
		"packed, called picture": {pdf("", stream("/Subtype /Image /Filter /FlateDecode", deflate("3 0 "+script))), "paper.active"},
		"under a false stream":   {pdf("", "<< /X (stream\n) >>", script, "<< /Y (endstream) >>"), "paper.active"},
		"in a picture":           {pdf("", stream("/Subtype /Image /Filter /DCTDecode", "\xFF\xD8\n9 0 obj\n"+script+"\nendobj\n")), "paper.active"},
		"packed in a picture":    {pdf("", stream("/Filter /DCTDecode", "\xFF\xD8\n9 0 obj\n<< "+objStm+" >>\nstream\n"+deflate("3 0 "+script)+"\n")), "paper.active"},
		"packed and damaged":     {pdf("", stream(objStm, deflate(strings.Repeat("3 0 "+script+" ", 50))[:60])), "paper.active"},

		"empty":                  {nil, "paper.unreadable"},
		"no PDF":                 {[]byte("MZ\x90"), "paper.unreadable"},
		"something before":       {append([]byte("x"), pdf("")...), "paper.unreadable"},
		"cut":                    {pdf("")[:100], "paper.unreadable"},
		"something long behind":  {append(pdf(""), make([]byte, 2000)...), "paper.unreadable"},
		"with a password":        {bytes.Replace(pdf(""), []byte("/Root 1 0 R"), []byte("/Root 1 0 R /Encrypt 9 0 R"), 1), "paper.unreadable"},
		"objects in hexadecimal": {pdf("", stream("/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]", "78>")), "paper.unreadable"},
		"objects predicted":      {pdf("", stream(objStm+" /DecodeParms << /Predictor 12 >>", deflate("x"))), "paper.unreadable"},
		"objects packed twice":   {pdf("", stream("/Type /ObjStm /Filter [/FlateDecode /Fl]", deflate(deflate("x")))), "paper.unreadable"},
		"objects, empty of data": {pdf("", stream(objStm, "\x78\x9c\xff\xff")), "paper.unreadable"},

		"opens without end":  {pdf(strings.Repeat("/OpenAction 2 0 R ", 17)), "paper.active"},
		"streams in streams": {pdf("", "stream\n\x78\x9c"+strings.Repeat("\x00\x09\x00\xf6\xffstream\n\x78\x9c"+strings.Repeat("\x00\x00\x00\xff\xff", 50), 50)), "file.limits"},
		"a bomb":             {pdf("", stream("/Filter /FlateDecode", deflate(strings.Repeat("0", 129<<20)))), "file.limits"},
		"too long":           {append(pdf(""), make([]byte, 32<<20)...), "file.limits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := emr.New().Paper(c.raw)
			if err == nil && c.code != "" || err != nil && fault.Of(err).Code != c.code {
				t.Errorf("%v, want %q", err, c.code)
			}
		})
	}
}

func FuzzPaper(f *testing.F) {
	f.Add(pdf("/OpenAction [2 0 R]"))
	f.Add(pdf("/OpenAction 3 0 R", stream(objStm, deflate("3 0 <</S/GoTo>>"))))
	f.Add(pdf("", stream("/Subtype /Image /Filter /DCTDecode", "\xFF\xD8/J#53")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := emr.New().Paper(raw)
		if err != nil && fault.KindOf(err) == fault.Broken {
			t.Fatalf("uncoded: %v", err)
		}
		if err == nil && bytes.Contains(raw, []byte("/JavaScript ")) {
			t.Fatal("a script was let through")
		}
	})
}
