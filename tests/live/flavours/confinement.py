"""Namespaces of the host, limits, file systems, secrets, seccomp, masks, sysctls: steps 5 and 10."""

from __future__ import annotations

from tests.live.flavours.model import CREATED, EXITED, ROOTFUL, ROOTLESS, Flavour, ids

_DECLARED_DOORS = {ROOTLESS: ids("nested-user-namespaces open-socket-families")}
"""A profile that is only declared is judged by its file, which leaves these open."""


def _seccomp(name: str) -> tuple[str, ...]:
    return (f"--security-opt=seccomp={name}",)


def _file(name: str) -> object:
    return lambda place: _seccomp(f"{place.directory}/{name}")


_NO_LIMITS = ids("no-memory-limit no-cpu-limit")
_NOT_RUN = ("httpd", "-f", "-p", "8080")

FLAVOURS = (
    Flavour("created", state=CREATED),
    Flavour("exited", state=EXITED, command=("true",), without=ids("restart")),
    Flavour(
        "created-bad",
        ids("new-privileges-allowed default-capabilities-kept writable-rootfs no-memory-limit"),
        without=ids("privileges capabilities read-only memory"),
        state=CREATED,
    ),
    Flavour(
        "exited-bad",
        ids("new-privileges-allowed default-capabilities-kept writable-rootfs no-memory-limit"),
        without=ids("privileges capabilities read-only memory restart"),
        state=EXITED,
        command=("true",),
    ),
    Flavour(
        "created-as-good-as-privileged",
        ids("privileged seccomp-unconfined default-capabilities-kept host-takeover-capabilities")
        | ids("disruptive-capabilities docker-default-capabilities nested-user-namespaces"),
        ("--cap-add=ALL", "--security-opt=seccomp=unconfined"),
        without=ids("capabilities"),
        state=CREATED,
    ),
    Flavour("pid-host", ids("host-pid"), ("--pid=host",), engines=(ROOTLESS,)),
    Flavour(
        "pid-host-rootful",
        ids("host-pid host-user-namespace"),
        ("--pid=host",),
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "ipc-host",
        ids("host-ipc"),
        ("--ipc=host",),
        bad_on={ROOTFUL: ids("host-user-namespace")},
        without=ids("userns"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "uts-host",
        ids("host-ipc"),
        ("--uts=host",),
        bad_on={ROOTFUL: ids("host-user-namespace")},
        without=ids("userns"),
    ),
    Flavour("ipc-none", arguments=("--ipc=none",)),
    Flavour("ipc-shareable", arguments=("--ipc=shareable",)),
    Flavour("cgroupns-host", ids("disabled-cgroups"), ("--cgroupns=host",)),
    Flavour("cgroupns-private", arguments=("--cgroupns=private",)),
    Flavour(
        "no-cgroups",
        ids("disabled-cgroups"),
        ("--cgroups=disabled",),
        without=ids("memory cpu pids"),
        engines=(ROOTFUL,),
    ),
    Flavour("no-memory-limit", ids("no-memory-limit"), without=ids("memory")),
    Flavour(
        "memory-endless-swap",
        ids("no-memory-limit"),
        ("--memory-swap=-1",),
        engines=(ROOTFUL,),
    ),
    Flavour("no-cpu-limit", ids("no-cpu-limit"), without=ids("cpu")),
    Flavour("cpu-quota", arguments=("--cpu-quota=50000", "--cpu-period=100000"), without=ids("cpu")),
    Flavour("cpu-shares", ids("no-cpu-limit"), ("--cpu-shares=256",), ids("cpu")),
    Flavour("cpuset", arguments=("--cpuset-cpus=0",), without=ids("cpu")),
    Flavour("pids-default", without=ids("pids")),
    Flavour("pids-unlimited", ids("no-pids-limit"), ("--pids-limit=-1",), without=ids("pids")),
    Flavour("pids-zero", ids("no-pids-limit"), ("--pids-limit=0",), without=ids("pids")),
    Flavour(
        "no-limits", _NO_LIMITS | ids("no-pids-limit"), ("--pids-limit=-1",), without=ids("memory cpu pids")
    ),
    Flavour(
        "ulimit-core",
        ids("loose-ulimits"),
        ("--ulimit=core=-1:-1",),
        without=ids("ulimits"),
        engines=(ROOTFUL,),
        configured=True,
    ),
    Flavour(
        "ulimit-nofile",
        ids("loose-ulimits"),
        ("--ulimit=nofile=2097152:2097152",),
        without=ids("ulimits"),
        state=CREATED,
    ),
    Flavour("writable-root", ids("writable-rootfs"), without=ids("read-only")),
    Flavour("read-only-no-tmpfs", arguments=("--read-only-tmpfs=false",)),
    Flavour("tmpfs-tight", arguments=("--tmpfs=/data:rw,noexec,nosuid,nodev,size=8m",), configured=True),
    Flavour("tmpfs-exec", ids("loose-tmpfs"), ("--tmpfs=/data:rw,exec,size=8m",), configured=True),
    Flavour("ramfs", ids("loose-tmpfs"), ("--mount=type=ramfs,dst=/fast",), configured=True),
    Flavour("tmpfs-plain", ids("loose-tmpfs"), ("--tmpfs=/data",), configured=True),
    Flavour("tmpfs-mount", ids("loose-tmpfs"), ("--mount=type=tmpfs,dst=/data",), engines=(ROOTFUL,)),
    Flavour(
        "tmpfs-mount-tight",
        arguments=("--mount=type=tmpfs,dst=/data,tmpfs-size=8m,noexec,nosuid,nodev",),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "secret-env", ids("plaintext-secret-env"), ("--env=DB_PASSWORD=hunter2hunter2",), configured=True
    ),
    Flavour(
        "secret-in-address",
        ids("plaintext-secret-env"),
        ("--env=DATABASE_URL=postgres://web:hunter2@db/web",),
        configured=True,
    ),
    Flavour(
        "secret-file-variable", arguments=("--env=DB_PASSWORD_FILE=/run/secrets/db",), engines=(ROOTFUL,)
    ),
    Flavour(
        "secret-in-arguments",
        ids("secret-on-command-line"),
        command=("httpd", "-f", "-p", "8080", "-r", "--password=hunter2hunter2"),
        configured=True,
    ),
    Flavour(
        "secret-in-health",
        ids("secret-on-command-line"),
        ("--health-cmd=wget --password=hunter2hunter2 x", "--health-on-failure=kill", "--health-interval=1h"),
        without=ids("health"),
        engines=(ROOTFUL,),
    ),
    Flavour(
        "engine-secret-env",
        ids("loose-secret"),
        ("--secret=truth-secret,type=env,target=DB_PASSWORD",),
        configured=True,
    ),
    Flavour("engine-secret-open", ids("loose-secret"), ("--secret=truth-secret",), configured=True),
    Flavour(
        "engine-secret-tight",
        arguments=("--secret=truth-secret,type=mount,mode=0400,uid=101",),
        configured=True,
    ),
    Flavour("env-host", ids("leaking-host-environment"), ("--env-host",), configured=True),
    Flavour(
        "env-proxy-password",
        ids("leaking-host-environment plaintext-secret-env"),
        ("--env=http_proxy=http://me:hunter2@proxy:3128",),
        engines=(ROOTFUL,),
    ),
    Flavour("seccomp-unconfined", ids("seccomp-unconfined"), _seccomp("unconfined")),
    Flavour(
        "seccomp-weak",
        ids("weak-seccomp-profile"),
        lambda place: _seccomp(f"{place.directory}/weak.json"),
        bad_on=_DECLARED_DOORS,
        configured=True,
    ),
    Flavour(
        "seccomp-writable",
        ids("seccomp-profile-file-unsafe"),
        lambda place: _seccomp(f"{place.directory}/writable.json"),
        bad_on=_DECLARED_DOORS,
        configured=True,
    ),
    Flavour(
        "init-replaceable",
        ids("replaceable-container-programs"),
        lambda place: ("--init", f"--init-path={place.directory}/init-open"),
        configured=True,
    ),
    Flavour("seccomp-own", arguments=lambda place: _seccomp(f"{place.directory}/tight.json")),
    Flavour("unmask-all", ids("unmasked-system-paths"), ("--security-opt=unmask=ALL",)),
    Flavour("unmask-one", ids("unmasked-system-paths"), ("--security-opt=unmask=/proc/keys",)),
    Flavour("mask-more", arguments=("--security-opt=mask=/proc/cpuinfo",)),
    Flavour("sysctl-safe", arguments=("--sysctl=net.ipv4.ip_unprivileged_port_start=0",)),
    Flavour(
        "sysctl-unsafe",
        ids("unsafe-sysctls"),
        ("--sysctl=net.ipv4.conf.all.route_localnet=1",),
        configured=True,
    ),
    Flavour(
        "sysctl-unsafe-ipc", ids("unsafe-sysctls"), ("--sysctl=kernel.msgmax=65536",), engines=(ROOTFUL,)
    ),
)
