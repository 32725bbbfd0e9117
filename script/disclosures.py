#!/usr/bin/env python3
"""Count what leaves a hub with clinical content in it, and hold the log of looks against it.

    disclosures.py --hub http://127.0.0.1:8080 [--listen 127.0.0.1:9000] [--walk] [--marker WORD ...] [--for SECONDS]

It is a proxy of its own before the hub and knows nothing of how the hub keeps its
log. Every response body that holds one of the words planted with the demo's
people (medicines, results, allergies) is a disclosure. At the end (Ctrl-C, --for,
or when --walk is through) it logs in as the demo's auditor, reads the log at
/fhir/AuditEvent, and looks for an entry written while each such request was under
way, before its answer was complete. Exit 0: every one has an entry. 1: one has
none. 2: it could not be told.

--walk logs in at the demo's simulated VNeID as its citizens and reads their books
through the proxy. Without it, browse at --listen: log in at the hub first, then
change the port in the address. Only for a demo: nobody in it exists.
"""
import argparse, http.client, http.cookiejar, http.server, json, re, sys, threading, time, urllib.error, urllib.parse, urllib.request
from datetime import datetime, timezone

MARKERS = ["Metformin", "Amlodipin", "Sertralin", "Clopidogrel", "Dolutegravir", "Omeprazol", "HbA1c", "trầm cảm", "penicillin"]
SKIP = ("/try", "/assets/", "/fhir/", "/ledger/")  # the demo's own words about its people; files; the log itself

seen, lock = [], threading.Lock()


def handler(hub, markers):
    at = urllib.parse.urlsplit(hub)

    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            began = time.time()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            up = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
            head = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding", "content-length")}
            up.request(self.command, self.path, body or None, head)
            res = up.getresponse()
            data = res.read()
            ended = time.time()
            up.close()
            self.send_response(res.status)
            for k, v in res.getheaders():
                if k.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(k, v.replace(hub, "http://" + (self.headers.get("Host") or "")) if k.lower() == "location" else v)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            found = [m for m in markers if m.encode() in data]
            with lock:
                seen.append((began, ended, self.command, re.sub(r"[0-9a-f]{32}|[0-9a-z]{26}", "*", self.path.split("?")[0]), res.status,
                             found if not self.path.startswith(SKIP) else []))

        do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = forward

        def log_message(self, *_):
            pass

    return Proxy


def browser():
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def login(hub, door, key):
    """Log in at the demo's simulated provider as key; the session's cookie is good for every port."""
    b = browser()
    with b.open(hub + door) as r:  # ends at the provider's page of people
        page, here = r.read().decode(), r.geturl()
    request = re.search(r'name="request" value="([^"]+)"', page)
    if not request or 'value="%s"' % key not in page:
        raise RuntimeError("no %s at %s" % (key, here))
    to = urllib.parse.urljoin(here, "/authorize/choose")
    b.open(to, urllib.parse.urlencode({"request": request.group(1), "person": key}).encode()).read()
    return b


def walk(hub, proxy):
    for key in ("lan", "binh", "ha", "mai", "duc"):
        b = login(hub, "/login/vneid?next=/me", key)
        paths, done = ["/me", "/me/health", "/me/papers", "/me/looks", "/me/choices"], set()
        while paths:
            path = paths.pop(0)
            if path in done:
                continue
            done.add(path)
            try:
                with b.open(proxy + path) as r:
                    page = r.read().decode()
            except urllib.error.HTTPError as e:
                raise RuntimeError("%s: %d" % (path.split("/")[1], e.code)) from e
            paths += re.findall(r'href="(/me/records/[0-9A-Za-z-]+)"', page)


def stamps(hub, since):
    """The moments of the log's entries, as the auditor reads them."""
    b = login(hub, "/login/staff?next=/audit", "kt-thu")
    day = datetime.fromtimestamp(since, timezone.utc).strftime("%Y-%m-%d")
    url = hub + "/fhir/AuditEvent?" + urllib.parse.urlencode({"date": "ge" + day, "case": "VV-DEMO", "_count": "100"})
    out = []
    while url:
        with b.open(url) as r:
            bundle = json.load(r)
        rows = [x["resource"] for x in bundle.get("entry", [])]
        moments = [datetime.fromisoformat(x["recorded"].replace("Z", "+00:00")).timestamp() for x in rows]
        out += moments
        following = [l["url"] for l in bundle.get("link", []) if l["relation"] == "next"]
        url = urllib.parse.urljoin(hub, following[0]) if following and moments and moments[-1] >= since - 5 else None
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--hub", default="http://127.0.0.1:8080")
    a.add_argument("--listen", default="127.0.0.1:9000")
    a.add_argument("--walk", action="store_true")
    a.add_argument("--marker", action="append", default=[])
    a.add_argument("--for", dest="seconds", type=float, default=0)
    o = a.parse_args()
    hub, (host, port) = o.hub.rstrip("/"), o.listen.rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), handler(hub, MARKERS + o.marker))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.time()
    try:
        if o.walk:
            walk(hub, "http://" + o.listen)
        else:
            print("http://%s  →  %s   (Ctrl-C: count)" % (o.listen, hub), file=sys.stderr)
            time.sleep(o.seconds or 1e9)
    except KeyboardInterrupt:
        pass
    server.shutdown()
    entries = stamps(hub, began)
    bodies = [s for s in seen if s[5]]
    missing = [s for s in bodies if not any(s[0] - 0.001 <= e <= s[1] for e in entries)]
    inside = sum(1 for e in entries if e >= began)
    for s in missing:
        print("no entry: %s %s %d %s" % (s[2], s[3], s[4], s[5]))
    print("responses %d, with clinical content %d, log entries since %d, disclosed without an entry %d" % (len(seen), len(bodies), inside, len(missing)))
    if not bodies or not inside:
        print("nothing was disclosed: nothing is shown by this", file=sys.stderr)
        return 2
    return 1 if missing else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError, ValueError, KeyError, http.client.HTTPException) as e:
        print("disclosures: %s" % e, file=sys.stderr)
        sys.exit(2)
