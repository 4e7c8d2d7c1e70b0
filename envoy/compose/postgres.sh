#!/bin/bash
# What the official image does at its first start, as far as this stack needs it:
# a database of one user, whose password stands in POSTGRES_PASSWORD.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C
    echo "CREATE DATABASE \"$POSTGRES_USER\"" | postgres --single postgres > /dev/null
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
