"""Mounts from wherever they come, control sockets under any name, and paths that give more than their data.

What is true of each of them is tried inside the container: see probes.py.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from tests.live.flavours.model import BOTH, CREATED, ROOTFUL, Flavour, Ids, Place, ids
from tests.live.flavours.probes import AGENT, BUS, ENGINE, READ, WRITE

_SENSITIVE, _ENGINE, _CONTROL = "sensitive-host-mount", "mounted-engine-socket", "mounted-control-socket"
_TIGHT = "nosuid,nodev,noexec"
_ROOT_OF_HOST = {ROOTFUL: ids("host-user-namespace")}
"""Without a user namespace root of the container is root of the host, so that a probe shows what is open."""
_BELOW = ids("writable-mount")
"""File systems mounted below, which the options of a mount do not reach, depend on the machine."""
_NO_IMAGE = (
    ids("root-user undeclared-published-port mutable-image-tag short-image-name")
    | ids("default-capabilities-kept missing-vulnerability-scan old-image")
    | ids("unexpected-listener unneeded-capabilities")
)
"""What an image would say."""
_IN_POD = ids("network publish userns")

MATERIAL = """\
exec </dev/null >{directory}/services/said 2>&1
cd {directory}/services
mkdir -p anna/.ssh anna/.aws anna/.kube anna/.gnupg anna/site second agent bus moved links harmless stale shop
mkdir -p rootfs/bin rootfs/etc
for place in .ssh/id_ed25519 .aws/credentials .kube/config .gnupg/secring.gpg site/index.html; do
  echo x >anna/$place
done
cp "$(command -v busybox)" rootfs/bin/busybox
for program in httpd sh sleep; do ln -sf busybox rootfs/bin/$program; done
echo 'web:x:101:101::/:/bin/false' >rootfs/etc/passwd
ln -f {socket} links/app
later() {{ setsid timeout 3600 "$@" >/dev/null & }}
later podman system service --time=0 unix://{directory}/services/second/app
later podman system service --time=0 unix://{directory}/services/moved/before
later ssh-agent -D -a {directory}/services/agent/a
later dbus-daemon --session --nofork --address=unix:path={directory}/services/bus/b
for path in harmless/docker.sock harmless/app; do
  later python3 -c 'import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
