#!/usr/bin/env python3
"""Ask the hub's door for facilities' systems, with nothing but Python and openssl.

  his-door.py summary --hub https://hub.example --client ID --facility 79901 \
      --key key.pem --licence 001234/HCM-CCHN --name "BS. ..." < patient-number.txt
  his-door.py openings --basis presence ...        (code, referral, consent, chip)

The patient's number is read from standard input, so that it stands in no list of
processes. See doc/guide/his-door.md. Loopback and approved hubs only.
"""
import argparse, base64, json, secrets, subprocess, sys, time
import urllib.error, urllib.parse, urllib.request


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_signature(der):
    """r and s of a DER signature, 32 bytes each (RFC 7518, section 3.4)."""
    def number(at):
        if der[at] != 2:
            raise ValueError("no ECDSA signature")
        size = der[at + 1]
        return der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0"), at + 2 + size
    r, at = number(2)
    s, _ = number(at)
    return r + s


def jws(key, header, claims):
    text = b64(json.dumps({"alg": "ES256", **header}).encode()) + "." + b64(json.dumps(claims).encode())
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), check=True, stdout=subprocess.PIPE).stdout
    return text + "." + b64(raw_signature(der))


def post(url, body, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        sys.exit(refused.read().decode())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("call", choices=["summary", "openings"])
    for name in ["hub", "client", "facility", "key", "licence", "name"]:
        p.add_argument("--" + name, required=True)
    p.add_argument("--purpose", default="treatment")
    p.add_argument("--accept", default="application/json")
    for name in ["basis", "patient", "nonce", "proof", "ticket", "code"]:
        p.add_argument("--" + name)
    a = p.parse_args()
    now, hub = int(time.time()), a.hub.rstrip("/")
    login = jws(a.key, {}, {"iss": a.client, "sub": a.client, "aud": hub + "/oauth2/token", "jti": secrets.token_hex(16), "exp": now + 240})
    token = json.loads(post(hub + "/oauth2/token", urllib.parse.urlencode({
        "grant_type": "client_credentials", "client_assertion": login,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}).encode(), {}))["access_token"]
    url = hub + "/api/v1/his/" + a.call
    said = jws(a.key, {"typ": "clinician+jwt"}, {
        "iss": a.facility, "aud": url, "iat": now, "exp": now + 60, "jti": secrets.token_hex(16),
        "licence": a.licence, "name": a.name, "patient": sys.stdin.readline().strip(), "purpose": a.purpose})
    body = {"assertion": said}
    body.update({k: v for k in ["basis", "patient", "nonce", "proof", "ticket", "code"] if (v := getattr(a, k)) and a.call == "openings"})
    print(post(url, json.dumps(body).encode(), {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": a.accept}))


main()
