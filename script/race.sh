#!/bin/sh
# The packages that use sync or channels of other packages' goroutines, under
# the race detector, with what imports their stores.
set -eu
cd "$(dirname "$0")/.."
sh script/need.sh
packages=$(go list -f '{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... |
	awk '/ (sync|sync\/atomic|golang.org\/x\/sync\/[a-z]+)( |$)/{print $1}')
# shellcheck disable=SC2086 # a list of packages
exec go test -race -p 1 -timeout 30m $packages </dev/null