time.sleep(3600)' {directory}/services/$path
done
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("stale/s.sock")'
ready() {{
  for path in second/app moved/before agent/a bus/b harmless/docker.sock harmless/app; do
    [ -S $path ] || return 1
  done
}}
for _ in $(seq 200); do ready && break; sleep 0.1; done
ready
mv moved/before moved/after
ln -f agent/a links/agent
ln -f bus/b shop/b
podman volume create -o type=none -o o=bind -o device={directory}/services/second truth-second
podman volume create -o type=none -o o=bind -o device={directory}/services/bus truth-bus
podman volume create -o type=none -o o=bind -o device={directory}/services/anna/.ssh truth-keys
podman volume create -o type=none -o o=bind -o device={directory}/services/anna/site truth-site
giver() {{
  podman create --network=none --label=app=truth --name truth-giver-$1 -v $2 localhost/truth-web:1.0 sh
}}
giver etc /etc:/seen:ro
giver etc-rw /etc:/seen:nosuid,nodev,noexec
giver keys {directory}/services/anna/.ssh:/seen:ro
giver engine {socket}:/app
giver bus {directory}/services/bus:/seen:ro
giver site {directory}/services/anna/site:/seen:ro
giver loose {directory}/data:/seen
"""
"""A script: things to mount, services of their own with sockets, and containers whose mounts others take."""


def _volume(source: str, options: str) -> Callable[[Place], tuple[str, ...]]:
    """DIRECTORY, SERVICES and STORAGE stand for directories of the place."""

    def arguments(place: Place) -> tuple[str, ...]:
        return ("--volume", f"{_there(source, place)}:/seen:{options}")

    return arguments


def _there(text: str, place: Place) -> str:
    bench = posixpath.dirname(posixpath.dirname(place.socket))
    for word, path in (
        ("DIRECTORY", place.directory),
        ("SERVICES", f"{place.directory}/services"),
        ("STORAGE", f"{bench}/root"),
    ):
        text = text.replace(word, path)
    return text


def _taking(*words: str) -> Callable[[Place], tuple[str, ...]]:
    return lambda place: tuple(_there(word, place) for word in words)


def _flavour(
    name: str,
    arguments: Callable[[Place], tuple[str, ...]],
    bad: str = "",
    *,
    probe: tuple[str, str] | None = None,
    of: str = _SENSITIVE,
    engines: tuple[str, ...] = (ROOTFUL,),
    also: Ids = frozenset(),
    **more: object,
) -> Flavour:
    """One with root of the host inside; the probe decides about the check `of`."""
    return Flavour(
        f"mount-{name}",
        ids(bad) | also,
        arguments,
        without=ids("userns"),
        bad_on=_ROOT_OF_HOST,
        engines=engines,
        probes={of: probe} if probe else {},
        **more,  # type: ignore[arg-type]
    )


def _read(
    name: str,
    source: str,
    inside: str = "",
    *,
    bad: bool = True,
    engines: tuple[str, ...] = (ROOTFUL,),
    **more: object,
) -> Flavour:
    """Mounted read-only: what can be read of it."""
    probe = (READ, f"/seen{inside}") if bad else (WRITE, f"/seen{inside}")
    wrong = _SENSITIVE if bad else ""
    return _flavour(name, _volume(source, "ro"), wrong, probe=probe, engines=engines, **more)  # type: ignore[arg-type]


def _write(name: str, source: str, inside: str = "", bad: str = _SENSITIVE) -> Flavour:
    return _flavour(name, _volume(source, _TIGHT), bad, probe=(WRITE, f"/seen{inside}") if bad else None)


READING = (
    _read("shadow-ro", "/etc/shadow"),
    _read("root-home-ro", "/root"),
    _read("var-lib-ro", "/var/lib", "/dpkg/status", free=_BELOW),
    _read("var-ro", "/var", "/lib/dpkg/status", free=_BELOW),
    _read("keys-ro", "SERVICES/anna/.ssh", "/id_ed25519", engines=BOTH),
    _read("one-key-ro", "SERVICES/anna/.ssh/id_ed25519", engines=BOTH),
    _read("cloud-keys-ro", "SERVICES/anna/.aws", "/credentials", engines=BOTH),
    _read("kube-ro", "SERVICES/anna/.kube", "/config", engines=BOTH),
    _read("gnupg-ro", "SERVICES/anna/.gnupg", "/secring.gpg", engines=BOTH),
    _read("storage-ro", "STORAGE", "/overlay-containers", engines=BOTH, also=ids("writable-mount")),
    _read("storage-part-ro", "STORAGE/overlay-containers", engines=BOTH, free=_BELOW),
    _read(
        "storage-parent-ro",
        "STORAGE/..",
        "/root/overlay-containers",
        also=ids(f"writable-mount {_ENGINE} {_CONTROL}"),
    ),
    _read("site-ro", "SERVICES/anna/site", bad=False, engines=BOTH),
    _read("passwd-ro", "/etc/passwd", bad=False),
    _read("profile-d-ro", "/etc/profile.d", bad=False),
    _read("programs-ro", "/usr/bin", bad=False),
    _read("opt-ro", "/opt", bad=False),
    _read("boot-ro", "/boot", bad=False),
    _read("package-cache-ro", "/var/cache/apt", bad=False),
    _read("cpuinfo-ro", "/proc/cpuinfo", bad=False),
    _read("net-class-ro", "/sys/class/net", bad=False),
)
WRITING = (
    _write("passwd-rw", "/etc/passwd"),
    _write("cron-rw", "/etc/cron.d"),
    _write("cron-daily-rw", "/etc/cron.daily"),
    _write("pam-rw", "/etc/pam.d"),
    _write("units-rw", "/etc/systemd", "/system"),
    _write("profile-d-rw", "/etc/profile.d"),
    _write("linker-rw", "/etc/ld.so.conf.d"),
    _write("defaults-rw", "/etc/default"),
    _write("alternatives-rw", "/etc/alternatives"),
    _write("sources-rw", "/etc/apt"),
    _write("programs-rw", "/usr/local/bin"),
    _write("libraries-rw", "/usr/lib"),
    _write("share-rw", "/usr/share"),
    _write("packages-rw", "/var/lib/dpkg", "/info"),
    _write("package-cache-rw", "/var/cache/apt"),
    _write("boot-rw", "/boot"),
    _write("opt-rw", "/opt"),
    _write("root-home-rw", "/root"),
    _write("proc-sys-rw", "/proc/sys", "/kernel/core_pattern"),
    _write("sys-rw", "/sys", "/kernel/profiling"),
    _flavour("log-of-service-rw", _volume("DIRECTORY/data", _TIGHT), engines=BOTH),
)
_GIVEN = "/seen/shadow"
ORIGINS = (
    _flavour(
        "from-container",
        _taking("--volumes-from=truth-giver-etc"),
        _SENSITIVE,
        probe=(READ, _GIVEN),
        free=_BELOW,
    ),
    _flavour(
        "from-container-rw",
        _taking("--volumes-from=truth-giver-etc-rw"),
        _SENSITIVE,
        free=_BELOW,
        probe=(WRITE, "/seen/pam.d"),
    ),
    _flavour(
        "from-container-made-ro",
        _taking("--volumes-from=truth-giver-etc-rw:ro"),
        _SENSITIVE,
        free=_BELOW,
        probe=(READ, _GIVEN),
    ),
    _flavour(
        "from-container-created",
        _taking("--volumes-from=truth-giver-keys"),
        _SENSITIVE,
        engines=BOTH,
        state=CREATED,
    ),
    _flavour(
        "from-container-keys",
        _taking("--volumes-from=truth-giver-keys"),
        _SENSITIVE,
        probe=(READ, "/seen/id_ed25519"),
        engines=BOTH,
    ),
    _flavour(
        "from-containers",
        _taking("--volumes-from=truth-giver-engine", "--volumes-from=truth-giver-keys"),
        f"{_SENSITIVE} {_ENGINE}",
        probe=(ENGINE, "/app"),
        of=_ENGINE,
        engines=BOTH,
    ),
    _flavour(
        "from-container-site",
        _taking("--volumes-from=truth-giver-site"),
        probe=(WRITE, "/seen"),
        engines=BOTH,
    ),
    _flavour(
        "from-container-loose", _taking("--volumes-from=truth-giver-loose"), "writable-mount", engines=BOTH
    ),
    _flavour(
        "volume-keys",
        _taking("--volume=truth-keys:/seen:ro"),
        _SENSITIVE,
        probe=(READ, "/seen/id_ed25519"),
        engines=BOTH,
    ),
    _flavour(
        "volume-keys-created",
        _taking("--volume=truth-keys:/seen:ro"),
        _SENSITIVE,
        engines=BOTH,
        state=CREATED,
    ),
    _flavour("volume-site", _taking("--volume=truth-site:/seen:ro"), probe=(WRITE, "/seen"), engines=BOTH),
    _flavour(
        "glob",
        _taking("--mount=type=glob,src=/etc/shado*,dst=/seen,ro"),
        _SENSITIVE,
        probe=(READ, "/seen/shadow"),
    ),
    _flavour(
        "glob-created", _taking("--mount=type=glob,src=/etc/shado*,dst=/seen,ro"), _SENSITIVE, state=CREATED
    ),
    _flavour(
        "glob-site",
        _taking("--mount=type=glob,src=SERVICES/anna/site/*,dst=/seen,ro"),
        probe=(WRITE, "/seen/index.html"),
        engines=BOTH,
    ),
    _flavour("layered-etc", _volume("/etc", "O"), _SENSITIVE, probe=(READ, _GIVEN)),
    _flavour("layered-etc-created", _volume("/etc", "O"), _SENSITIVE, state=CREATED),
    _flavour("layered-programs", _volume("/usr/local/bin", "O")),
    _flavour(
        "layered-socket",
        _volume("SERVICES/second", "O"),
        probe=(ENGINE, "/seen/app"),
        of=_ENGINE,
        engines=BOTH,
    ),
    Flavour(
        "mount-root-directory-of-the-host",
        ids(_SENSITIVE),
        arguments=("--rootfs",),
        without=ids("userns read-only"),
        bad_on=_ROOT_OF_HOST,
        image="/:O",
        own_files=True,
        engines=(ROOTFUL,),
        command=("/bin/sleep", "3600"),
        probes={_SENSITIVE: (READ, "/etc/shadow")},
        free=_NO_IMAGE | ids("writable-rootfs drifted-files missing-health-check unhealthy"),
    ),
    _flavour(
        "image-mount", _taking("--mount=type=image,src=localhost/truth-root:1.0,dst=/seen"), engines=BOTH
    ),
    Flavour(
        "mount-root-directory",
        arguments=("--rootfs",),
        without=ids("userns"),
        bad_on=_ROOT_OF_HOST,
        image="DIRECTORY/services/rootfs",
        own_files=True,
        engines=(ROOTFUL,),
        free=_NO_IMAGE,
    ),
    Flavour(
        "mount-pod-keys",
        ids(_SENSITIVE),
        without=_IN_POD,
        pod=lambda p: (
            "--network=truth-net",
            f"--publish={p.address}:{20000 + p.number}:8080",
            f"--volume={p.directory}/services/anna/.ssh:/seen:ro",
        ),
        bad_on={ROOTFUL: ids("host-user-namespace needless-rootful-engine")},
        infra_bad=ids(_SENSITIVE),
        probes={_SENSITIVE: (READ, "/seen/id_ed25519")},
    ),
    Flavour(
        "mount-pod-keys-created",
        ids(_SENSITIVE),
        without=_IN_POD,
        pod=lambda p: (
            "--network=truth-net",
            f"--publish={p.address}:{20000 + p.number}:8080",
            f"--volume={p.directory}/services/anna/.ssh:/seen:ro",
        ),
        bad_on={ROOTFUL: ids("host-user-namespace needless-rootful-engine")},
        infra_bad=ids(_SENSITIVE),
        state=CREATED,
    ),
    Flavour(
        "mount-pod-engine",
        ids(_ENGINE),
        without=_IN_POD,
        pod=lambda p: (
            "--network=truth-net",
            f"--publish={p.address}:{20000 + p.number}:8080",
            f"--volume={p.socket}:/app:ro",
        ),
        bad_on={ROOTFUL: ids("host-user-namespace needless-rootful-engine")},
        infra_bad=ids(_ENGINE),
        probes={_ENGINE: (ENGINE, "/app")},
    ),
)


def _socket(
    name: str, source: str, of: str, probe: tuple[str, str] | None, *, bad: bool = True, **more: object
) -> Flavour:
    arguments = _volume(source, "ro")
    return _flavour(f"socket-{name}", arguments, of if bad else "", probe=probe, of=of, engines=BOTH, **more)  # type: ignore[arg-type]


_NOBODY = dict.fromkeys((_ENGINE, _CONTROL), "nobody is known to listen on that socket")
_SCRIPT = dict.fromkeys((_ENGINE, _CONTROL), "Python listens, and what its script does is not known")
SOCKETS = (
    _socket("hard-link", "SERVICES/links/app", _ENGINE, (ENGINE, "/seen")),
    _socket("hard-link-created", "SERVICES/links/app", _ENGINE, None, state=CREATED),
    _flavour(
        "socket-hard-link-directory",
        _volume("SERVICES/links", "ro"),
        f"{_ENGINE} {_CONTROL}",
        probe=(ENGINE, "/seen/app"),
        of=_ENGINE,
        engines=BOTH,
    ),
    _socket("second", "SERVICES/second/app", _ENGINE, (ENGINE, "/seen")),
    _socket("second-created", "SERVICES/second/app", _ENGINE, None, state=CREATED),
    _socket("second-directory", "SERVICES/second", _ENGINE, (ENGINE, "/seen/app")),
    _flavour(
        "socket-second-volume",
        _taking("--volume=truth-second:/seen:ro"),
        _ENGINE,
        probe=(ENGINE, "/seen/app"),
        of=_ENGINE,
        engines=BOTH,
    ),
    _socket("agent", "SERVICES/agent/a", _CONTROL, (AGENT, "/seen")),
    _socket("agent-created", "SERVICES/agent/a", _CONTROL, None, state=CREATED),
    _socket("agent-hard-link", "SERVICES/links/agent", _CONTROL, (AGENT, "/seen")),
    _socket("agent-directory", "SERVICES/agent", _CONTROL, (AGENT, "/seen/a")),
    _socket("bus", "SERVICES/bus/b", _CONTROL, (BUS, "/seen")),
    _socket("bus-directory", "SERVICES/bus", _CONTROL, (BUS, "/seen/b")),
    _socket("bus-hard-link-directory", "SERVICES/shop", _CONTROL, (BUS, "/seen/b")),
    _flavour(
        "socket-bus-from-container",
        _taking("--volumes-from=truth-giver-bus"),
        _CONTROL,
        probe=(BUS, "/seen/b"),
        of=_CONTROL,
        engines=BOTH,
    ),
    _flavour(
        "socket-bus-volume",
        _taking("--volume=truth-bus:/seen:ro"),
        _CONTROL,
        probe=(BUS, "/seen/b"),
        of=_CONTROL,
        engines=BOTH,
    ),
    _socket(
        "called-like-an-engine",
        "SERVICES/harmless/docker.sock",
        _ENGINE,
        (ENGINE, "/seen"),
        bad=False,
        unknown=_SCRIPT,
    ),
    _socket("harmless", "SERVICES/harmless/app", _CONTROL, (BUS, "/seen"), bad=False, unknown=_SCRIPT),
    _socket(
        "harmless-directory",
        "SERVICES/harmless",
        _ENGINE,
        (ENGINE, "/seen/docker.sock"),
        bad=False,
        unknown=_SCRIPT,
    ),
    _socket(
        "nobody-listens", "SERVICES/stale/s.sock", _ENGINE, (ENGINE, "/seen"), bad=False, unknown=_NOBODY
    ),
)
FLAVOURS = (*READING, *WRITING, *ORIGINS, *SOCKETS)
