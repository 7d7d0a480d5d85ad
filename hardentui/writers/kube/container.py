"""The options of one container as fields of a pod's container."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from hardentui.model.facts import capability_name
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.codecs import DURATION, size_of
from hardentui.writers.kube.names import dns_label, is_claim_name, is_variable


class PodPart(Struct, kw_only=True):
    """The collected fields of a container and of its pod."""

    name: str
    spec: Spec
    # container, security: the container and its securityContext
    container: dict[str, Any] = field(default_factory=dict)
    security: dict[str, Any] = field(default_factory=dict)
    # pod, pod_security, metadata: the pod's spec, securityContext and metadata
    pod: dict[str, Any] = field(default_factory=dict)
    pod_security: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    # words of `podman kube play` for options without a field in a pod
    flags: list[str] = field(default_factory=list)
    first: bool = False  # it runs to its end before the others start (`--init-ctr`)
    # what is not carried over or changes its meaning, one sentence each
    notes: list[str] = field(default_factory=list)

    def lose(
        self,
        option: Option[Any],
        value: Any,
        why: str = "Kubernetes has no field for it",
    ) -> None:
        """Note that a value of an option is not carried over."""
        for word in option.to_words(value):
            self.notes.append(f"{word} is not carried over: {why}")


Handler: TypeAlias = Callable[[PodPart, Any], None]
Handlers: TypeAlias = Mapping[Option[Any], Handler]


_HEALTH_LOGS = {HEALTH_LOG_DESTINATION, HEALTH_MAX_LOG_COUNT, HEALTH_MAX_LOG_SIZE}
HEALTH_OPTIONS = frozenset(option for option in TABLE if option.area == "health") - _HEALTH_LOGS
_USUAL_SECONDS = 30
_USUAL_RETRIES = 3
_SECONDS = re.compile(r"(\d+(?:\.\d+)?(?:e-?\d+)?)s")


def write_health(part: PodPart) -> None:
    """The probe with the same effect as in Podman: none, or stopping the container."""
    spec = part.spec
    command = probe_command(spec[HEALTH_CMD])
    if not command:
        for option in sorted(HEALTH_OPTIONS, key=lambda option: option.flag):
            if option in spec and spec[option] != "none":
                part.lose(
                    option,
                    spec[option],
                    "there is no health command",
                )
        return
    if spec[HEALTH_INTERVAL] == "disable":
        part.lose(
            HEALTH_CMD,
            spec[HEALTH_CMD],
            "it has no timer (--health-interval=disable)",
        )
    else:
        probe: dict[str, Any] = {"exec": {"command": command}}
        probe |= _times(
            part,
            HEALTH_INTERVAL,
            HEALTH_TIMEOUT,
            HEALTH_RETRIES,
        )
        if spec[HEALTH_START_PERIOD]:
            probe["initialDelaySeconds"] = _seconds(part, HEALTH_START_PERIOD)
        ends = spec[HEALTH_ON_FAILURE] in ("kill", "restart", "stop")
        part.container["livenessProbe" if ends else "readinessProbe"] = probe
        if not ends:
            part.notes.append(
                "the health check only reports: it is written as a readinessProbe, which Podman "
                "ignores"
            )
    startup = probe_command(spec[HEALTH_STARTUP_CMD])
    if any("$(" in word or "$$" in word for word in (*command, *startup)):
        part.notes.append(
            "the health command contains $( or $$, which a cluster expands and Podman does not"
        )
    if startup:
        part.container["startupProbe"] = {
            "exec": {"command": startup},
            **_times(
                part,
                HEALTH_STARTUP_INTERVAL,
                HEALTH_STARTUP_TIMEOUT,
                HEALTH_STARTUP_RETRIES,
            ),
        }
        if spec[HEALTH_STARTUP_SUCCESS] > 1:
            part.lose(
                HEALTH_STARTUP_SUCCESS,
                spec[HEALTH_STARTUP_SUCCESS],
                "a startupProbe needs one success only",
            )


def probe_command(text: str) -> list[str]:
    """The words of `--health-cmd`: a shell command, `CMD …`, or a JSON array; none if it is
    disabled."""
    if text in ("", "none"):
        return []
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            kind = words[0] if words else ""
            if kind == "CMD-SHELL":
                return ["/bin/sh", "-c", " ".join(words[1:])]
            return words[1:] if kind == "CMD" else words
    if text.startswith("CMD-SHELL "):
        return ["/bin/sh", "-c", text.removeprefix("CMD-SHELL ")]
    if text.startswith("CMD "):
        return text.removeprefix("CMD ").split()
    return ["/bin/sh", "-c", text]


def _times(
    part: PodPart,
    interval: Option[str],
    timeout: Option[str],
    retries: Option[int],
) -> dict[str, int]:
    count = part.spec[retries]
    return {
        "periodSeconds": _seconds(part, interval),
        "timeoutSeconds": _seconds(part, timeout),
        "failureThreshold": count if count > 0 else _USUAL_RETRIES,
    }


def _seconds(part: PodPart, option: Option[str]) -> int:
    """Whole seconds, at least one; Podman's default of 30 if unset."""
    text = part.spec[option]
    match = _SECONDS.fullmatch(DURATION.canonical(text))
    if match:
        return max(1, -int(-float(match[1]) // 1))
    if text:
        part.lose(option, text, "it is not a duration")
    return _USUAL_SECONDS


_OF_PODMAN = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - what --read-only keeps writable
_PROPAGATION = {
    "rslave": "HostToContainer",
    "slave": "HostToContainer",
    "rshared": "Bidirectional",
    "shared": "Bidirectional",
}
_SAID_BY_KIND = frozenset({"rw", "ro", "rbind", "rprivate", "private", *_PROPAGATION})
_ALWAYS_IN_MEMORY = frozenset({"rw", "nosuid", "nodev"})


def write_mounts(part: PodPart, mounts: tuple[Mount, ...]) -> None:
    """Bind mounts, named volumes and images; unsupported options of a mount are noted."""
    for mount in mounts:
        source = _source(part, mount)
        if source is None:
            part.lose(MOUNTS, (mount,))
            continue
        if ":" in mount.destination:
            part.lose(
                MOUNTS,
                (mount,),
                "Kubernetes does not accept a colon in a mount path",
            )
            continue
        fields: dict[str, Any] = {"readOnly": True} if mount.read_only else {}
        for option in mount.options:
            if option in _PROPAGATION:
                fields["mountPropagation"] = _PROPAGATION[option]
            elif option not in _SAID_BY_KIND:
                part.notes.append(_lost(f"mount at {mount.destination}", option))
        if mount.subpath:
            fields["subPath"] = mount.subpath
        _add(
            part,
            mount.destination,
            source,
            fields,
        )


def _lost(mount: str, option: str) -> str:
    return f"the {mount} loses its option {option}: Kubernetes has no field for it"


def _source(part: PodPart, mount: Mount) -> dict[str, Any] | None:
    if mount.type == "bind" and mount.source.startswith("/"):
        return {"hostPath": {"path": mount.source}}
    if mount.type == "image":
        return {
            "image": {
                "reference": mount.source,
                "pullPolicy": "IfNotPresent",
            }
        }
    if mount.type != "volume":
        return None
    if not mount.source:
        part.notes.append(f"the volume at {mount.destination} has no name: it starts empty")
        return {"emptyDir": {}}
    claim = f"the volume {mount.source} becomes a claim: Podman mounts its volume of that name"
    named = "" if is_claim_name(mount.source) else " (Kubernetes does not accept this name)"
    part.notes.append(f"{claim}; a cluster needs a PersistentVolumeClaim of that name{named}")
    return {"persistentVolumeClaim": {"claimName": mount.source}}


def write_tmpfs(part: PodPart, entries: tuple[str, ...]) -> None:
    """tmpfs mounts."""
    for entry in entries:
        path, _, options = entry.partition(":")
        directory: dict[str, Any] = {"medium": "Memory"}
        fields: dict[str, Any] = {}
        for option in (option for option in options.split(",") if option):
            name, _, value = option.partition("=")
            if name == "size" and _is_size(value):
                directory["sizeLimit"] = str(size_of(value))
                part.notes.append(
                    f"the size limit of {path} works in a cluster; podman kube play ignores it"
                )
            elif option == "ro":
                fields["readOnly"] = True
            elif option not in _ALWAYS_IN_MEMORY:
                part.notes.append(
                    f"the tmpfs at {path} loses its option {option}: Kubernetes has no field for it"
                )
        _add(
            part,
            path,
            {"emptyDir": directory},
            fields,
        )


def _is_size(text: str) -> bool:
    try:
        return size_of(text) > 0
    except ValueError:
        return False


def write_own_tmpfs(part: PodPart) -> None:
    """The tmpfs mounts that Podman adds under a read-only root, for a pod."""
    spec: Spec = part.spec
    if not spec[READ_ONLY] or not spec[READ_ONLY_TMPFS]:
        return
    taken = {mount["mountPath"] for mount in part.container.get("volumeMounts", ())}
    for path in _OF_PODMAN:
        if path not in taken:
            _add(
                part,
                path,
                {"emptyDir": {"medium": "Memory"}},
                {},
            )


def _add(
    part: PodPart,
    path: str,
    source: dict[str, Any],
    fields: dict[str, Any],
) -> None:
    name = _free_name(part, path)
    part.volumes.append({"name": name, **source})
    part.container.setdefault("volumeMounts", []).append(
        {"name": name, "mountPath": path, **fields}
    )


def _free_name(part: PodPart, path: str) -> str:
    """Named after its container: Podman creates a volume of that name for an emptyDir on disk."""
    taken = {volume["name"] for volume in part.volumes}
    base = dns_label(f"{part.name}-{path}")
    names = (
        base,
        *(dns_label(f"{part.name}-{path}", f"-{n}") for n in range(2, len(taken) + 3)),
    )
    return next(name for name in names if name not in taken)


_GIVEN_BY_CLUSTERS = ("AUDIT_WRITE", "MKNOD", "NET_RAW")
"""Capabilities that a cluster grants by default and Podman does not."""
_PULL = {
    "always": "Always",
    "missing": "IfNotPresent",
    "never": "Never",
    "newer": "Always",
}
_STOCK_PROFILES = ("/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")
_CPU_PERIOD = 100_000
_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
"""Podman reads the profile from this annotation, a cluster from the field."""
_INIT = "io.podman.annotations.init"
_INIT_TYPE = "io.podman.annotations.init.container.type"
_REFERENCE = re.compile(r"\$(?=[$(])")


def _field(
    name: str,
    written: Callable[[Any], Any] | None = None,
) -> Handler:
    """The value, or what is written for it, as a field of the container."""
    return lambda part, value: part.container.update({name: written(value) if written else value})


def _security(name: str, value: bool = True) -> Handler:
    """A switch as a field of the securityContext."""
    return lambda part, _: part.security.update({name: value})


def _escaped(words: tuple[str, ...]) -> list[str]:
    """Words with `$(NAME)` escaped: Kubernetes and Podman read `$$` as `$`."""
    return [_REFERENCE.sub("$$", word) for word in words]


def _entrypoint(part: PodPart, words: tuple[str, ...]) -> None:
    if words:
        part.container["command"] = _escaped(words)
    else:
        part.lose(
            ENTRYPOINT,
            words,
            "Kubernetes cannot clear the image's entry point",
        )


def _env(part: PodPart, pairs: tuple[str, ...]) -> None:
    variables = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not is_variable(name):
            part.lose(
                ENV,
                (pair,),
                "Kubernetes does not accept the name",
            )
            continue
        if "$(" in value or "$$" in value:
            part.notes.append(
                f"the variable {name} contains $( or $$, which a cluster expands and Podman does "
                "not"
            )
        variables.append({"name": name, "value": value})
    if variables:
        part.container["env"] = variables


def _interactive(part: PodPart, _: bool) -> None:
    part.container["stdin"] = True
    part.notes.append("podman kube play ignores stdin (--interactive); a cluster keeps it open")


def _pull(part: PodPart, policy: str) -> None:
    part.container["imagePullPolicy"] = _PULL.get(policy, "IfNotPresent")
    if policy == "newer":
        part.notes.append("--pull=newer is written as Always")


def _init(part: PodPart, _: bool) -> None:
    part.annotations[_INIT] = "TRUE"
    part.notes.append("--init is written as an annotation that only Podman reads")


def _init_ctr(part: PodPart, when: str) -> None:
    part.first = True
    if when == "always":
        # else podman kube play runs it once; a cluster, at every start
        part.annotations[_INIT_TYPE] = when


def _user(part: PodPart, user: str) -> None:
    uid, colon, gid = user.partition(":")
    if not uid.isdecimal() or (colon and not gid.isdecimal()):
        part.lose(
            USER,
            user,
            "Kubernetes accepts numeric IDs only",
        )
        return
    part.security["runAsUser"] = int(uid)
    if colon:
        part.security["runAsGroup"] = int(gid)


def _unmask(part: PodPart, paths: tuple[str, ...]) -> None:
    if tuple(path.upper() for path in paths) == ("ALL",):
        part.security["procMount"] = "Unmasked"
    else:
        part.lose(
            UNMASK,
            paths,
            "Kubernetes can only unmask all paths at once",
        )


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
            f"in a cluster, copy the seccomp profile {name} to /var/lib/kubelet/seccomp on every "
            "node"
        )


def _selinux(field: str) -> Any:
    def write(part: PodPart, value: str) -> None:
        part.security.setdefault("seLinuxOptions", {})[field] = value

    return write


def _resource(
    part: PodPart,
    kind: str,
    name: str,
    amount: str,
) -> None:
    part.container.setdefault("resources", {}).setdefault(kind, {})[name] = amount


def _memory(part: PodPart, limit: int) -> None:
    if limit > 0:
        _resource(
            part,
            "limits",
            "memory",
            str(limit),
        )
        if MEMORY_SWAP not in part.spec:
            part.notes.append(
                "the swap limit that --memory implies is not carried over: podman kube play sets "
                "none"
            )


def _cpus(part: PodPart, cpus: float) -> None:
    _resource(
        part,
        "limits",
        "cpu",
        f"{cpus:.9g}",
    )


def _cpu_quota(part: PodPart, quota: int) -> None:
    if quota > 0:
        _cpus(part, round(quota / (part.spec[CPU_PERIOD] or _CPU_PERIOD), 3))


def _cpu_period(part: PodPart, period: int) -> None:
    if CPU_QUOTA not in part.spec:
        part.lose(CPU_PERIOD, period)


OF_CONTAINER: Handlers = {
    IMAGE: _field("image"),
    ENTRYPOINT: _entrypoint,
    COMMAND: _field("args", _escaped),
    ENV: _env,
    WORKDIR: _field("workingDir"),
    TTY: _field("tty"),
    INTERACTIVE: _interactive,
    PULL: _pull,
    INIT: _init,
    INIT_CTR: _init_ctr,
    PRIVILEGED: _security("privileged"),
    NO_NEW_PRIVILEGES: _security("allowPrivilegeEscalation", False),
    READ_ONLY: _security("readOnlyRootFilesystem"),
    USER: _user,
    UNMASK: _unmask,
    SECCOMP_PROFILE: _seccomp,
    LABEL_TYPE: _selinux("type"),
    LABEL_LEVEL: _selinux("level"),
    LABEL_USER: _selinux("user"),
    LABEL_ROLE: _selinux("role"),
    DEVICES: lambda part, devices: part.lose(
        DEVICES, devices, "Kubernetes needs a device plugin for devices"
    ),
    MEMORY: _memory,
    MEMORY_RESERVATION: lambda part, limit: _resource(
        part,
        "requests",
        "memory",
        str(limit),
    ),
    CPUS: _cpus,
    CPU_QUOTA: _cpu_quota,
    CPU_PERIOD: _cpu_period,
    MOUNTS: write_mounts,
    TMPFS: write_tmpfs,
}
"""Option -> its writer; capabilities, probes and settings without an option are added afterwards.
"""
WRITTEN_AFTERWARDS = frozenset({CAP_ADD, CAP_DROP, *HEALTH_OPTIONS})


def finish(part: PodPart, image_user: str) -> None:
    """Fields that depend on several options, and Podman defaults that a pod must state."""
    write_own_tmpfs(part)
    write_health(part)
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
