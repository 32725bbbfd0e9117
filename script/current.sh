#!/bin/sh
# Checks that Go files are formatted and that generated ones are what their
# source makes today. Changes nothing.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=$(gofmt -l cmd internal)
if [ -n "$bad" ]; then
	echo "not formatted (run: gofmt -w cmd internal):" >&2
	echo "$bad" >&2
	exit 1
fi
# templ writes the path of its source as it was given: compare without it.
bare() { sed 's|FileName: `[^`]*/|FileName: `|' "$1"; }
for source in $(find internal -name '*.templ'); do
	made=${source%.templ}_templ.go
	go tool templ generate -f "$source" -stdout >"$tmp/made" 2>"$tmp/said" || { cat "$tmp/said" >&2; exit 1; }
	bare "$tmp/made" >"$tmp/want"
	bare "$made" >"$tmp/have"
	if ! cmp -s "$tmp/have" "$tmp/want"; then
		echo "$made is not what $source makes (run: go tool templ generate)" >&2
		exit 1
	fi
done
