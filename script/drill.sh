#!/bin/sh
# The ransomware drill: a hub at work is backed up, its data directory is
# encrypted, the hub alarms, the backup is restored elsewhere and proved, and
# every receipt given before the last backup is held against it, byte for byte.
# Its control restores from a place that lacks one segment, which must fail.
# ROUNDS (default 1) repeats it.
set -eu
cd "$(dirname "$0")/.."
go test -count="${ROUNDS:-1}" -run '^TestRansomwareDrill$' -v ./cmd/lienthong
