"""The options of one container as fields of a pod's container."""

from __future__ import annotations

import re
from typing import Any

from hardentui.model.capabilities import capability_name
from hardentui.options import (
    CAP_ADD,
    CAP_DROP,
    COMMAND,
    CPU_PERIOD,
    CPU_QUOTA,
    CPUS,
    DEVICES,
    ENTRYPOINT,
    ENV,
    IMAGE,
    INIT,
    INIT_CTR,
    INTERACTIVE,
    LABEL_LEVEL,
    LABEL_ROLE,
    LABEL_TYPE,
    LABEL_USER,
    MEMORY,
    MEMORY_RESERVATION,
    MEMORY_SWAP,
    MOUNTS,
    NO_NEW_PRIVILEGES,
    PRIVILEGED,
    PULL,
    READ_ONLY,
    SECCOMP_PROFILE,
    TMPFS,
    TTY,
    UNMASK,
    USER,
    WORKDIR,
)
from hardentui.writers.kube import health
from hardentui.writers.kube.names import is_variable
from hardentui.writers.kube.part import Handlers, PodPart
from hardentui.writers.kube.volumes import write_mounts, write_own_tmpfs, write_tmpfs

_GIVEN_BY_CLUSTERS = ("AUDIT_WRITE", "MKNOD", "NET_RAW")
"""Capabilities that a cluster grants by default and Podman does not."""
_PULL = {"always": "Always", "missing": "IfNotPresent", "never": "Never", "newer": "Always"}
_STOCK_PROFILES = ("/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")
_CPU_PERIOD = 100_000
_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
"""Podman reads the profile from this annotation, a cluster from the field."""
_INIT = "io.podman.annotations.init"
_INIT_TYPE = "io.podman.annotations.init.container.type"
_REFERENCE = re.compile(r"\$(?=[$(])")


def _image(part: PodPart, image: str) -> None:
    part.container["image"] = image


def _escaped(words: tuple[str, ...]) -> list[str]:
    """Words with `$(NAME)` escaped: Kubernetes and Podman read `$$` as `$`."""
    return [_REFERENCE.sub("$$", word) for word in words]


def _entrypoint(part: PodPart, words: tuple[str, ...]) -> None:
    if words:
        part.container["command"] = _escaped(words)
    else:
        part.lose(ENTRYPOINT, words, "Kubernetes cannot clear the image's entry point")


def _command(part: PodPart, words: tuple[str, ...]) -> None:
    part.container["args"] = _escaped(words)


def _env(part: PodPart, pairs: tuple[str, ...]) -> None:
    variables = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not is_variable(name):
            part.lose(ENV, (pair,), "Kubernetes does not accept the name")
            continue
        if "$(" in value or "$$" in value:
            part.notes.append(
                f"the variable {name} contains $( or $$, which a cluster expands and Podman does not"
            )
        variables.append({"name": name, "value": value})
    if variables:
        part.container["env"] = variables


def _workdir(part: PodPart, path: str) -> None:
    part.container["workingDir"] = path


def _tty(part: PodPart, _: bool) -> None:
    part.container["tty"] = True


def _interactive(part: PodPart, _: bool) -> None:
    part.container["stdin"] = True
    part.notes.append("podman kube play ignores stdin (--interactive); a cluster keeps it open")


def _pull(part: PodPart, policy: str) -> None:
    part.container["imagePullPolicy"] = _PULL.get(policy, "IfNotPresent")
    if policy == "newer":
        part.notes.append("--pull=newer is written as Always")


# --- rights ----------------------------------------------------------------------------------------


def _init(part: PodPart, _: bool) -> None:
    part.annotations[_INIT] = "TRUE"
    part.notes.append("--init is written as an annotation that only Podman reads")


def _init_ctr(part: PodPart, when: str) -> None:
    part.first = True
    if when == "always":
        part.annotations[_INIT_TYPE] = when  # else podman kube play runs it once; a cluster, at every start


def _privileged(part: PodPart, _: bool) -> None:
    part.security["privileged"] = True


def _no_new_privileges(part: PodPart, _: bool) -> None:
    part.security["allowPrivilegeEscalation"] = False


def _read_only(part: PodPart, _: bool) -> None:
    part.security["readOnlyRootFilesystem"] = True


def _user(part: PodPart, user: str) -> None:
    uid, colon, gid = user.partition(":")
    if not uid.isdecimal() or (colon and not gid.isdecimal()):
        part.lose(USER, user, "Kubernetes accepts numeric IDs only")
        return
    part.security["runAsUser"] = int(uid)
    if colon:
        part.security["runAsGroup"] = int(gid)


def _unmask(part: PodPart, paths: tuple[str, ...]) -> None:
    if tuple(path.upper() for path in paths) == ("ALL",):
        part.security["procMount"] = "Unmasked"
    else:
        part.lose(UNMASK, paths, "Kubernetes can only unmask all paths at once")


