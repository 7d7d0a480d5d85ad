"""Readers of limits: memory, processors, tasks, block IO, cgroups."""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.model.spec import UNKNOWABLE, Reading, Setting, Version
from hardentui.options.inspect.view import Document, Reader, View, by_command, oci_mount

_CFS_PERIOD = 100000
_USUAL_PIDS_LIMIT = 2048
ADDED_AT_START = {"nofile": 1_048_576, "nproc": 4_194_304}
"""Limits that Podman adds to a container at start, with the most that it adds."""


def added_ulimits(hard: Mapping[str, int | None]) -> tuple[str, ...]:
    """What a Podman with these hard limits adds; None = unlimited."""
    most = {name: hard[name] or usual for name, usual in ADDED_AT_START.items() if name in hard}
    least = {name: min(limit, ADDED_AT_START[name]) for name, limit in most.items()}
    return tuple(f"{name}={limit}:{limit}" for name, limit in least.items())


_ADDED_ONLY_AT_START = Version(4, 4)


def host_limit(field: str) -> Reader:
    """A limit; if it was removed at run time, inspect shows -1, which no flag accepts."""

    def read(view: View) -> Reading:
        value = view.host.get(field) or 0
        return view.shown(int(value)) if value > 0 else None

    return read


def read_memory_swap(view: View) -> Reading:
    memory, swap = view.host.get("Memory") or 0, view.host.get("MemorySwap") or 0
    if memory < 0:
        return None
    if not memory:
        return view.shown(int(swap)) if swap else None
    if swap == 0:
        return view.shown(-1)
    return None if swap == 2 * memory else view.shown(int(swap))


def read_memory_swappiness(view: View) -> Reading:
    value = view.host.get("MemorySwappiness")
    if value is None or value == -1:
        return None
    if view.sources.cgroup_version == 2:
        return None  # it cannot be set there
    memory = _oci_section(_oci_section(view.oci, "linux"), "resources").get("memory") or {}
    return (
        view.shown(int(value))
        if value
        else _given_zero(view, "--memory-swappiness", memory.get("swappiness"))
    )


def _oci_section(document: Document | None, name: str) -> Document:
    return (document or {}).get(name) or {}


def _given_zero(view: View, flag: str, in_oci: int | None) -> Reading:
    """0 if it was requested; inspect shows 0 in both cases."""
    if view.command is not None:
        return view.commanded(0) if view.command.last(flag) == "0" else None
    if view.oci is None:
        return UNKNOWABLE
    return None if in_oci is None else view.from_oci(int(in_oci))


def read_oom_score_adj(view: View) -> Reading:
    """Docker's API sets 0 unasked."""
    if value := view.host.get("OomScoreAdj"):
        return view.shown(int(value))
    zero = _given_zero(view, "--oom-score-adj", _oci_section(view.oci, "process").get("oomScoreAdj"))
    if view.command is None and isinstance(zero, Setting):
        view.remarks.append("--oom-score-adj=0 is left out: a service of systemd has it anyway")
        return None
    return zero


def read_pids_limit(view: View) -> Reading:
    value = view.host.get("PidsLimit")
    if value is None or view.host.get("Cgroups") == "disabled":
        return None
    if value <= 0:
        given = view.command is not None and "--pids-limit" in view.command.flags
        if view.sources.rootless and view.sources.cgroup_version == 1 and not given:
            return None  # no limit can be set there, so none is shown
        return view.shown(-1)
    return None if value == view.sources.pids_limit == _USUAL_PIDS_LIMIT else view.shown(int(value))


def _is_plain_cpus(view: View) -> bool:
    return view.host.get("CpuPeriod") == _CFS_PERIOD and (view.host.get("CpuQuota") or 0) > 0


def _was_lifted(view: View) -> bool:
    """Whether the quota was removed at run time: Podman then shows -1, which was not requested."""
    given = view.command is not None and "--cpu-quota" in view.command.flags
    return (view.host.get("CpuQuota") or 0) < 0 and not given


def read_cpus(view: View) -> Reading:
    return view.shown(int(view.host["CpuQuota"]) / _CFS_PERIOD) if _is_plain_cpus(view) else None


