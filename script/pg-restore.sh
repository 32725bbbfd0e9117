#!/bin/sh
# Restores a PostgreSQL cluster to a moment, out of what `lienthong backup base`
# and `lienthong backup wal` kept, as the user that will run the server. It makes
# DATA and does not start the server; that follows the archive up to TARGET and
# then takes writes. See doc/guide/postgres.md.
#
#   PLACE=dir IDENTITY=file LOGKEY=line DATA=newdir [TARGET='2026-07-01 08:00:00+07'] [LIENTHONG=path] script/pg-restore.sh
set -eu
: "${PLACE:?}" "${IDENTITY:?}" "${LOGKEY:?}" "${DATA:?}"
LIENTHONG=${LIENTHONG:-lienthong}
if [ -e "$DATA" ]; then
	echo "pg-restore: $DATA is there already; restore to a new directory" >&2
	exit 1
fi
half=$DATA.restoring
rm -rf "$half"
mkdir -m 700 "$half"
trap 'rm -rf "$half"' EXIT
# Written out whole first: a pipe would hide that the backup is damaged.
"$LIENTHONG" restore base --from "$PLACE" --identity "$IDENTITY" --log-key "$LOGKEY" >"$half.tar"
trap 'rm -rf "$half" "$half.tar"' EXIT
tar -x -C "$half" -f "$half.tar"
{
	echo "restore_command = '\"$LIENTHONG\" restore wal --from \"$PLACE\" --identity \"$IDENTITY\" --log-key \"$LOGKEY\" %f %p'"
	echo "recovery_target_action = 'promote'"
	echo "archive_mode = 'off'"
	if [ -n "${TARGET:-}" ]; then
		echo "recovery_target_time = '$TARGET'"
	fi
} >>"$half/postgresql.auto.conf"
: >"$half/recovery.signal"
mv "$half" "$DATA"
