#!/bin/sh
# Builds the portal's assets where npm is; says loudly when it is not, because
# pages then come in system fonts and without scripts.
set -eu
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null 2>&1; then
	echo "*** npm is missing: pages will use system fonts and no scripts. Install npm, then: make assets" >&2
	exit 0
fi
exec sh internal/web/portal/asset/build.sh
