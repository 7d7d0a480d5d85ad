"""The words of `podman run` that Quadlet generates from a `.container` unit, before systemd reads
them."""

from __future__ import annotations

import re

from hardentui.lib.quadlet.flags import (
    each,
    is_port,
    joined,
    lists,
    pairs,
    podman,
    published,
    switch,
    switches,
    user_mappings,
)
from hardentui.lib.quadlet.references import Units, container_name
from hardentui.lib.quadlet.text import QuadletUnit, UnitSection, refused

_KINDS_WITH_SOURCE = {
    "bind": (4, 5),
    "volume": (4, 5),
    "glob": (4, 7),
    "image": (5, 3),
    "artifact": (5, 7),
}
"""Kind of mount -> the first Podman whose generator handles its source."""
_NEVER = (999, 0)
_CSV = (4, 8)
_NO_CRASH = (5, 7)
_NO_SOURCE_NEEDED = (6, 0)
_VOLUME_BY_DEFAULT = (5, 6)


def mount_words(unit: QuadletUnit, units: Units) -> list[str]:
    """--mount and its argument for each word of Mount=."""
    make = _mount if unit.version >= _CSV else _plain_mount
    return [
        word for text in unit.own.words("Mount") for word in ("--mount", make(unit, units, text))
    ]


def _plain_mount(
    unit: QuadletUnit,
    units: Units,
    text: str,
) -> str:
    """Before Podman 4.8: parts between commas; the kind comes first, the others in no defined
    order."""
    parts: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise refused(
                unit,
                f"it crashes on a mount with a word without `=`, and every Quadlet is lost: {text}",
            )
        if "=" in value:
            raise refused(
                unit,
                f"it loses what stands after the second `=` of a mount: {text}",
            )
        parts[name] = value
    kind = parts.pop("type", "")
    if unit.version >= _KINDS_WITH_SOURCE.get(kind, _NEVER):
        name = "source" if "source" in parts else "src"
        if name in parts:
            parts[name] = units.source(unit, parts[name], mount=True)
    return ",".join(
        [
            f"type={kind}",
            *(f"{name}={value}" for name, value in parts.items()),
        ]
    )


def _mount(
    unit: QuadletUnit,
    units: Units,
    text: str,
) -> str:
    fields = _record(unit, text.replace("\r\n", "\n"))
    kind = _take_kind(unit, fields, text)
    if unit.version < _KINDS_WITH_SOURCE.get(kind, _NEVER):
        return text
    source, place = "", 0
    for number, field in enumerate(fields):
        name, equals, value = field.partition("=")
        if name in ("src", "source"):
            if not equals:
                raise refused(unit, "source parameter does not include a value")
            source, place = value, number
    if source:
        fields[place] = f"source={units.source(unit, source, mount=True)}"
    else:
        _check_without_source(unit, kind, text)
    return ",".join(_field(field) for field in (f"type={kind}", *fields))


def _take_kind(
    unit: QuadletUnit,
    fields: list[str],
    text: str,
) -> str:
    """The first `type=` with a plain value, which is removed from the fields."""
    for field in fields:
        name, _, value = field.partition("=")
        if name == "type" and "=" in field and "=" not in value:
            fields.remove(field)
            return value
    if unit.version < _VOLUME_BY_DEFAULT:
        raise refused(unit, f"incorrect mount format: it has no type= in {text}")
    return "volume"


def _field(text: str) -> str:
    """A field as Go's CSV writer formats it."""
    if text and (
        text == "\\." or text[0].isspace() or any(character in text for character in ',"\r\n')
    ):
        return '"' + text.replace('"', '""') + '"'
    return text


def _check_without_source(
    unit: QuadletUnit,
    kind: str,
    text: str,
) -> None:
    if unit.version < _NO_CRASH:
        raise refused(
            unit,
            f"it crashes on a mount without a source, and every Quadlet of the host is lost: {text}",
        )
    if unit.version < _NO_SOURCE_NEEDED:
        raise refused(unit, f"a mount without a source: {text}")
    if kind != "volume":
        raise refused(unit, f"source parameter is required for mount type {kind}")


