#!/bin/sh
# Writes the targets that compose.yaml names in the environment, then becomes Prometheus.
set -eu
targets=${TC_TARGETS_DIR:-/etc/prometheus/targets}

stop() {
    printf 'start.sh: %s\n' "$*" >&2
    exit 2
}

# FILE ADDRESS: an address that could be anything else than host:port would write other configuration.
write() {
    case $2 in
    '' | *[!A-Za-z0-9.:_\[\]-]*) stop "$1: not an address like 127.0.0.1:8000: $2" ;;
    *:*[0-9]) printf -- '- targets: ["%s"]\n' "$2" >"$targets/$1.yml" ;;
    *) stop "$1: the port is missing: $2" ;;
    esac
}

write lab "${TC_METRICS_TARGET:-127.0.0.1:8000}"
write sessions "${TC_SESSIONS_TARGET:-127.0.0.1:9091}"
write alertmanagers "${TC_ALERTMANAGER_TARGET:-127.0.0.1:9093}"
exec "$@"
