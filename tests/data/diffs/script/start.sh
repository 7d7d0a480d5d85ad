#!/bin/sh
# Starts the dashboards.
set -eu
podman run -d --name grafana \
    -p 127.0.0.1:3000:3000 \
    -v grafana:/var/lib/grafana \
    -e GF_SERVER_ROOT_URL="$URL" \
    docker.io/grafana/grafana:11.3.0
