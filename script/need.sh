#!/bin/sh
# Looks for the programs that tests need. As root it installs by apt-get those
# that are missing; then it prints one loud line, on standard output, for each
# that is still missing, with what goes untested. Nothing missing: no output.
set -eu

postgres() {
	command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}
chromium() {
	command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1
}
has() { command -v "$1" >/dev/null 2>&1; }

want=
postgres || want="$want postgresql"
has xmlsec1 || want="$want xmlsec1"
chromium || want="$want chromium fonts-dejavu-core"
has openssl || want="$want openssl"
has python3 || want="$want python3"
has softhsm2-util || want="$want softhsm2"
has pkcs11-tool || want="$want opensc"
has gcc || want="$want gcc libc6-dev"
[ -e /etc/ssl/certs/ca-certificates.crt ] || want="$want ca-certificates"

if [ -n "$want" ] && [ "$(id -u)" = 0 ] && has apt-get; then
	echo "installing what tests need:$want" >&2
	export DEBIAN_FRONTEND=noninteractive
	{
		apt-get update -q &&
			# shellcheck disable=SC2086 # a list of packages
			apt-get install -q -y --no-install-recommends $want
	} </dev/null >&2 || echo "*** apt-get failed" >&2
fi

postgres || echo "*** SKIPPED: PostgreSQL is missing; nothing is tested on the store/postgres engine (apt-get install postgresql)"
has xmlsec1 || echo "*** SKIPPED: xmlsec1 is missing; seals are not compared with another implementation (apt-get install xmlsec1)"
chromium || echo "*** SKIPPED: Chromium is missing; no page is opened in a browser (apt-get install chromium)"
if ! has openssl || ! has python3; then
	echo "*** SKIPPED: openssl or python3 is missing; the golden receipt is not checked by a second reader (apt-get install openssl python3)"
fi
if ! has softhsm2-util || ! has pkcs11-tool || ! has gcc; then
	echo "*** SKIPPED: softhsm2, opensc or gcc is missing; nothing is signed with a PKCS#11 token (apt-get install softhsm2 opensc gcc libc6-dev)"
fi
has npm || echo "*** SKIPPED: npm is missing; pages are tested without their assets (apt-get install npm)"
