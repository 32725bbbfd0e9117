#!/usr/bin/env python3
"""Count at both ends: what a hub says it delivered, and what lies at the
destinations, to the record.

It asks the hub over its operator's socket (DIR/admin.sock: who may open it is
the operator) and each simulated service at its own door, with nothing but
Python's standard library and no code of lienthong. It prints a table and exits
1 on a difference, 2 when something could not be asked.

    script/count.py --data DIR [NAME=URL ...] [--wait SECONDS] [--json]

NAME is the destination's name at the hub; without any, every destination in use
is asked at the address the hub has for it. --wait waits until nothing is on its
way any more, at most so long.

What is compared, for each destination: legs that are done, and what the service
recorded as different from one another, what it got elsewhere left out. Each leg
must be there once: "lost" is a leg that is done and not there, "extra" what is
there and no leg says so. A leg that was handed over and never answered, and was
given up since, may be there or not.
"""

import argparse
import datetime
import http.client
import json
import os
import socket
import sys
import time
import urllib.request


class Operator(http.client.HTTPConnection):
    """A hub's operator, over its socket."""

    def __init__(self, path):
        super().__init__("hub", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def act(data, path, body):
    hub = Operator(os.path.join(data, "admin.sock"))
    try:
        hub.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = hub.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200:
            raise OSError("the hub answers %d %s" % (answer.status, said.get("code", "")))
        return said
    finally:
        hub.close()


def after(moment):
    """A microsecond later than a moment of RFC 3339 in UTC."""
    whole, _, part = moment.rstrip("Z").partition(".")
    at = datetime.datetime.fromisoformat(whole) + datetime.timedelta(microseconds=int((part + "000000")[:6]) + 1)
    return at.isoformat() + "Z"


def listed(data, destination):
    """Every leg to a destination: {record: (kind, state)}. The socket lists at
    most 1,000 at once, newest first; the next begin where these ended."""
    found, filter_ = {}, {"destination": destination}
    while True:
        q = {"actor": "operator: count", "delivery": {"legs": {"filter": filter_}, "limit": 1000}}
        page = act(data, "/legs/list", q).get("legs") or []
        new = [l for l in page if l["record"] not in found]
        for l in new:
            found[l["record"]] = (l["kind"], l["state"])
        if not new:  # a page may be short: legs of closed compartments are left out of it
            if len(page) == 1000:
                raise OSError("1,000 legs to %s were begun in one moment: they cannot be listed" % destination)
            return found
        filter_["to"] = after(page[-1]["created"])


def recorded(url):
    """What a service has written down, oldest first."""
    with urllib.request.urlopen(url.rstrip("/") + "/simulator/records", timeout=120) as answer:
        return json.loads(answer.read())["records"] or []


def by_themselves(exchange, destination):
    """Facilities whose records reach the destination without the hub."""
    return {r["facility"] for r in exchange["routes"]
            if r["destination"] == destination and r.get("facility") and r["mode"] not in ("relay", "direct")}


def compare(data, destination, url, apart):
    hub = listed(data, destination)
    there = {}
    again = 0
    for e in recorded(url):
        # Held from the start, passed on by the insurer, handed out by a pharmacy:
        # not what a hub brought.
        if e.get("route") in ("hold", "insurer") or e["kind"] == "dispensing" or e["facility"] in apart:
            continue
        again += 1 if e["duplicate"] else 0
        there.setdefault(e["facility"], set()).add((e["kind"], e["episode"], e["sha256"]))
    states, done, perhaps = {}, {}, {}
    for record, (_, state) in hub.items():
        facility = record.split("-")[0]
        states[state] = states.get(state, 0) + 1
        if state == "done":
            done[facility] = done.get(facility, 0) + 1
        elif state != "held":
            perhaps[facility] = perhaps.get(facility, 0) + 1
    facilities = []
    lost = extra = 0
    if any(len(f) != 5 for f in there):  # the axis names senders, not facilities: one sum
        there = {"all": set().union(*there.values())}
        done, perhaps = {"all": sum(done.values())}, {"all": sum(perhaps.values())}
    for facility in sorted(set(there) | set(done)):
        delivered, lies = done.get(facility, 0), len(there.get(facility, ()))
        missing, more = max(0, delivered - lies), max(0, lies - delivered - perhaps.get(facility, 0))
        lost, extra = lost + missing, extra + more
        if missing or more:
            facilities.append({"facility": facility, "delivered": delivered, "there": lies})
    return {"destination": destination, "done": states.get("done", 0), "waiting": states.get("waiting", 0), "held": states.get("held", 0),
            "parked": states.get("parked", 0), "skipped": states.get("skipped", 0), "there": sum(len(s) for s in there.values()), "again": again,
            "lost": lost, "extra": extra, "facilities": facilities}


def count(data, named):
    exchange = act(data, "/exchange", {"actor": "operator: count"})["exchange"]
    urls = {d["id"]: d["url"] for d in exchange["destinations"] if not d.get("ended")}
    if named:
        unknown = set(named) - set(urls)
        if unknown:
            raise OSError("no destination in use is named " + ", ".join(sorted(unknown)))
        urls = named
    return [compare(data, name, urls[name], by_themselves(exchange, name)) for name in sorted(urls)]


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    words.add_argument("--data", required=True, help="directory of the hub")
    words.add_argument("--wait", type=float, default=0, help="wait at most so many seconds until nothing is on its way")
    words.add_argument("--json", action="store_true")
    words.add_argument("service", nargs="*", metavar="NAME=URL")
    a = words.parse_args()
    named = dict(s.split("=", 1) for s in a.service)
    end = time.monotonic() + a.wait
    try:
        while True:
            rows = count(a.data, named)
            if time.monotonic() >= end or not any(r["waiting"] for r in rows):
                break
            time.sleep(1)
    except (OSError, ValueError, KeyError, http.client.HTTPException) as e:
        print("count:", e, file=sys.stderr)
        return 2
    wrong = any(r["lost"] or r["extra"] for r in rows)
    if a.json:
        print(json.dumps(rows))
        return 1 if wrong else 0
    columns = ("done", "waiting", "held", "parked", "skipped", "there", "again", "lost", "extra")
    print("%-20s" % "destination" + "".join("%9s" % c for c in columns))
    for r in rows:
        print("%-20s" % r["destination"] + "".join("%9d" % r[c] for c in columns))
        for f in r["facilities"][:20]:
            print("    %s: the hub delivered %d, %d lie there" % (f["facility"], f["delivered"], f["there"]))
        if len(r["facilities"]) > 20:
            print("    and %d facilities more" % (len(r["facilities"]) - 20))
    print("DIFFERENT" if wrong else "equal")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
