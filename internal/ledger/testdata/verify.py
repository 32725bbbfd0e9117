"""Check a receipt document without any of the hub's code: Python 3 and openssl.

    python3 verify.py RECEIPT VKEYFILE

It is the second reader of doc/design/ledger.md; a failed assertion is a "no".
"""
import base64, hashlib, json, subprocess, sys, tempfile, os
doc = json.load(open(sys.argv[1])); vkey = open(sys.argv[2]).read().strip()
b64 = base64.b64decode
sha = lambda b: hashlib.sha256(b).digest()

def root(leaf, index, size, proof):            # RFC 9162 2.1.3.2
    fn, sn, r = index, size - 1, sha(b"\0" + leaf)
    for p in map(b64, proof):
        assert sn > 0
        if fn & 1 or fn == sn:
            r = sha(b"\1" + p + r)
            while not fn & 1 and fn: fn >>= 1; sn >>= 1
        else:
            r = sha(b"\1" + r + p)
        fn >>= 1; sn >>= 1
    assert sn == 0
    return r

def openssl(*args, **files):                   # files are written out, their names put in
    with tempfile.TemporaryDirectory() as d:
        for n, b in files.items(): open(os.path.join(d, n), "wb").write(b)
        subprocess.run(["openssl", *args], cwd=d, check=True, stdout=subprocess.DEVNULL)

body, salt, sig = b64(doc["body"]), b64(doc["salt"]), b64(doc["signature"])
spki, says = b64(doc["key"]["spki"]), json.loads(b64(doc["body"]))
assert sha(spki).hex()[:16] == doc["key"]["kid"] == says["kid"]

def der(n): n = n.lstrip(b"\0") or b"\0"; n = (b"\0" if n[0] & 128 else b"") + n; return b"\2" + bytes([len(n)]) + n
rs = der(sig[:32]) + der(sig[32:])
openssl("dgst", "-sha256", "-verify", "key", "-keyform", "DER", "-signature", "sig", "body",
        key=spki, sig=b"\x30" + bytes([len(rs)]) + rs, body=body)

text, sigs = doc["checkpoint"].split("\n\n")
origin, size, top = text.split("\n")
leaf = b"lienthong/receipt/v1\n" + sha(salt + body + sig)
assert root(leaf, doc["index"], int(size), doc["proof"]) == b64(top)
assert root(b"lienthong/key/v1\n" + spki, doc["key"]["index"], int(size), doc["key"]["proof"]) == b64(top)
assert doc["key"]["index"] < doc["index"] and origin == doc["origin"] and origin.startswith(says["hub"] + "/log/")

name, keyhash, key = vkey.split("+", 2)        # the base64 may itself hold "+"
line = [l for l in sigs.splitlines() if l.startswith("— " + name + " ")][0]
raw = b64(line.split(" ")[2])
assert name == origin and raw[:4].hex() == keyhash and b64(key)[0] == 1
openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "text", "-sigfile", "sig",
        key=bytes.fromhex("302a300506032b6570032100") + b64(key)[1:], text=(text + "\n").encode(), sig=raw[4:])
print("proved:", says["record"], says["state"], says["received_at"])
