"""Started well and weakened since, past the engine; and what a second outside look saw pass."""

from __future__ import annotations

from tests.live.flavours.model import CREATED, ROOTFUL, Flavour, ids

_ONLY_ROOTFUL = (ROOTFUL,)
_QUIET = "</dev/null >/dev/null 2>&1"


def _pid(name: str) -> str:
    """Shell words for the main process of a flavour's container; `then` is formatted."""
    return f"$(podman inspect --format '{{{{{{{{.State.Pid}}}}}}}}' truth-{name})"


FLAVOURS: tuple[Flavour, ...] = (
    Flavour(
        "weakened-entered",
        ids("root-exec-session"),
        engines=_ONLY_ROOTFUL,
        then=f"(setsid nsenter -t {_pid('weakened-entered')} -a /bin/sleep 900 {_QUIET} &)",
    ),
    Flavour(
        "weakened-entered-mounts",
        ids("root-exec-session"),
        engines=_ONLY_ROOTFUL,
        then=f"(setsid nsenter -t {_pid('weakened-entered-mounts')} -m -p /bin/sleep 900 {_QUIET} &)",
    ),
    Flavour(
        "weakened-mask",
        ids("unmasked-system-paths"),
        engines=_ONLY_ROOTFUL,
        then=f"nsenter -t {_pid('weakened-mask')} -m /bin/busybox umount /proc/timer_list",
    ),
    Flavour(
        "weakened-left-cgroup",
        ids("disabled-cgroups"),
        command=("sh", "-c", "sleep 1000 & exec httpd -f -p 8080"),
        engines=_ONLY_ROOTFUL,
        then=(
            "for procs in /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs; do "
            f"[ ! -e $procs ] || pgrep -P {_pid('weakened-left-cgroup')} >$procs; done"
        ),
    ),
    Flavour(
        "weakened-left-cgroup-not",
        command=("sh", "-c", "sleep 1000 & exec httpd -f -p 8080"),
    ),
    Flavour(
        "map-group-of-root",
        ids("host-user-namespace"),
        (
            *("--uidmap=0:3000000:65536", "--gidmap=0:3000000:1000"),
            *("--gidmap=1000:0:1", "--gidmap=1001:3001001:60000"),
        ),
        without=ids("userns"),
        engines=_ONLY_ROOTFUL,
    ),
    Flavour(
        "log-passed-on",
        arguments=("--log-driver=passthrough",),
        without=ids("log"),
        state=CREATED,
        unknown=dict.fromkeys(("no-logs", "unbounded-logs"), "its output goes to whatever starts it"),
    ),
    Flavour("log-huge", ids("unbounded-logs"), ("--log-opt=max-size=500g",), configured=True),
    *(
        Flavour(
            f"cap-{name.lower().replace('_', '-')}", ids("disruptive-capabilities"), (f"--cap-add={name}",)
        )
        for name in ("IPC_LOCK", "LEASE", "SYS_TTY_CONFIG", "WAKE_ALARM")
    ),
)