def quota_part(field: str) -> Reader:
    """Period or quota, unless they are the long form of --cpus."""

    def read(view: View) -> Reading:
        value = view.host.get(field)
        if not value or _is_plain_cpus(view) or _was_lifted(view):
            return None
        return view.shown(int(value))

    return read


def read_blkio_weight(view: View) -> Reading:
    value = view.host.get("BlkioWeight")
    if not value and view.command is not None and "--blkio-weight" in view.command.flags:
        view.remarks.append(
            "--blkio-weight is not carried over: Podman ignored it, because this kernel has no weights"
        )
    return view.shown(int(value)) if value else None


def device_rates(field: str, value_field: str) -> Reader:
    def read(view: View) -> Reading:
        entries = view.host.get(field)
        if not entries:
            return None
        return view.shown(tuple(f"{entry.get('Path')}:{entry.get(value_field)}" for entry in entries))

    return read


def ulimit_texts(host: Document) -> dict[str, str]:
    """Name -> `name=soft:hard` of the limits in inspect."""
    shown = {}
    for limit in host.get("Ulimits") or ():
        name = str(limit.get("Name") or "").lower().replace("rlimit_", "")
        soft, hard = limit.get("Soft"), limit.get("Hard")
        shown[name] = f"{name}={soft}" if soft == hard == -1 else f"{name}={soft}:{hard}"
    return shown


def read_ulimits(view: View) -> Reading:
    shown = ulimit_texts(view.host)
    if view.command is not None:
        given = view.command.all("--ulimit")
        asked = {text.partition("=")[0].lower().replace("rlimit_", "") for text in given}
        limits = ["host"] if "host" in given else []
        limits += [text for name, text in shown.items() if name in asked or name not in ADDED_AT_START]
        return view.shown(tuple(sorted(limits))) if limits else None
    view.remarks.append("--ulimit: host cannot be read")
    limits = [text for text in shown.values() if text not in view.sources.default_ulimits]
    doubtful = [text for text in limits if text.partition("=")[0] in ADDED_AT_START]
    if doubtful and (view.started or view.sources.version < _ADDED_ONLY_AT_START):
        view.remarks.append("--ulimit: may have been added by Podman itself: " + ", ".join(sorted(doubtful)))
    return view.shown(tuple(sorted(limits))) if limits else None


def read_shm_size(view: View) -> Reading:
    value = view.host.get("ShmSize")
    return None if value is None or value == 65536000 else view.shown(int(value))


@by_command(lambda command: command.last("--shm-size-systemd"))
def read_shm_size_systemd(view: View) -> Reading:
    if not view.config.get("SystemdMode"):
        return None
    mount = oci_mount(view, "/run")
    if mount is None:
        return UNKNOWABLE
    sizes = [o[len("size=") :] for o in mount.get("options") or () if o.startswith("size=")]
    return view.from_oci(f"{sizes[-1]}b") if sizes else None


def read_cgroup_conf(view: View) -> Reading:
    values = view.host.get("CgroupConf")
    return view.shown(tuple(sorted(f"{k}={v}" for k, v in values.items()))) if values else None


def read_cgroup_parent(view: View) -> Reading:
    parent = str(view.host.get("CgroupParent") or "")
    usual = (
        view.sources.rootless and parent == "user.slice"
    )  # shown of every rootless container below systemd
    return view.shown(parent) if parent and not usual and not view.in_pod else None


def read_cgroupns(view: View) -> Reading:
    mode = str(view.host.get("CgroupMode") or "")
    if not mode or (view.in_pod and mode.startswith("container:")):
        return None
    if view.command is not None and "--cgroupns" not in view.command.flags:
        return None
    if view.command is None:
        default = "host" if view.sources.cgroup_version == 1 else "private"
        if mode == default:
            return None
    return view.shown(view.container_reference(mode))


def read_cgroups(view: View) -> Reading:
    if view.host.get("Cgroups") == "disabled":
        return view.shown("disabled")
    if view.command is None:
        return UNKNOWABLE
    given = view.command.last("--cgroups")
    return view.commanded(given) if given and given != "enabled" else None
