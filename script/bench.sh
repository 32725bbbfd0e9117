#!/bin/sh
# Figures: the floor and intake end to end by the program itself, then the Go
# benchmarks of packages. A figure is quoted with the machine and the commit.
set -eu
cd "$(dirname "$0")/.."
echo "# $(uname -sm), $(getconf _NPROCESSORS_ONLN) processors, $(go version | cut -d' ' -f3), commit $(git rev-parse --short HEAD 2>/dev/null || echo none)"
bin/lienthong bench floor
bin/lienthong bench intake
for dir in $(grep -rl --include='*_test.go' '^func Benchmark' internal cmd | xargs -n1 dirname | sort -u); do
	go test -run '^$' -bench . -benchmem "./$dir" </dev/null
done
