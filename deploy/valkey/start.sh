#!/bin/sh
# Starts Valkey with the password in KOVA_REDIS_PASSWORD, which may hold any character but a newline.
set -eu
escaped=$(printf '%s' "$KOVA_REDIS_PASSWORD" | sed 's/[\\"]/\\&/g')
# The configuration comes by standard input: no file holds it, and no list of processes shows it.
exec valkey-server - "$@" <<CONFIG
requirepass "$escaped"
CONFIG