def _record(unit: QuadletUnit, text: str) -> list[str]:
    """The fields of one CSV record; quotes only around a whole field."""
    fields: list[str] = []
    at = 0
    while True:
        if text[at : at + 1] == '"':
            field, at = _quoted(unit, text, at + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            field, at = text[at:end], end
            if "\n" in field:
                raise refused(
                    unit,
                    f"wrong number of fields in a mount with a line break: {text}",
                )
            if '"' in field:
                raise refused(unit, f'parse error in a mount: bare " in a field: {text}')
        fields.append(field)
        if at >= len(text):
            return fields
        if text[at] != ",":
            raise refused(
                unit, f'parse error in a mount: extraneous or missing " in a field: {text}'
            )
        at += 1


def _quoted(
    unit: QuadletUnit,
    text: str,
    at: int,
) -> tuple[str, int]:
    out: list[str] = []
    while at < len(text):
        if text.startswith('""', at):
            out.append('"')
            at += 2
        elif text[at] == '"':
            return "".join(out), at + 1
        else:
            out.append(text[at])
            at += 1
    raise refused(
        unit,
        f"parse error in a mount: a quote is never closed: {text}",
    )


# key -> flag; `=` at the end: one word before Podman 5.3, two since
_ONE = {
    "Timezone": "--tz=",
    "PidsLimit": "--pids-limit",
    "ShmSize": "--shm-size=",
    "WorkingDir": "--workdir=",
    "IP": "--ip",
    "IP6": "--ip6",
    "HostName": "--hostname",
    "StopSignal": "--stop-signal",
    "StopTimeout": "--stop-timeout",
    "Pull": "--pull",
    "Memory": "--memory",
    "Retry": "--retry",
    "RetryDelay": "--retry-delay",
    "ImageVolume": "--image-volume",
}
_OLD_SPELLING = {"--workdir=": "-w="}
_EMPTY_COUNTED = ("ShmSize", "WorkingDir", "HostName")
"""Before Podman 5.3 these are passed on even if they are empty."""
_MANY = {
    "DNS": "--dns",
    "DNSOption": "--dns-option",
    "DNSSearch": "--dns-search",
    "GroupAdd": "--group-add",
    "AddHost": "--add-host",
}
_MANY_IN_TWO_WORDS = {"NetworkAlias": "--network-alias", "Tmpfs": "--tmpfs"}
_SWITCHES = {
    "RunInit": "--init",
    "EnvironmentHost": "--env-host",
    "ReadOnlyTmpfs": "--read-only-tmpfs",
    "HttpProxy": "--http-proxy",
}
_LABELS = {
    "SecurityLabelType": "type",
    "SecurityLabelFileType": "filetype",
    "SecurityLabelLevel": "level",
}
_HEALTH = tuple(
    "Cmd Interval OnFailure LogDestination MaxLogCount MaxLogSize Retries StartPeriod Timeout StartupCmd "
    "StartupInterval StartupRetries StartupSuccess StartupTimeout".split()
)
"""Health… of a unit, and `--health-…` in small letters with dashes."""
_VOLATILE_TMP = "/tmp:rw,size=512M,mode=1777"  # noqa: S108 - what the generator writes
_MOST_COLONS = 1

_FIXED_RUNTIME = (4, 4, 3)
_LOG_DRIVER = (4, 5)
_OPTIONAL_DEVICES = (4, 5)
_READ_ONLY_KEEPS_TMPFS = (4, 8)
_USER_BY_NAME = (4, 8)
_HEALTHY = (5, 0)
_MANY_ULIMITS = (5, 0)
_TWO_WORDS = (5, 3)
_NO_CID_FILE = (5, 6)
_ONE_WORD_ENTRYPOINT = (5, 8, 2)


def container_words(unit: QuadletUnit, units: Units) -> list[str]:
    """All words of the command, including empty ones.

    Raises:
        UnitRefused: the generator refuses the unit, or it needs something that cannot be known
            here.
    """
    own = unit.own
    image = _image(unit, units)
    _check_reload(unit)
    return [
        *podman(own, "run"),
        *_identity(unit),
        *_log(own),
        *_cgroups(own),
        *_plain(unit),
        *units.networks(unit),
        *_service(unit),
        *_security(unit, units),
        *_read_only(own),
        *_user(unit),
        *user_mappings(
            unit,
            rootless=units.rootless,
            manual=True,
        ),
        *units.volumes(unit),
        *_ports(unit),
        *pairs(
            own,
            {"Environment": "--env", "Label": "--label", "Annotation": "--annotation"},
        ),
        *each("--security-opt", [f"mask={paths}" for paths in own.words("Mask")]),
        *each(
            "--security-opt",
            [f"unmask={paths}" for paths in own.words("Unmask")],
        ),
        *each(
            "--env-file",
            [units.path(path) for path in own.words("EnvironmentFile")],
        ),
        *each("--secret", own.words("Secret")),
        *mount_words(unit, units),
        *_health(own),
        *units.pod(unit),
        *own.words("PodmanArgs"),
        *image,
        *own.last_words("Exec"),
    ]


def _image(unit: QuadletUnit, units: Units) -> list[str]:
    image, rootfs = unit.own.last("Image"), unit.own.last("Rootfs")
    if image and rootfs:
        raise refused(
            unit,
            "the Image And Rootfs keys conflict can not be specified together",
        )
    if rootfs:
        return ["--rootfs", rootfs]
    if not image:
        raise refused(unit, "no Image or Rootfs key specified")
    return [units.image(unit, image)]


def _check_reload(unit: QuadletUnit) -> None:
    if unit.own.last_words("ReloadCmd") and unit.own.last("ReloadSignal"):
        raise refused(
            unit,
            "ReloadCmd and ReloadSignal are mutually exclusive but both are set",
        )


def _identity(unit: QuadletUnit) -> list[str]:
    words = joined(unit.version, "--name", [container_name(unit)])
    if unit.version < _NO_CID_FILE:
        words.append("--cidfile=%t/%N.cid")
    return [*words, "--replace", "--rm"]


def _log(own: UnitSection) -> list[str]:
    if own.version < _LOG_DRIVER:
        return ["--log-driver", "passthrough"]
    words = ["--log-driver", own.last("LogDriver")] if own.has("LogDriver") else []
    return [
        *words,
        *each("--log-opt", own.literal_words("LogOpt")),
    ]


def _cgroups(own: UnitSection) -> list[str]:
    mode = own.last("CgroupsMode")
    runtime = ["--runtime", "/usr/bin/crun"] if own.version < _FIXED_RUNTIME else []
    return [
        *runtime,
        *(["--cgroups", mode] if mode else ["--cgroups=split"]),
    ]


def _plain(unit: QuadletUnit) -> list[str]:
    """Keys that become one flag each, in no reliable order."""
    own = unit.own
    old = own.version < _TWO_WORDS
    words = _entrypoint(own)
    for key, flag in _ONE.items():
        value = own.last(key)
        if not value and not (old and key in _EMPTY_COUNTED and own.has(key)):
            continue
        if old and flag.endswith("="):
            words.append(f"{_OLD_SPELLING.get(flag, flag)}{value}")
        else:
            words += [flag.removesuffix("="), value]
    words += lists(own, _MANY)
    for key, flag in _MANY_IN_TWO_WORDS.items():
        words += each(flag, own.every(key))
    if old and any(value.count(":") > _MOST_COLONS for value in own.every("Tmpfs")):
        raise refused(unit, "invalid tmpfs format")
    if own.version < _MANY_ULIMITS:
        words += each("--ulimit", [own.last("Ulimit")] if own.last("Ulimit") else [])
    else:
        words += each("--ulimit", own.every("Ulimit"))
    return [*words, *switches(own, _SWITCHES)]


def _entrypoint(own: UnitSection) -> list[str]:
    """An empty value counts, except in versions that write it as two words."""
    if not own.has("Entrypoint"):
        return []
    value = own.last("Entrypoint")
    if own.version < _TWO_WORDS or own.version >= _ONE_WORD_ENTRYPOINT:
        return [f"--entrypoint={value}"]
    return ["--entrypoint", value] if value else []


def _service(unit: QuadletUnit) -> list[str]:
    """How the container reports readiness, depending on the type of the service."""
    service = unit.section("Service")
    if service.has("ExecStart"):
        raise refused(unit, "[Service] has an ExecStart= of its own")
    check_kill_mode(unit)
    kind = service.last("Type") if service.has("Type") else "notify"
    if kind not in ("notify", "oneshot"):
        raise refused(unit, f"invalid service Type '{kind}'")
    if kind == "oneshot":
        return []
    if unit.own.last("Notify").lower() == "healthy" and unit.version >= _HEALTHY:
        return ["--sdnotify=healthy", "-d"]
    return [
        "--sdnotify=container" if unit.own.switch("Notify") else "--sdnotify=conmon",
        "-d",
    ]


def check_kill_mode(unit: QuadletUnit) -> None:
    service = unit.section("Service")
    if service.has("KillMode") and service.last("KillMode") not in ("mixed", "control-group"):
        raise refused(unit, f"invalid KillMode '{service.last('KillMode')}'")


def _security(unit: QuadletUnit, units: Units) -> list[str]:
    own, version = unit.own, unit.version
    mark = ":" if version < _TWO_WORDS else "="
    options = [
        *([f"label{mark}disable"] if own.switch("SecurityLabelDisable") else []),
        *([f"label{mark}nested"] if own.switch("SecurityLabelNested") else []),
        *(f"label={name}:{own.last(key)}" for key, name in _LABELS.items() if own.last(key)),
    ]
    words = ["--security-opt=no-new-privileges"] if own.switch("NoNewPrivileges") else []
    words += each("--security-opt", options)
    devices = own.literal_words("AddDevice")
    if version >= _OPTIONAL_DEVICES:
        devices = units.with_devices(unit, devices)
    words += joined(version, "--device", devices)
    if own.has("SeccompProfile"):
        words += [
            "--security-opt",
            f"seccomp={own.last('SeccompProfile')}",
        ]
    if own.last("AppArmor"):
        words += ["--security-opt", f"apparmor={own.last('AppArmor')}"]
    words += joined(
        version, "--cap-drop", [word.lower() for word in own.literal_words("DropCapability")]
    )
    words += joined(
        version, "--cap-add", [word.lower() for word in own.literal_words("AddCapability")]
    )
    return [
        *words,
        *joined(version, "--sysctl", own.literal_words("Sysctl")),
    ]


def _read_only(own: UnitSection) -> list[str]:
    words = switch(own, "ReadOnly", "--read-only")
    if not own.switch("ReadOnly"):
        return [
            *words,
            *(["--tmpfs", _VOLATILE_TMP] if own.switch("VolatileTmp") else []),
        ]
    if own.version < _READ_ONLY_KEEPS_TMPFS and not own.switch("VolatileTmp"):
        words.append("--read-only-tmpfs=false")
    return words


def _user(unit: QuadletUnit) -> list[str]:
    """Before Podman 4.8 both are numbers, and everything else is read as 0: root."""
    own, version = unit.own, unit.version
    if version < _USER_BY_NAME:
        if not own.has("User") and not own.has("Group"):
            return []
        user = str(own.number("User"))
        return [
            "--user",
            f"{user}:{own.number('Group')}" if own.has("Group") else user,
        ]
    user, group = own.last("User"), own.last("Group")
    if not user:
        if group:
            raise refused(unit, "invalid Group set without User")
        return []
    if not group:
        return ["--user", user]
    return joined(version, "--user", [f"{user}:{group}"])


def _ports(unit: QuadletUnit) -> list[str]:
    own = unit.own
    update = own.last("AutoUpdate")
    words = ["--label", f"io.containers.autoupdate={update}"] if update else []
    exposed = [port.strip() for port in own.every("ExposeHostPort")]
    for port in exposed:
        if not is_port(port):
            raise refused(unit, f"invalid port format '{port}'")
    return [
        *words,
        *joined(unit.version, "--expose", exposed),
        *published(unit),
    ]


def _health(own: UnitSection) -> list[str]:
    dashed = {name: re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in _HEALTH}
    return [
        word
        for name, flag in dashed.items()
        if (value := own.last(f"Health{name}"))
        for word in (f"--health-{flag}", value)
    ]
