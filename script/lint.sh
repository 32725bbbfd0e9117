#!/bin/sh
# Format, generated code, vet and staticcheck.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out
sh script/current.sh
go vet ./...
go tool staticcheck ./...
