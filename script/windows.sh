#!/bin/sh
# The Windows build: bin/lienthong.exe, and vet over the packages that have code of
# Windows's own (the service, the directory's rights, the console) or run there.
# Tests of the hub's stores need a Unix, so what imports those is built only.
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0 GOOS=windows GOARCH=amd64
stamp=
[ -z "${VERSION:-}" ] || stamp="-X lienthong/internal/agent/update.stamped=$VERSION"
mkdir -p bin
go build -trimpath -ldflags "$stamp" -o bin/lienthong.exe ./cmd/lienthong
go build -trimpath -o bin/lienthong-token.exe ./cmd/lienthong-token
go vet ./internal/agent/... ./internal/command ./internal/command/agent ./cmd/lienthong-token
echo "ok    bin/lienthong.exe"
