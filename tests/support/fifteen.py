"""A host as admins have it: fifteen containers, most of them started by hand with default rights."""

from __future__ import annotations

from tests.support.images import NGINX, REDIS, build
from tests.support.podman import BUSYBOX, Bench

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NETWORKS = ("fifteen-shop", "fifteen-wiki")
POD = "fifteen-metrics"
VOLUMES = ("fifteen-files", "fifteen-redis")
NEEDS_ADDRESS = "10.213.7.9"
"""What `legacy` asks, which only one container has, and no twin."""

_FOREVER = "trap 'exit 0' TERM INT; while :; do sleep 1 & wait $!; done"
_SERVES = "mkdir -p /srv; echo it works > /srv/index.html; exec httpd -f -p 8080 -h /srv"


def start(bench: Bench) -> tuple[str, ...]:
    """Start them; returns their names. `remove` takes all away."""
    for image in (NGINX, REDIS):
        build(bench, image)
    bench.podman("network", "create", NETWORKS[0])
    bench.podman("network", "create", "--subnet", "10.213.7.0/24", NETWORKS[1])
    bench.podman("pod", "create", "--name", POD, "-p", "127.0.0.1:9090:9090")
    for name, words in _containers().items():
        bench.podman(*words[:1], "--name", name, "--stop-timeout", "1", *words[1:])
    bench.podman("start", "report")
    return tuple(_containers())


def remove(bench: Bench) -> None:
    """With what hardening made of them."""
    bench.podman("pod", "rm", "-a", "-f", "-t", "0")
    kept = bench.podman("ps", "-a", "-q", "--no-trunc").split()
    bench.remove(*kept)
    bench.podman("network", "prune", "-f")
    bench.podman("volume", "prune", "-f")


def _containers() -> dict[str, tuple[str, ...]]:
    shop = ("run", "-d", "--network", NETWORKS[0], "--label", f"{PROJECT}=shop", "--label")
    wiki = ("run", "-d", "--network", NETWORKS[1], "--label", f"{PROJECT}=wiki", "--label")
    files = "while :; do date > /data/last; sleep 2 & wait $!; done"
    return {
        # a stack: a web server, its store, a worker that asks the store
        "shop-db": (*shop, f"{SERVICE}=db", "localhost/redis:1"),
        "shop-web": (*shop, f"{SERVICE}=web", "-p", "8080:80", "localhost/nginx:1"),
        "shop-worker": (
            *(*shop, f"{SERVICE}=worker", "--restart", "on-failure:3", BUSYBOX, "sh", "-c"),
            "while echo PING | nc -w 2 shop-db 6379 >/dev/null; do sleep 2; done; exit 3",
        ),
        # another one: scripts as entrypoints, a health check
        "wiki-web": (
            *(*wiki, f"{SERVICE}=web", "--health-cmd", "wget -q -O /dev/null 127.0.0.1:8080"),
            *("--health-interval", "5s", "--entrypoint", '["sh", "-c"]', BUSYBOX, _SERVES),
        ),
        "wiki-search": (
            *(*wiki, f"{SERVICE}=search", "--ip", NEEDS_ADDRESS, "--entrypoint", '["sh", "-c"]'),
            *(BUSYBOX, "exec httpd -f -p 9200 -h /etc"),
        ),
        # a pod with its infra container
        "metrics-store": (
            *("run", "-d", "--pod", POD, BUSYBOX, "httpd", "-f", "-p", "9090", "-h", "/etc"),
        ),
        "metrics-scraper": (
            *("run", "-d", "--pod", POD, BUSYBOX, "sh", "-c"),
            "while wget -q -O /tmp/seen 127.0.0.1:9090/passwd; do sleep 2; done; exit 4",
        ),
        # single ones
        "cache": ("run", "-d", "-v", f"{VOLUMES[1]}:/data", "--restart", "always", REDIS.reference),
        "proxy": ("run", "-d", "-p", "8443:80", "--restart", "unless-stopped", NGINX.reference),
        "files": ("run", "-d", "-v", f"{VOLUMES[0]}:/data", BUSYBOX, "sh", "-c", files),
        "logs": ("run", "-d", BUSYBOX, "syslogd", "-n", "-O", "/var/log/messages"),
        # one that is an agent of the host, one that cannot be tried, two that do not run
        "agent": (
            *("run", "-d", "--privileged", "--network", "host", "--pid", "host"),
            *("-v", "/:/host", BUSYBOX, "sh", "-c", _FOREVER),
        ),
        "legacy": (
            *("run", "-d", "--network", NETWORKS[1], BUSYBOX, "sh", "-c"),
            f"while wget -q -O /dev/null {NEEDS_ADDRESS}:9200/passwd; do sleep 2; done; exit 5",
        ),
        "report": ("create", BUSYBOX, "sh", "-c", "date > /tmp/report"),
        "spare": ("create", "--read-only", BUSYBOX, "sleep", "100000"),
    }
