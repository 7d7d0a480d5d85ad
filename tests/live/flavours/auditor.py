"""What an outside look invented without knowing the others: by class, where a tool like this one may err.

Each of those that HardenTUI judged wrongly then is here, and some of the many that it judged rightly.
"""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname

from tests.live.flavours.model import CREATED, ROOTFUL, ROOTLESS, Flavour, Place, ids
from tests.live.flavours.probes import READ, WRITE

_SENSITIVE, _ENGINE, _CONTROL = "sensitive-host-mount", "mounted-engine-socket", "mounted-control-socket"
_ONLY_ROOTFUL = (ROOTFUL,)
_ROOT_OF_HOST = {ROOTFUL: ids("host-user-namespace")}
_TIGHT = "nosuid,nodev,noexec"
MATERIAL = """\
mkdir -p alias/sub late/sub relay linked/conf unlinked
echo x >unlinked/page
notes=linked/conf/notes
ln -f /etc/shadow $notes || {{ : >$notes && mount --bind /etc/shadow $notes; }} || true
mount --bind /etc alias/sub 2>/dev/null || true
later python3 -c 'import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
time.sleep(3600)' {directory}/services/relay/app unix:{socket}
for _ in $(seq 200); do [ -S relay/app ] && break; sleep 0.1; done
"""
"""Goes on from the script in mounts.py. Another user than root may mount nothing, and link no file of root.
A file of another file system is mounted instead of linked."""

_IN_USE = ids("writable-mount mounted-engine-socket mounted-control-socket")
"""What volumes show, while other containers use them, depends on which are running."""


def _mount(name: str, source: str, bad: str = "", **more: object) -> Flavour:
    """`SERVICES` and `BENCH` stand for directories."""

    def arguments(place: Place) -> tuple[str, ...]:
        bench = dirname(dirname(place.socket))
        return (source.replace("SERVICES", f"{place.directory}/services").replace("BENCH", bench),)

    return Flavour(
        f"audit-mount-{name}",
        ids(bad),
        arguments,
        without=ids("userns"),
        bad_on=_ROOT_OF_HOST,
        engines=_ONLY_ROOTFUL,
        **more,  # type: ignore[arg-type]
    )


MOUNTS = (
    _mount(
        "alias-below",
        "--volume=SERVICES/alias:/seen",
        f"{_SENSITIVE} writable-mount",
        probes={_SENSITIVE: (WRITE, "/seen/sub/pam.d")},
    ),
    _mount(
        "alias-below-ro",
        f"--volume=SERVICES/alias:/seen:ro,{_TIGHT}",
        f"{_SENSITIVE} writable-mount",
        probes={_SENSITIVE: (READ, "/seen/sub/shadow")},
    ),
    _mount(
        "alias-left-out",
        f"--mount=type=bind,src=SERVICES/alias,dst=/seen,bind-nonrecursive=true,{_TIGHT}",
        probes={_SENSITIVE: (READ, "/seen/sub/shadow")},
    ),
    _mount(
        "came-later",
        f"--volume=SERVICES/late:/seen:rslave,{_TIGHT}",
        f"{_SENSITIVE} writable-mount",
        then="mount --bind /etc {directory}/services/late/sub",
        probes={_SENSITIVE: (WRITE, "/seen/sub/pam.d")},
    ),
    _mount(
        "hard-link-below",
        f"--volume=SERVICES/linked:/seen:ro,{_TIGHT}",
        _SENSITIVE,
        free=ids("writable-mount"),
        probes={_SENSITIVE: (READ, "/seen/conf/notes")},
    ),
    _mount(
        "hard-link-below-created",
        f"--volume=SERVICES/linked:/seen:{_TIGHT}",
        _SENSITIVE,
        free=ids("writable-mount"),
        state=CREATED,
    ),
    _mount(
        "hard-link-elsewhere",
        f"--volume=SERVICES/unlinked:/seen:ro,{_TIGHT}",
        probes={_SENSITIVE: (READ, "/seen/conf/notes")},
    ),
    _mount(
        "volumes-of-engine",
        f"--volume=BENCH/volumes:/seen:ro,{_TIGHT}",
        _SENSITIVE,
        free=_IN_USE,
    ),
    _mount(
        "forwarder",
        f"--volume=SERVICES/relay:/seen:{_TIGHT}",
        unknown=dict.fromkeys((_ENGINE, _CONTROL), "what a forwarder lets through, it alone knows"),
    ),
    Flavour("audit-shm-endless", ids("loose-tmpfs"), ("--shm-size=0",)),
    Flavour("audit-tmpfs-percent", ids("loose-tmpfs"), ("--tmpfs=/t:size=100%,noexec,nosuid,nodev",)),
    Flavour("audit-tmpfs-tight", arguments=("--mount=type=tmpfs,dst=/t,tmpfs-size=1m,noexec,nosuid,nodev",)),
    Flavour("audit-devpts", arguments=("--mount=type=devpts,destination=/terminals",)),
)


def _rule(name: str, rule: str, bad: str = "", *more: str) -> Flavour:
    arguments = (f"--device-cgroup-rule={rule}", *more)
    return Flavour(
        f"audit-rule-{name}",
        ids(bad),
        arguments,
        without=ids("userns"),
        bad_on=_ROOT_OF_HOST,
        engines=_ONLY_ROOTFUL,
    )


