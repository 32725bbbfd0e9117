#!/bin/sh
# make faults: the hub under faults (doc/design/faults.md), all rounds, each run
# with its control. SEED repeats a run; ROUNDS is instead of each run's own;
# RUN picks by name ("R1", "R2|R18"). One line each; all of it in out/faults.json.
# Nothing may be missing here: as root, what is missing is installed.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out
has() { command -v "$1" >/dev/null 2>&1; }

want=
has strace || want="$want strace"
has mkfs.ext4 || want="$want e2fsprogs"
has mount || want="$want mount"
if [ -n "$want" ] && [ "$(id -u)" = 0 ] && has apt-get; then
	echo "installing what the runs need:$want" >&2
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list of packages
	{ apt-get update -q && apt-get install -q -y --no-install-recommends $want; } </dev/null >&2 || echo "*** apt-get failed" >&2
fi
sh script/need.sh >&2
[ "$(id -u)" = 0 ] || echo "*** not root: no disk can be mounted, and R2, R3 and R5 will fail" >&2
[ -e /dev/fuse ] || echo "*** no /dev/fuse: R2 and R3 will fail" >&2
make -s internal/web/portal/asset/dist/icons.svg </dev/null

export LIENTHONG_FAULTS=full LIENTHONG_FAULTS_OUT="$PWD/out/faults.jsonl" LIENTHONG_REQUIRE_POSTGRES=1
[ -z "${SEED:-}" ] || export LIENTHONG_FAULTS_SEED="$SEED"
[ -z "${ROUNDS:-}" ] || export LIENTHONG_FAULTS_ROUNDS="$ROUNDS"
rm -f "$LIENTHONG_FAULTS_OUT" out/faults.json
: >out/faults.log

# What measures time or memory runs alone; of the rest one at a time as well:
# each fills two processors by itself.
status=0
for package in ./internal/chaos ./internal/reverify; do
	go test -count=1 -timeout 0 -parallel 1 -run "^Test(${RUN:-R[0-9]+})[A-Z]" -v "$package" </dev/null >>out/faults.log 2>&1 || status=$?
done

# One line for each run; a run that left none did not come to its end.
[ -s "$LIENTHONG_FAULTS_OUT" ] || { echo "no run came to its end; see out/faults.log"; exit 1; }
text='(([^"\\]|\\.)*)'
sed -E 's/^\{"name":"'"$text"'","seed":([0-9]+),"rounds":([0-9]+),"result":"'"$text"'","control":"'"$text"'","ok":(true|false).*/\1 | seed \3 | \4 rounds | \5 | control: \7 | ok \9/' "$LIENTHONG_FAULTS_OUT"
awk 'BEGIN { print "[" } { printf "%s  %s", (NR > 1 ? ",\n" : ""), $0 } END { print "\n]" }' "$LIENTHONG_FAULTS_OUT" >out/faults.json
rm -f "$LIENTHONG_FAULTS_OUT"
grep -E '^(--- FAIL|FAIL|panic)' out/faults.log || true
if grep -q '"ok":false' out/faults.json; then status=1; fi
[ "$status" = 0 ] || echo "NOT all runs are as they should be; see out/faults.log"
exit "$status"
