"""Filters, identity, limits, reach, secrets, health checks and claims: what can be done inside
decides.

Flavours of one class each, made from the ways in which such a thing can be done or only seem to be
done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.live.flavours.model import CREATED, KERNEL_DOORS, ROOTFUL, Arguments, Flavour, Place, ids
from tests.live.flavours.seccomp_profiles import CLOSED, OPENINGS
from tests.live.flavours.through_api import hardened_body

_ONLY_ROOTFUL = (ROOTFUL,)
_WEAK, _FAMILIES, _NESTED = "weak-seccomp-profile", "open-socket-families", "nested-user-namespaces"
_CALLS = {
    "bpf": "321 5 0 0",
    "perf": "298 0 0 0 0 0",
    "io-uring": "425 0 0",
    "userfault": "323 1",
    "handles": "304 0 0 0",
    "keys": "248 0 0 0 0",
    "key-requests": "249 0 0 0 0",
    "kcmp": "312 1 1 0 0 0",
    "advice": "440 99 0 0 0 0",
}
"""Calls that end at once, whatever the kernel thinks of their arguments."""


def _gets_past(*calls: str) -> str:
    """Works when one of the calls gets past the filter, whose own errors are 13 and 38 (or a
    signal)."""
    tries = "; ".join(
        f"knock {call}; e=$?; [ $e = 13 ] || [ $e = 38 ] || [ $e -ge 128 ] || exit 0"
        for call in calls
    )
    return f"{tries}; exit 1"


_ANY_CALL = _gets_past(*_CALLS.values())
_ANY_FAMILY = _gets_past(
    "41 40 1 0", "41 38 5 0", "41 4294967336 1 0", "41 4294967334 5 0", "x 102 1 0"
)
_ANY_NAMESPACE = (
    "knock 272 268435456 || knock 56 268435473; e=$?; [ $e = 0 ] || { knock 435 0 0; [ $? = 22 ]; }"
)
_EVERYWHERE = {_WEAK: _ANY_CALL, _FAMILIES: _ANY_FAMILY, _NESTED: _ANY_NAMESPACE}


def _file(name: str) -> Arguments:
    return lambda place: (f"--security-opt=seccomp={place.directory}/{name}.json",)


def _filter(
    name: str,
    bad: str = "",
    *,
    profile: str = "",
    opens: str = "",
) -> Flavour:
    """A profile; `opens` are the doors that it does not shut."""
    return Flavour(
        f"filter-{name}",
        ids(bad),
        _file(profile or name),
        closes=KERNEL_DOORS - ids(opens),
        tries=_EVERYWHERE,
        engines=_ONLY_ROOTFUL,
    )


def _seccomp_path(place: Place) -> dict[str, object]:
    return {
        **hardened_body(place),
        "seccomp_profile_path": f"{place.directory}/allow-all.json",
    }


FILTERS = (
    Flavour(
        "filter-stock",
        tries={_FAMILIES: _ANY_FAMILY, _NESTED: "knock 272 268435456"},
    ),
    _filter("closed"),
    *(_filter(name, _WEAK) for name in OPENINGS),
    *(_filter(name) for name in CLOSED),
    _filter("socket-plain", opens=_FAMILIES),
    _filter("socket-not-equal", opens=_FAMILIES),
    _filter("socket-above", opens=_FAMILIES),
    _filter("socket-equal"),
    _filter("socketcall", opens=_FAMILIES),
    _filter("families-in-32-bit", opens=_FAMILIES),
    _filter("socketcall-refused"),
    _filter("unshare-open", opens=_NESTED),
    _filter("clone-open", opens=_NESTED),
    _filter("clone3-open", opens=_NESTED),
    _filter(
        "allow-all",
        _WEAK,
        opens=f"{_FAMILIES} {_NESTED}",
    ),
    _filter(
        "log-all",
        _WEAK,
        opens=f"{_FAMILIES} {_NESTED}",
    ),
    _filter(
        "allow-but-a-few",
        _WEAK,
        opens=f"{_FAMILIES} {_NESTED}",
    ),
    Flavour(
        "filter-of-image",
        ids(_WEAK),
        ("--seccomp-policy=image",),
        image="localhost/truth-filter-weak:1.0",
        tries=_EVERYWHERE,
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "filter-of-image-not-asked",
        image="localhost/truth-filter-weak:1.0",
        tries={_FAMILIES: _ANY_FAMILY},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "filter-through-api",
        ids(_WEAK),
        body=_seccomp_path,
        tries=_EVERYWHERE,
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "filter-changed-to-open",
        ids(_WEAK),  # not yet, but whoever makes it again gets it
        _file("changed-to-open"),
        closes=KERNEL_DOORS,
        tries={_FAMILIES: _ANY_FAMILY},
        engines=_ONLY_ROOTFUL,
        then="cp {directory}/allow-all.json {directory}/changed-to-open.json",
    ),
    Flavour(
        "filter-says-none",
        arguments=("--annotation=io.podman.annotations.seccomp=unconfined",),
        tries={"seccomp-unconfined": "grep -q '^Seccomp:.*[01]$' /proc/1/status"},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "filter-none",
        ids("seccomp-unconfined"),
        ("--security-opt=seccomp=unconfined",),
        closes=ids(_FAMILIES),
        tries={
            "seccomp-unconfined": "grep -q '^Seccomp:.*[01]$' /proc/1/status",
            _NESTED: _ANY_NAMESPACE,
        },
    ),
)

_ROOT_OF_HOST = "awk '$2 == 0 { found = 1 } END { exit !found }' /proc/self/uid_map"
_IS_ROOT = "[ $(id -u) = 0 ]"
_IN_DISK = "awk '$2 != $1 || $3 < 4294967295 { exit 1 }' /proc/self/gid_map && id -G | grep -qw 6"


def _map(*lines: str) -> tuple[str, ...]:
    return tuple(f"--{kind}={line}" for line in lines for kind in ("uidmap", "gidmap"))


IDENTITY = (
    Flavour(
        "identity-map-to-root",
        ids("host-user-namespace"),
        _map("0:0:1", "1:2130000000:1023"),
        ids("userns"),
        tries={"host-user-namespace": _ROOT_OF_HOST, "root-user": _IS_ROOT},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-map-of-everybody",
        ids("host-user-namespace"),
        _map("0:0:65536"),
        ids("userns"),
        tries={"host-user-namespace": _ROOT_OF_HOST},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-user-is-root-outside",
        ids("host-user-namespace root-user"),
        (
            *_map("0:2130100000:5", "5:0:1", "6:2130100005:1000"),
            "--user=5",
        ),
        ids("userns"),
        tries={"host-user-namespace": _ROOT_OF_HOST},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-map-to-nobody",
        arguments=_map("0:2130200000:1024"),
        without=ids("userns"),
        tries={"host-user-namespace": _ROOT_OF_HOST},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-group-by-user",
        ids("dangerous-supplementary-groups host-user-namespace"),
        ("--user=101:6",),
        ids("userns"),
        tries={"dangerous-supplementary-groups": _IN_DISK},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-group-by-user-mapped",
        arguments=("--user=101:6",),
        tries={"dangerous-supplementary-groups": _IN_DISK},
    ),
    Flavour(
        "identity-group-of-image",
        ids("dangerous-supplementary-groups host-user-namespace"),
        without=ids("userns"),
        image="localhost/truth-member:1.0",
        tries={"dangerous-supplementary-groups": _IN_DISK},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-group-of-image-mapped",
        image="localhost/truth-member:1.0",
        tries={"dangerous-supplementary-groups": _IN_DISK},
    ),
    Flavour(
        "identity-other-group",
        ids("host-user-namespace"),
        ("--user=101:2000",),
        ids("userns"),
        tries={"dangerous-supplementary-groups": _IN_DISK},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "identity-another-name-of-root",
        ids("root-user"),
        image="localhost/truth-toor:1.0",
        tries={"root-user": _IS_ROOT},
    ),
    Flavour(
        "identity-another-name-of-root-created", ids("root-user"), ("--user=toor",), state=CREATED
    ),
    Flavour(
        "identity-name-of-user-created",
        arguments=("--user=web",),
        state=CREATED,
    ),
)

_MEMORY_OPEN = (
    "l=$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | head -n1); "
    "awk -v l=$l '/^MemTotal/ { exit !(l == \"max\" || l / 1024 >= $2) }' /proc/meminfo"
)
_PROCESSORS_OPEN = (
    "set -- $(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null "
    "|| cat /sys/fs/cgroup/cpu.max); all=$(grep -c ^processor /proc/cpuinfo); "
    'may=$(awk \'/^Cpus_allowed_list/ { n = split($2, p, ","); for (i = 1; i <= n; i++) '
    '{ m = split(p[i], r, "-"); c += m == 2 ? r[2] - r[1] + 1 : 1 } print c }\' /proc/self/status); '
    '[ "$may" -ge "$all" ] && { [ "$1" = max ] || [ "$1" -le 0 ] || [ $(($1 / $2)) -ge "$all" ]; }'
)
_PROCESSES_OPEN = (
    "l=$(cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null | head -n1); "
    '[ "$l" = max ] || [ "$l" -ge "$(cat /proc/sys/kernel/pid_max)" ]'
)
_TMPFS_OPEN = (
    "size=$(busybox df -k PATH | awk 'END { print $(NF - 4) }'); "
    "awk -v s=$size '/^MemTotal/ { exit !(s * 2 >= $2 || s == 0) }' /proc/meminfo"
)


def _bound(
    name: str,
    part: str,
    bad: str,
    check: str,
    script: str,
    *words: str,
) -> Flavour:
    return Flavour(
        f"bound-{name}", ids(bad), words, ids(part), tries={check: script}, engines=_ONLY_ROOTFUL
    )


def _memory(name: str, bad: bool, *words: str) -> Flavour:
    check = "no-memory-limit"
    return _bound(
        name,
        "memory",
        check if bad else "",
        check,
        _MEMORY_OPEN,
        *words,
    )


def _processors(name: str, bad: bool, *words: str) -> Flavour:
    check = "no-cpu-limit"
    return _bound(
        name,
        "cpu",
        check if bad else "",
        check,
        _PROCESSORS_OPEN,
        *words,
    )


def _tmpfs(
    name: str,
    bad: bool,
    path: str,
    *words: str,
) -> Flavour:
    check = "loose-tmpfs"
    return _bound(
        name,
        "",
        check if bad else "",
        check,
        _TMPFS_OPEN.replace("PATH", path),
        *words,
    )


LIMITS = (
    _memory("memory-beyond-machine", True, "--memory=512g"),
    _memory("memory-most", False, "--memory=2g"),
    _processors(
        "cpus-all",
        True,
        "--cpu-quota=6400000",
        "--cpu-period=100000",
    ),
    _processors(
        "cpus-quota-beyond",
        True,
        "--cpu-quota=900000",
        "--cpu-period=10000",
    ),
    _processors("cpus-half", False, "--cpus=0.9"),
    _processors("cpuset-whole", True, "--cpuset-cpus=0-1"),
    _processors(
        "cpuset-listed-whole",
        True,
        "--cpuset-cpus=0,1",
    ),
    _processors("cpuset-one", False, "--cpuset-cpus=1"),
    _processors("shares-default", True, "--cpu-shares=1024"),
    _processors("shares-double", True, "--cpu-shares=2048"),
    _processors("shares-small", True, "--cpu-shares=128"),
    _bound(
        "pids-beyond",
        "pids",
        "no-pids-limit",
        "no-pids-limit",
        _PROCESSES_OPEN,
        "--pids-limit=4194304",
    ),
    _bound(
        "pids-few",
        "pids",
        "",
        "no-pids-limit",
        _PROCESSES_OPEN,
        "--pids-limit=50",
    ),
    _tmpfs(
        "tmpfs-huge",
        True,
        "/data",
        "--tmpfs=/data:rw,noexec,nosuid,nodev,size=400g",
    ),
    _tmpfs(
        "tmpfs-zero",
        True,
        "/data",
        "--tmpfs=/data:rw,noexec,nosuid,nodev,size=0",
    ),
    _tmpfs(
        "tmpfs-ninety",
        True,
        "/data",
        "--tmpfs=/data:rw,noexec,nosuid,nodev,size=90%",
    ),
    _tmpfs(
        "tmpfs-ten",
        False,
        "/data",
        "--tmpfs=/data:rw,noexec,nosuid,nodev,size=10%",
    ),
    _tmpfs(
        "tmpfs-small",
        False,
        "/data",
        "--tmpfs=/data:rw,noexec,nosuid,nodev,size=4m",
    ),
    _tmpfs(
        "shm-huge",
        True,
        "/dev/shm",
        "--shm-size=400g",
    ),
    _tmpfs(
        "shm-small",
        False,
        "/dev/shm",
        "--shm-size=8m",
    ),
)

_MARK = "hunter2"
_LETTERS = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"
_ENVIRONMENT: Mapping[str, str] = {
    "url": f"QUEUE=amqp://web:{_MARK}@mq/web",
    "url-without-user": f"CACHE=redis://:{_MARK}@cache",
    "ado": f"ODBC=Server=db;Uid=web;Pwd={_MARK};",
    "libpq": f"DATABASE=host=db user=web password={_MARK}",
    "jdbc": f"JDBC=jdbc:postgresql://db/web?user=web&password={_MARK}",
    "json": f'SETTINGS={{"db": {{"user": "web", "password": "{_MARK}"}}}}',
    "login-of-registry": f'DOCKER={{"auths": {{"r.example": {{"auth": "{_MARK}{_LETTERS[:9]}"}}}}}}',
    "netrc": f"NETRC=machine r.example login web password {_MARK}",
    "bearer": f"AUTH=Bearer {_MARK}{_LETTERS}",
    "header": f"HEADERS=Authorization: Basic {_MARK}{_LETTERS}",
    "hosting-token": f"CODE=ghp_{_MARK}{_LETTERS[:29]}",
    "pipeline-token": f"CODE=glpat-{_MARK}{_LETTERS[:13]}",
    "payment-key": f"PAY=sk_live_{_MARK}{_LETTERS[:17]}",
    "signed-token": f"SESSION=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3ZWIifQ.{_MARK}{_LETTERS}",
    "private-key": (
        f"SSH=-----BEGIN OPENSSH PRIVATE KEY-----{_MARK}-----END OPENSSH PRIVATE KEY-----"
    ),
    "joined-name": f"PGPASSWORD={_MARK}",
    "odd-name": f"REDISCLI_AUTH={_MARK}",
    "random-key": f"APP_KEY=base64:{_MARK}{_LETTERS}",
    "random-salt": f"AUTH_SALT={_MARK}{_LETTERS}",
}
_SILENT: Mapping[str, str] = {
    "lifetime": "TOKEN_LIFETIME=3600",
    "lifetime-words": "ACCESS_TOKEN_EXPIRE_MINUTES=30",
    "hasher": "PASSWORD_HASHER=bcrypt",
    "scheme": "PASSWORD_ENCRYPTION=scram-sha-256",
    "file": "API_TOKEN_FILE=/run/secrets/token",
    "path": "API_TOKEN=/run/secrets/token",
    "placeholder": "API_KEY=<your key>",
    "expression": "DB_PASSWORD=${DB_PASSWORD}",
    "manager": "SECRET_MANAGER=vault",
    "public-key": "GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305",
    "digest": "IMAGE=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url-of-user": "DATABASE=postgres://web@db/web",
}
_READ = {"plaintext-secret-env": f"grep -qa {_MARK} /proc/1/environ"}
_CONNECT = {"secret-on-command-line": f"grep -qa {_MARK} /proc/1/cmdline"}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "flag": (f"--db-password={_MARK}",),
    "word-after-flag": ("--token", f"{_MARK}{_LETTERS}"),
    "address": (f"--db=postgres://web:{_MARK}@db/web",),
    "login-of-curl": ("sh", "-c", f"curl -u web:{_MARK} http://x"),
    "redis": ("sh", "-c", f"redis-cli -a {_MARK} ping"),
}
_SILENT_WORDS: Mapping[str, tuple[str, ...]] = {
    "stdin": ("login", "--password-stdin"),
    "file-flag": ("--password-file", "/run/secrets/db"),
    "lifetime-flag": ("--token-ttl", "3600"),
}
_SLEEP = ("sh", "-c", "httpd -p 8080; sleep 3600; true", "sh")


def _environments() -> Iterator[Flavour]:
    for name, pair in _ENVIRONMENT.items():
        bad = ids("plaintext-secret-env")
        yield Flavour(
            f"credential-env-{name}", bad, ("--env", pair), tries=_READ, engines=_ONLY_ROOTFUL
        )
    for name, pair in _SILENT.items():
        yield Flavour(
            f"credential-env-no-{name}",
            arguments=("--env", pair),
            tries=_READ,
            engines=_ONLY_ROOTFUL,
        )


def _command_lines() -> Iterator[Flavour]:
    for name, words in {
        **_WORDS,
        **{f"no-{key}": silent for key, silent in _SILENT_WORDS.items()},
    }.items():
        yield Flavour(
            f"credential-words-{name}",
            frozenset()
            if name in {f"no-{key}" for key in _SILENT_WORDS}
            else ids("secret-on-command-line"),
            command=(*_SLEEP, *words),
            tries=_CONNECT,
            engines=_ONLY_ROOTFUL,
        )


def _metadata(
    name: str,
    bad: bool,
    *words: str,
    part: str = "",
) -> Flavour:
    return Flavour(
        f"credential-{name}",
        ids("secret-in-metadata" if bad else ""),
        words,
        ids(part),
        state=CREATED,
        engines=_ONLY_ROOTFUL,
    )


SECRETS = (
    *_environments(),
    *_command_lines(),
    _metadata("label", True, f"--label=db.password={_MARK}"),
    _metadata(
        "label-address",
        True,
        f"--label=backup.target=sftp://web:{_MARK}@nas/web",
    ),
    _metadata(
        "annotation",
        True,
        f"--annotation=proxy=http://web:{_MARK}@proxy:3128",
    ),
    _metadata(
        "label-hash-of-commit",
        False,
        "--label=org.opencontainers.image.revision=9f86d081884c7d659a2feaa0",
    ),
    _metadata(
        "label-reference",
        False,
        "--label=db.password_file=/run/secrets/db",
    ),
    Flavour(
        "credential-of-volume",
        ids("secret-in-metadata"),
        ("--volume=truth-share:/data",),
        state=CREATED,
        engines=_ONLY_ROOTFUL,
    ),
)

_ALIVE: Mapping[str, str] = {
    "true": "true",
    "exit": "exit 0",
    "colon": ":",
    "or-true": "wget -q -O- http://127.0.0.1:8099/ || true",
    "or-exit": "wget -q -O- http://127.0.0.1:8099/ || exit 0",
    "or-echo": "wget -q -O- http://127.0.0.1:8099/ || echo failed",
    "then-true": "wget -q -O- http://127.0.0.1:8099/; true",
    "pipe": "wget -q -O- http://127.0.0.1:8099/ | cat",
    "nested": "sh -c 'wget -q -O- http://127.0.0.1:8099/ || true'",
    "constant": "[ 1 = 1 ]",
    "background": "wget -q -O- http://127.0.0.1:8099/ &",
    "list": "ls /",
}
_ASKS: Mapping[str, str] = {
    "asks": "wget -q -O- http://127.0.0.1:8099/",
    "asks-or-fails": "wget -q -O- http://127.0.0.1:8099/ || exit 1",
    "asks-in-pipe": "wget -q -O- http://127.0.0.1:8099/ | grep -q ok",
    "asks-both-ways": "wget -q -O- http://127.0.0.1:8099/ && exit 0 || exit 1",
    "asks-after-true": "true && wget -q -O- http://127.0.0.1:8099/",
    "asks-port": "nc -z 127.0.0.1 8099 < /dev/null",
}


def _alive(
    name: str,
    command: str,
    bad: bool,
) -> Flavour:
    """What is asked there serves nobody: a check that passes all the same says nothing."""
    return Flavour(
        f"alive-{name}",
        ids("missing-health-check" if bad else ""),
        (
            "--health-cmd",
            command,
            "--health-interval=1h",
            "--health-on-failure=kill",
            "--health-start-period=1h",
        ),
        ids("health"),
        tries={"missing-health-check": command},
        engines=_ONLY_ROOTFUL,
        free=ids("unhealthy"),
    )


HEALTH = (
    *(_alive(name, command, True) for name, command in _ALIVE.items()),
    *(_alive(name, command, False) for name, command in _ASKS.items()),
    Flavour(
        "alive-update-blind",
        ids("missing-health-check update-without-rollback"),
        (
            *(
                "--health-cmd=true",
                "--health-interval=1h",
                "--health-on-failure=kill",
                "--sdnotify=healthy",
            ),
            "--label=io.containers.autoupdate=local",
        ),
        ids("health"),
        state=CREATED,
        engines=_ONLY_ROOTFUL,
    ),
)

_HAS_ALL = "awk '/^CapBnd/ { exit !(length($2) == 16 && $2 ~ /^000001f/) }' /proc/1/status"
_SHARED = "[ -e /dev/shm/truth ]"
_WRITES = (
    "sh",
    "-c",
    "[ -e /dev/shm/truth ] || echo x > /dev/shm/truth; httpd -f -p 8080",
)
_HOST_USERS = {ROOTFUL: ids("host-user-namespace")}

CLAIMS = (
    Flavour(
        "claims-privileged",
        arguments=("--annotation=io.podman.annotations.privileged=TRUE",),
        tries={"privileged": _HAS_ALL},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "claims-update-of-image",
        ids("update-without-rollback"),
        image="localhost/truth-updates:1.0",
        state=CREATED,
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "claims-unit-of-image",
        ids("engine-steering-image"),
        image="localhost/truth-steers:1.0",
        unknown=dict.fromkeys(
            ("unit-drift", "restart-loop"), "no systemd runs on the bench that could be asked"
        ),
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "claims-never-killed", ids("oom-kill-exempt"), ("--oom-score-adj=-1000",), state=CREATED
    ),
    Flavour(
        "claims-killed-first",
        arguments=("--oom-score-adj=500",),
        tries={"oom-kill-exempt": "false"},
    ),
    Flavour(
        "claims-checkpoint",
        ids("disruptive-capabilities"),
        ("--cap-add=CHECKPOINT_RESTORE",),
        tries={"disruptive-capabilities": "grep -q '^CapBnd:.*000001' /proc/1/status"},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "claims-audit-read",
        ids("disruptive-capabilities"),
        ("--cap-add=AUDIT_READ",),
        tries={"disruptive-capabilities": "grep -q '^CapBnd:.*000000[2-3]' /proc/1/status"},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "ipc-owner",
        ids("foreign-ipc"),
        (
            "--ipc=shareable",
            "--label=app=other",
            "--label=owner=tests",
            "--network=truth-other",
        ),
        ids("userns owner network"),
        command=_WRITES,
        bad_on=_HOST_USERS,
        tries={"foreign-ipc": _SHARED},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "ipc-stranger",
        ids("foreign-ipc"),
        ("--ipc=container:truth-ipc-owner",),
        ids("userns"),
        bad_on=_HOST_USERS,
        tries={"foreign-ipc": _SHARED},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "ipc-alone",
        tries={"foreign-ipc": _SHARED},
        engines=_ONLY_ROOTFUL,
    ),
)

_LISTENER = "7777"
NETWORKS = (
    Flavour(
        "reach-host-from-internal",
        ids("reachable-host-services"),
        ("--network=truth-watched",),
        ids("network publish"),
        bad_on={ROOTFUL: ids("needless-rootful-engine")},
        tries={"reachable-host-services": f"nc -w 2 10.99.77.1 {_LISTENER} < /dev/null"},
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "reach-public-address",
        ids("unfirewalled-port"),
        ("--publish=8.8.8.8:80:8080",),
        ids("publish"),
        state=CREATED,
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "reach-private-address",
        arguments=("--publish=10.99.78.1:80:8080",),
        without=ids("publish"),
        state=CREATED,
        engines=_ONLY_ROOTFUL,
    ),
)

FLAVOURS = (*FILTERS, *IDENTITY, *LIMITS, *SECRETS, *HEALTH, *CLAIMS, *NETWORKS)