DEVICES = (
    _rule("one-disk", "b 7:0 rw", "open-device-cgroup"),
    _rule("one-disk-read", "b 259:1 r", "open-device-cgroup"),
    _rule("memory", "c 1:1 r", "open-device-cgroup"),
    _rule("raw-disk", "c 21:0 rw", "open-device-cgroup"),
    _rule("harmless-driver", "c 1:5 rwm"),
    _rule("nodes-only", "b 7:0 m"),
    _rule("with-mknod", "b *:* rwm", "open-device-cgroup docker-default-capabilities", "--cap-add=MKNOD"),
)
_CHANGES_USER = ("--user=0", "--cap-add=SETUID,SETGID")
_AS_WEB = 'exec busybox su web -s /bin/sh -c "exec httpd -f -p 8080"'
RIGHTS = (
    Flavour(
        "audit-root-left-to-child",
        ids("root-user"),
        _CHANGES_USER,
        command=("sh", "-c", f"sleep 3600 & {_AS_WEB}"),
    ),
    Flavour("audit-root-dropped", arguments=_CHANGES_USER, command=("sh", "-c", _AS_WEB)),
    Flavour(
        "audit-own-no-new-privileges",
        ids("new-privileges-allowed"),
        without=ids("privileges"),
        command=("sh", "-c", "sleep 3600 & exec busybox setpriv --nnp httpd -f -p 8080"),
    ),
    Flavour(
        "audit-exec-second-root",
        ids("root-exec-session"),
        after=(("exec", "-d", "--user=toor", "{}", "sleep", "3600"),),
    ),
    Flavour(
        "audit-pid-by-path",
        ids("host-pid"),
        ("--pid=ns:/proc/self/ns/pid",),
        without=ids("userns"),
        bad_on=_ROOT_OF_HOST,
        engines=_ONLY_ROOTFUL,
    ),
    Flavour("audit-nothing-new-by-colon", arguments=("--security-opt=no-new-privileges:true",)),
    Flavour(
        "audit-nothing-new-false",
        ids("new-privileges-allowed"),
        ("--security-opt=no-new-privileges:false",),
        without=ids("privileges"),
    ),
    Flavour("audit-no-map", arguments=("--userns=nomap",), engines=(ROOTLESS,)),
)
_HEALTH = ("--health-interval=1h", "--health-on-failure=kill")


def _checked(name: str, command: str, bad: bool = True) -> Flavour:
    return Flavour(
        f"audit-health-{name}",
        ids("missing-health-check" if bad else ""),
        (f"--health-cmd={command}", *_HEALTH),
        without=ids("health"),
        configured=True,
        tries={"missing-health-check": "true" if command.startswith("[") else command},
    )


WATCHING = (
    _checked("always-there", "cat /etc/passwd"),
    _checked("static-file", "test -f /etc/hosts"),
    _checked("list", '["true"]'),
    _checked("semicolon", "wget -q x; true"),
    _checked("own-file", "cat /tmp/ready", bad=False),
    _checked("own-process", "kill -0 1 && test -f /tmp/ready", bad=False),
    Flavour(
        "audit-log-to-nowhere",
        ids("no-logs"),
        ("--log-driver=k8s-file", "--log-opt=path=/dev/null", "--log-opt=max-size=1mb"),
        without=ids("log"),
        configured=True,
    ),
)
_SECRET_ENV = {
    "psk": "WG_PSK=hunter2xPq",
    "neo4j": "NEO4J_AUTH=neo4j/hunter2x",
    "bind": "LDAP_BIND_PW=hunter2x",
    "dotted": "spring.datasource.password=hunter2x",
}
_PLAIN_ENV = (
    *("TOKENIZERS_PARALLELISM=true", "MAX_TOKENS=4096", "PASSWORD_RESET_URL=https://x/reset"),
    *("API_KEY_HEADER=X-Api-Key", "NEO4J_AUTH=none", "SECRETS_DIR=/run/secrets", "PRIMARY_KEY=id"),
)
_SERVE = ("sh", "-c", "httpd -p 8080; sleep 3600; true", "web")


def _secrets() -> Iterator[Flavour]:
    for name, pair in _SECRET_ENV.items():
        yield Flavour(f"audit-env-{name}", ids("plaintext-secret-env"), (f"--env={pair}",), configured=True)
    yield Flavour("audit-env-plain", arguments=tuple(f"--env={pair}" for pair in _PLAIN_ENV), configured=True)
    for flag in ("--requirepass", "--masterauth"):
        yield Flavour(
            f"audit-command{flag[1:]}",
            ids("secret-on-command-line"),
            command=(*_SERVE, flag, "hunter2x"),
            configured=True,
        )
    yield Flavour(
        "audit-command-timeout",
        ids("secret-on-command-line"),
        command=("sh", "-c", "timeout 5s mysql -uroot -phunter2x; exec httpd -f -p 8080"),
        state=CREATED,
    )


FLAVOURS = (*MOUNTS, *DEVICES, *RIGHTS, *WATCHING, *_secrets())