def _seccomp(part: PodPart, profile: str) -> None:
    if profile == "unconfined":
        part.security["seccompProfile"] = {"type": "Unconfined"}
        part.annotations[_SECCOMP + part.name] = "unconfined"
    elif profile not in _STOCK_PROFILES:
        directory, _, name = profile.rpartition("/")
        part.security["seccompProfile"] = {"type": "Localhost", "localhostProfile": name}
        part.annotations[_SECCOMP + part.name] = f"localhost/{name}"
        part.flags.append(f"--seccomp-profile-root={directory or '/'}")
        part.notes.append(
            f"in a cluster, copy the seccomp profile {name} to /var/lib/kubelet/seccomp on every node"
        )


def _selinux(field: str) -> Any:
    def write(part: PodPart, value: str) -> None:
        part.security.setdefault("seLinuxOptions", {})[field] = value

    return write


def _devices(part: PodPart, devices: tuple[str, ...]) -> None:
    part.lose(DEVICES, devices, "Kubernetes needs a device plugin for devices")


# --- limits ----------------------------------------------------------------------------------------


def _memory(part: PodPart, limit: int) -> None:
    if limit > 0:
        part.container.setdefault("resources", {}).setdefault("limits", {})["memory"] = str(limit)
        if MEMORY_SWAP not in part.spec:
            part.notes.append(
                "the swap limit that --memory implies is not carried over: podman kube play sets none"
            )


def _memory_reservation(part: PodPart, limit: int) -> None:
    part.container.setdefault("resources", {}).setdefault("requests", {})["memory"] = str(limit)


def _cpus(part: PodPart, cpus: float) -> None:
    part.container.setdefault("resources", {}).setdefault("limits", {})["cpu"] = f"{cpus:.9g}"


def _cpu_quota(part: PodPart, quota: int) -> None:
    if quota > 0:
        _cpus(part, round(quota / (part.spec[CPU_PERIOD] or _CPU_PERIOD), 3))


def _cpu_period(part: PodPart, period: int) -> None:
    if CPU_QUOTA not in part.spec:
        part.lose(CPU_PERIOD, period)


OF_CONTAINER: Handlers = {
    IMAGE: _image,
    ENTRYPOINT: _entrypoint,
    COMMAND: _command,
    ENV: _env,
    WORKDIR: _workdir,
    TTY: _tty,
    INTERACTIVE: _interactive,
    PULL: _pull,
    INIT: _init,
    INIT_CTR: _init_ctr,
    PRIVILEGED: _privileged,
    NO_NEW_PRIVILEGES: _no_new_privileges,
    READ_ONLY: _read_only,
    USER: _user,
    UNMASK: _unmask,
    SECCOMP_PROFILE: _seccomp,
    LABEL_TYPE: _selinux("type"),
    LABEL_LEVEL: _selinux("level"),
    LABEL_USER: _selinux("user"),
    LABEL_ROLE: _selinux("role"),
    DEVICES: _devices,
    MEMORY: _memory,
    MEMORY_RESERVATION: _memory_reservation,
    CPUS: _cpus,
    CPU_QUOTA: _cpu_quota,
    CPU_PERIOD: _cpu_period,
    MOUNTS: write_mounts,
    TMPFS: write_tmpfs,
}
"""Option -> its writer; capabilities, probes and settings without an option are added afterwards."""
WRITTEN_AFTERWARDS = frozenset({CAP_ADD, CAP_DROP, *health.WRITTEN})


def finish(part: PodPart, image_user: str) -> None:
    """Fields that depend on several options, and Podman defaults that a pod must state."""
    write_own_tmpfs(part)
    health.write_health(part)
    _capabilities(part)
    if "seccompProfile" not in part.security and not part.spec[PRIVILEGED]:
        part.security["seccompProfile"] = {"type": "RuntimeDefault"}
    user = part.spec[USER] or image_user
    uid = user.partition(":")[0]
    if uid.isdecimal() and int(uid) > 0:
        part.security["runAsNonRoot"] = True
    elif uid not in ("", "root") and not uid.isdecimal():
        part.notes.append(
            f"it runs as the user {uid}, a name: set runAsUser to its number so that Kubernetes accepts"
            " runAsNonRoot"
        )


def _capabilities(part: PodPart) -> None:
    spec = part.spec
    added = [capability_name(name) for name in spec[CAP_ADD]]
    dropped = [capability_name(name) for name in spec[CAP_DROP]]
    if not spec[PRIVILEGED] and "all" not in {*added, *dropped}:
        dropped += [
            name
            for name in (capability_name(given) for given in _GIVEN_BY_CLUSTERS)
            if name not in added and name not in dropped
        ]
    wanted = {"drop": dropped, "add": added}
    lists = {key: sorted(map(_short, names)) for key, names in wanted.items() if names}
    if lists:
        part.security["capabilities"] = lists


def _short(name: str) -> str:
    return "ALL" if name == "all" else name.removeprefix("CAP_")
