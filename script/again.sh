#!/bin/sh
# Runs the tests that failed in a log of `go test` once more, one after the other,
# each alone. It fails unless every one of them passes now, and where a package failed
# without naming a test (it did not build, or it ended early).
set -eu
log=$1
status=0
list=$(awk '
	/^--- FAIL: / { names = names (names == "" ? "" : "|") $3; next }
	/^(panic:|fatal error:)/ { names = "!" }
	/^FAIL\tlienthong/ { print $2, (names == "" ? "!" : names); names = ""; next }
	/^ok  / { names = "" }
' "$log")
[ -n "$list" ] || exit 1
while read -r package names; do
	case $names in
	*!*)
		echo "*** FAILED without a test's name, not run again: $package"
		status=1
		continue
		;;
	esac
	if go test -count=1 -p 1 -vet=off -timeout 6m -run "^($names)\$" "$package" </dev/null 2>&1; then
		echo "*** UNSTEADY: $package $names failed among others and passed alone"
	else
		echo "*** FAILED twice: $package $names"
		status=1
	fi
done <<EOF
$list
EOF
exit $status
