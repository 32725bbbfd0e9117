#!/bin/sh
# make soak: the fault runs that need no mounted disk, a few rounds of each with
# a new seed every time, until the time is over or one fails. It stops at the
# first failure and says its seed: make faults RUN=... SEED=... repeats it.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out
export LIENTHONG_FAULTS_OUT="$PWD/out/soak.jsonl"
rm -f "$LIENTHONG_FAULTS_OUT"
make -s internal/web/portal/asset/dist/icons.svg </dev/null
go test -c -o out/chaos.test ./internal/chaos
until=$(($(date +%s) + ${1:-3600}))
turn=0
while [ "$turn" = 0 ] || [ "$(date +%s)" -lt "$until" ]; do
	turn=$((turn + 1))
	LIENTHONG_FAULTS_SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
	export LIENTHONG_FAULTS_SEED
	if ! (cd internal/chaos && ../../out/chaos.test -test.count=1 -test.parallel 1 -test.timeout 30m -test.run '^Test(R1|R6|R14|R23|R24|R25)[A-Z]' -test.v) >out/soak.log 2>&1 </dev/null; then
		grep -E -- '--- FAIL|seed|_test.go' out/soak.log | head -20
		echo "turn $turn failed with SEED=$LIENTHONG_FAULTS_SEED; see out/soak.log"
		exit 1
	fi
	echo "turn $turn, seed $LIENTHONG_FAULTS_SEED: all runs as they should be"
done
echo "$turn turns, $(wc -l <"$LIENTHONG_FAULTS_OUT") runs, none failed"
