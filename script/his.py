#!/usr/bin/env python3
"""A hospital system in a few lines, written from the insurer's interface alone.

It speaks token/take, guiHoSoXmlQD3176, checkInKcbQd3176, KQNhanLichSuKCB2024 and
the look-up of a submission against any base address (hub or agent), with
nothing but Python's standard library and no code of lienthong. It checks each
answer and exits 1 when one is not as the guide says (doc/guide/gateway.md).

    printf '%s' "$PASSWORD" | script/his.py BASE USER FACILITY signed.xml [check-in.xml]

The password comes on the standard input. BASE is http://127.0.0.1:8080 or so.
"""

import base64
import hashlib
import json
import sys
import urllib.parse
import urllib.request

failed = 0


def check(what, answer, **want):
    """Compare members of an answer; a tuple lists what is allowed."""
    global failed
    bad = {}
    for name, value in want.items():
        got = answer.get(name)
        if isinstance(value, tuple):
            good = got in value
        elif callable(value):
            good = value(got)
        else:
            good = got == value
        if not good:
            bad[name] = got
    print("%-6s %s %s" % ("ok" if not bad else "WRONG", what, answer.get("maGiaoDich") or ""))
    if bad:
        failed += 1
        print("       got", json.dumps(bad, ensure_ascii=False), json.dumps(answer, ensure_ascii=False)[:600])
    return answer


class Hospital:
    def __init__(self, base, user, facility, password):
        self.base, self.user, self.facility = base.rstrip("/"), user, facility
        self.md5 = hashlib.md5(password.encode()).hexdigest().upper()
        self.access = self.id = ""

    def call(self, path, data=None, headers=None, method="POST"):
        request = urllib.request.Request(self.base + path, data=data, headers=headers or {}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            if response.status != 200:
                raise SystemExit("HTTP %d from %s" % (response.status, path.split("?")[0]))
            return json.loads(response.read())

    def take(self, md5=None, as_json=False):
        said = {"username": self.user, "password": md5 or self.md5}
        if as_json:
            answer = self.call("/api/token/take", json.dumps(said).encode(), {"Content-Type": "application/json"})
        else:
            answer = self.call("/api/token/take", urllib.parse.urlencode(said).encode())
        if answer["maKetQua"] == "200":
            self.access, self.id = answer["APIKey"]["access_token"], answer["APIKey"]["id_token"]
        return answer

    def headers(self):
        return {"Content-Type": "application/json", "accessToken": self.access, "tokenId": self.id, "passwordHash": self.md5}

    def send(self, file, path="/api/qd130/guiHoSoXmlQD3176", kind="130", facility=None, text=None):
        said = {"username": self.user, "loaiHoSo": kind, "maTinh": self.facility[:2], "maCSKCB": facility or self.facility,
                "fileHSBase64": text if text is not None else base64.b64encode(file).decode()}
        return self.call(path, json.dumps(said).encode(), self.headers())

    def card(self, number, name="NGUYỄN VĂN THỬ", birth="01/02/1990"):
        query = urllib.parse.urlencode({"token": self.access, "id_token": self.id, "username": self.user, "password": self.md5})
        said = {"maThe": number, "hoTen": name, "ngaySinh": birth, "hoTenCb": "TRẦN THỊ THỬ", "cccdCb": "079990000001"}
        return self.call("/api/egw/KQNhanLichSuKCB2024?" + query, json.dumps(said).encode(), {"Content-Type": "application/json"})

    def status(self, reference):
        return self.call("/api/kcb/tra-cuu-trang-thai/" + urllib.parse.quote(reference), headers=self.headers(), method="GET")


def main():
    if len(sys.argv) not in (5, 6):
        raise SystemExit(__doc__)
    h = Hospital(sys.argv[1], sys.argv[2], sys.argv[3], sys.stdin.read().rstrip("\n"))
    file = open(sys.argv[4], "rb").read()

    check("a file before the login", h.send(file), maKetQua="401")
    check("login with another password", h.take(md5=hashlib.md5(b"another").hexdigest()), maKetQua="401", APIKey=None)
    check("login, JSON, lower case", h.take(md5=h.md5.lower(), as_json=True), maKetQua="200")
    check("login, form", h.take(), maKetQua="200", APIKey=lambda k: k["token_type"] == "Bearer" and k["username"] == h.user)

    first = check("a signed file", h.send(file), maKetQua="200", maGiaoDich=lambda x: bool(x),
                  thoiGianTiepNhan=lambda x: len(x) == 14 and x.isdigit(), thongDiep=lambda x: bool(x))
    again = check("the same file again", h.send(file), maKetQua="200", maGiaoDich=first["maGiaoDich"])
    check("the same file by the older path", h.send(file, path="/api/qd130/guiHoSoXmlQD4750"), maKetQua="200", maGiaoDich=first["maGiaoDich"])
    wrapped = base64.encodebytes(file).decode()
    check("the same file, base64 in lines", h.send(None, text=wrapped), maKetQua="200", maGiaoDich=again["maGiaoDich"])
    check("what became of it", h.status(first["maGiaoDich"]), maKetQua="200", maGiaoDich=first["maGiaoDich"],
          trangThai=("accepted", "accepted_with_warnings", "waiting"))

    at = file.find(b"<SOLUONGHOSO>1")
    if at > 0:
        at = file.find(b"<NGAYLAP>") + len(b"<NGAYLAP>20")
        check("a byte changed after signing", h.send(file[:at] + (b"1" if file[at:at + 1] != b"1" else b"2") + file[at + 1:]), maKetQua="125")
    check("no file at all", h.send(b"<A>"), maKetQua="205")
    check("base64 with rubbish", h.send(None, text="@@" + base64.b64encode(file).decode()), maKetQua="205")
    check("another facility's code", h.send(file, facility="00000"), maKetQua="403")
    check("the look-up of nothing", h.status("00000-00000000000000000000000000"), maKetQua="205")
    if len(sys.argv) == 6:
        check("a check-in", h.send(open(sys.argv[5], "rb").read(), path="/api/qd130/checkInKcbQd3176", kind="0"), maKetQua="200")

    check("a card too short", h.card("DN479"), maKetQua="051")
    check("a card of the army", h.card("QN5970000000001"), maKetQua="001")
    known = check("a card", h.card("DN4790000000001"), maKetQua=lambda c: c not in ("200", "205", "401"), dsLichSuKCB2018=lambda x: not x)
    print("       the card is answered", known["maKetQua"], known["ghiChu"])

    h.access = "0" * len(h.access)
    check("another token", h.send(file), maKetQua="401")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
