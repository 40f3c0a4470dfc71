#!/bin/bash
# Backups of the database as files of pg_dump's custom format.
#
#   schedule      one at the start and one every BACKUP_HOURS, the newest BACKUPS_KEPT are kept
#   once          one now
#   list          what there is, oldest first
#   restore FILE  replace what is in the database by a backup: all of it, or nothing
#   check         fail if the newest is older than twice BACKUP_HOURS
#
# PGHOST, PGUSER and PGDATABASE say where; PGPASSWORD or the file PGPASSWORD_FILE who.
set -euo pipefail
folder=${BACKUP_FOLDER:?}
hours=${BACKUP_HOURS:-24}
most=${BACKUPS_KEPT:-14}
password_file=${PGPASSWORD_FILE:-/run/secrets/database-password}
if [ -z "${PGPASSWORD:-}" ] && [ -r "$password_file" ]; then
  PGPASSWORD=$(cat "$password_file")
  export PGPASSWORD
fi

list() {
  find "$folder" -maxdepth 1 -name 'kova-*.dump' -printf '%f\n' | sort
}

once() {
  local name partial
  name="kova-$(date -u +%Y%m%dT%H%M%SZ).dump"
  partial="$folder/.partial-$name"
  mkdir -p "$folder"
  # Of an earlier run that was killed.
  rm -f "$folder"/.partial-*
  pg_dump --no-password --format=custom --file="$partial"
  # A file that cannot be read is no backup.
  pg_restore --list "$partial" >/dev/null
  mv "$partial" "$folder/$name"
  list | head -n "-$most" | while read -r old; do rm "$folder/$old"; done
  echo "backup: $name, $(stat -c %s "$folder/$name") bytes"
}

restore() {
  local file="$folder/${1:?name one of: $(list | tr '\n' ' ')}"
  pg_restore --list "$file" >/dev/null
  # In one transaction: an error leaves the database as it was.
  {
    echo "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
    pg_restore --no-owner --no-privileges --file=- "$file"
  } | psql --no-password --quiet --no-psqlrc --single-transaction --set=ON_ERROR_STOP=1 --output=/dev/null
  echo "restored: $1"
}

check() {
  local newest
  newest=$(list | tail -n 1)
  [ -n "$newest" ] && [ -n "$(find "$folder/$newest" -mmin "-$((hours * 120))")" ]
}

schedule() {
  trap 'exit 0' TERM INT
  while true; do
    local pause=$((hours * 3600))
    # In a process of its own, where the first failure ends it.
    if ! "$BASH" "$0" once; then
      echo "backup: failed, trying again in five minutes" >&2
      pause=300
    fi
    # So that the trap is not kept waiting.
    sleep "$pause" &
    wait $!
  done
}

case "${1:-}" in
  schedule | once | list | check) "$1" ;;
  restore) restore "${2:-}" ;;
  *) sed -n '4,8s/^# \{0,3\}//p' "$0" >&2; exit 2 ;;
esac
