#!/bin/sh
# Runs every fuzz target for an equal share of $1 seconds. A failing input is
# kept by Go under testdata/fuzz of its package: commit it with the repair.
set -eu
cd "$(dirname "$0")/.."
total=${1:-600}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
for dir in $(grep -rl --include='*_test.go' '^func Fuzz' internal cmd | xargs -n1 dirname | sort -u); do
	grep -ho --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed "s|^func |$dir |"
done >"$list"
n=$(wc -l <"$list")
[ "$n" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
each=$((total / n))
[ "$each" -ge 1 ] || each=1
echo "$n targets, ${each}s each"
failed=0
while read -r dir target; do
	echo "== $dir $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${each}s" "./$dir" </dev/null || failed=$((failed + 1))
done <"$list"
[ "$failed" = 0 ] || { echo "$failed targets failed" >&2; exit 1; }
