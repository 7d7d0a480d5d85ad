"""A spec as a Quadlet `.container` unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from hardentui.errors import CannotExpress
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import KeyKind, Option, QuadletKey, Spec
from hardentui.options import *
from hardentui.options.mount_texts import mount_flag
from hardentui.quadlet.write.restart import about_limit, restart_lines
from hardentui.systemd.command_line import escape, plain, raw_single, word, words
from hardentui.systemd.unit_text import Unit
from hardentui.writers.run_script import POSITIONAL, flag_words, positional_words
from hardentui.writers.supporting import network_name

Line = tuple[str, str]
BLANK: Line = ("", "")
_LONGEST = 100

_IMAGE, _NETWORK, _VOLUMES, _ENVIRONMENT, _LIMITS, _SECURITY, _HEALTH, _REST = range(8)
_OF_AREA = {
    "process": _IMAGE,
    "network": _NETWORK,
    "filesystem": _VOLUMES,
    "resources": _LIMITS,
    "security": _SECURITY,
    "identity": _SECURITY,
    "namespaces": _SECURITY,
    "health": _HEALTH,
    "logging": _REST,
    "lifecycle": _REST,
}
_FIRST = (
    IMAGE,
    ROOTFS,
    NAME,
    POD,
    PULL,
    *(option for option in TABLE if option.selects_image),
    ENTRYPOINT,
    COMMAND,
)
_ORDER = (*_FIRST, CAP_DROP, CAP_ADD)
_OF_OPTION: dict[Option[Any], int] = {
    **dict.fromkeys(_FIRST, _IMAGE),
    ENV: _ENVIRONMENT,
    SECRETS: _ENVIRONMENT,
    READ_ONLY: _SECURITY,
    READ_ONLY_TMPFS: _SECURITY,
    SDNOTIFY: _HEALTH,
    LABELS: _REST,
    ANNOTATIONS: _REST,
}

_SHORT = 10
"""Lines of a section that are read at a glance."""


def arranged(lines: Iterable[tuple[Option[Any], Line]]) -> list[Line]:
    """Groups, each with its PodmanArgs= at its end; a blank line between them if there are many
    lines."""
    groups: dict[int, list[tuple[Option[Any], Line]]] = {}
    for option, line in lines:
        group = _IMAGE if line[0] == "AutoUpdate" else _OF_OPTION.get(option, _OF_AREA[option.area])
        groups.setdefault(group, []).append((option, line))
    blocks = []
    for _, group_lines in sorted(groups.items()):
        ordered = [line for _, line in sorted(group_lines, key=lambda of: _rank(of[0]))]
        keyed = [line for line in ordered if line[0] != "PodmanArgs"]
        words = [text for key, text in ordered if key == "PodmanArgs"]
        blocks.append(
            [
                *keyed,
                *(("PodmanArgs", text) for text in joined(words)),
            ]
        )
    between = [BLANK] if sum(map(len, blocks)) > _SHORT else []
    return [
        line for number, block in enumerate(blocks) for line in (between if number else []) + block
    ]


def _rank(option: Option[Any]) -> int:
    return _ORDER.index(option) if option in _ORDER else len(_ORDER)


def joined(words: Iterable[str]) -> list[str]:
    """Words of PodmanArgs= on as few lines as can be read."""
    texts: list[str] = []
    for text in words:
        if texts and len(texts[-1]) + len(text) < _LONGEST:
            texts[-1] += f" {text}"
        else:
            texts.append(text)
    return texts


UNIT_SUFFIXES = (
    ".volume",
    ".network",
    ".container",
    ".image",
    ".build",
    ".pod",
    ".kube",
    ".artifact",
)
"""A name with one of these suffixes is a reference to another unit."""

_UPDATES = "io.containers.autoupdate"
_ON_ONE_LINE = frozenset({CAP_ADD, CAP_DROP})
_AUTO_UPDATE = Version(4, 6)
_GLOBAL_ARGS = Version(4, 8)
_READ_ONLY_FIXED = Version(4, 8)
_MOUNT_KEY = Version(4, 8)
"""The key came with 4.5, but up to 4.7 a word without `=` crashes the generator, and all units are
lost."""
_POD_KEY = Version(5, 0)
_HEALTHY = Version(5, 0)


def is_reserved(name: str) -> bool:
    """Whether Quadlet would treat this name as a reference to another unit."""
    return name.endswith(UNIT_SUFFIXES)


class UnitsBeside(Struct, frozen=True):
    """The units written beside a container's unit, by their file names."""

    # networks, volumes: name of the network or volume -> its unit
    networks: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    # pod, image: the unit of its pod and of its image; empty = none
    pod: str = ""
    image: str = ""


NO_UNITS = UnitsBeside()


class ContainerLines:
    """Turns options into lines of [Container].

    Args:
        version: the Podman that will read them; newer keys are written as PodmanArgs=.

    Attributes:
        lines: (key, text as written in the file); a blank one between groups.
        notes: what could not be written.
    """

    def __init__(
        self,
        version: Version,
        beside: UnitsBeside,
    ) -> None:
        self.version = version
        self.beside = beside
        self.lines: list[Line] = []
        self.notes: list[str] = []

    def write(self, spec: Spec) -> None:
        """The lines of every option of a spec, as people arrange them."""
        of_its_own: Mapping[Option[Any], Callable[[Any], None]] = {
            MOUNTS: self._mounts,
            NETWORK: self._networks,
            POD: self._pod,
            SDNOTIFY: self._notify,
            COMMAND: self._command,
            LABELS: self._labels,
        }
        written: list[tuple[Option[Any], Line]] = []
        for option in TABLE:
            if option not in spec:
                continue
            self.lines = []
            if self._is_replaced(option, spec):
                pass
            elif (write := of_its_own.get(option)) is not None:
                write(spec[option])
            elif option.before_verb:
                self._global(option, spec[option])
            else:
                self._plain(option, spec[option])
            written += [(option, line) for line in self.lines]
        self.lines = arranged(written)

    def _is_replaced(
        self,
        option: Option[Any],
        spec: Spec,
    ) -> bool:
        """Whether the root directory, the image unit or a flag replaces the key; if so, write that."""
        if option is IMAGE and not spec[ROOTFS] and self.beside.image:
            self.lines.append(("Image", raw_single(self.beside.image)))
        elif (
            option is READ_ONLY and self.version < _READ_ONLY_FIXED and READ_ONLY_TMPFS not in spec
        ):
            self._podman_args(
                option.to_words(spec[option])
            )  # the key would switch the tmpfs mounts off
        else:
            return option is IMAGE and bool(spec[ROOTFS])
        return True

    def _command(self, command: tuple[str, ...]) -> None:
        self.lines.append(("Exec", words(command)))

    def _labels(self, labels: tuple[str, ...]) -> None:
        """The label of automatic updates has its own key."""
        updates = [label for label in labels if self._has_own_key(label)]
        self.lines += [("AutoUpdate", label.partition("=")[2]) for label in updates]
        others = tuple(label for label in labels if label not in updates)
        if others:
            self._plain(LABELS, others)

    def _has_own_key(self, label: str) -> bool:
        name, _, policy = label.partition("=")
        return name == _UPDATES and policy in ("registry", "local") and self.version >= _AUTO_UPDATE

    def _plain(
        self,
        option: Option[Any],
        value: Any,
    ) -> None:
        """By its key if this version has one that can hold the value, else by PodmanArgs=.

        From the first value of a list that does not fit, all go to PodmanArgs=: Quadlet writes that
        after the keys, so the values keep their order.
        """
        as_words = flag_words(option, value, self.version)
        key = option.quadlet
        if key is None or self.version < key.since or as_words != option.to_words(value):
            self._podman_args(as_words)
            return
        values = option.to_values(value)
        escaped = self._escaped_until_misfit(key, values)
        if len(values) > 1 and key.holds_one(self.version):
            escaped = []
        if len(escaped) == len(values):
            as_words = ()
        elif len(values) == len(as_words):
            as_words = as_words[len(escaped) :]
        else:  # one argument says all values
            escaped = []
        if option in _ON_ONE_LINE and escaped:
            escaped = [" ".join(escaped)]
        self.lines += [(key.name, text) for text in escaped]
        self._podman_args(as_words)

    def _escaped_until_misfit(
        self,
        key: QuadletKey,
        values: Iterable[str],
    ) -> list[str]:
        """The text after `Key=` for each value, up to the first that the key cannot hold."""
        escaped: list[str] = []
        for value in values:
            try:
                if key.holds is not None and not key.holds(value, self.version):
                    break
                escaped.append(escape(value, key.kind))
            except CannotExpress:
                break
        return escaped

    def _podman_args(self, arguments: Iterable[str]) -> None:
        self.lines += [("PodmanArgs", word(argument)) for argument in arguments]

    def _global(
        self,
        option: Option[Any],
        value: Any,
    ) -> None:
        if self.version >= _GLOBAL_ARGS:
            self.lines += [("GlobalArgs", word(argument)) for argument in option.to_words(value)]
            return
        self.notes.append(
            f"{option.flag} is left out: Podman {self.version} has no key for global flags"
        )

    def _notify(self, mode: str) -> None:
        if mode == "container":
            self.lines.append(("Notify", "true"))
        elif mode == "healthy" and self.version >= _HEALTHY:
            self.lines.append(("Notify", "healthy"))
        elif mode != "conmon":  # conmon is what Quadlet does by itself
            self._podman_args([f"--sdnotify={mode}"])

    def _pod(self, name: str) -> None:
        if self.beside.pod and self.version >= _POD_KEY:
            self.lines.append(("Pod", raw_single(self.beside.pod)))
        else:
            self._podman_args([f"--pod={name}"])

    def _networks(self, arguments: tuple[str, ...]) -> None:
        for argument in arguments:
            name, colon, options = argument.partition(":")
            unit = self.beside.networks.get(network_name(argument))
            if unit:
                self._keyed(
                    "Network",
                    f"{unit}{colon}{options}",
                    f"--network={argument}",
                )
            elif is_reserved(name) or is_reserved(argument):
                self._podman_args([f"--network={argument}"])
            else:
                self._keyed(
                    "Network",
                    argument,
                    f"--network={argument}",
                )

    def _mounts(self, mounts: tuple[Mount, ...]) -> None:
        for mount in mounts:
            flag, argument = mount_flag(mount)
            whole = f"{flag}={argument}"
            if flag == "--mount":
                if self.version < _MOUNT_KEY or not mount.source or is_reserved(mount.source):
                    self._podman_args([whole])  # without a source, generators before 5.7 crash
                else:
                    self.lines.append(("Mount", word(argument)))
                continue
            unit = self.beside.volumes.get(mount.source) if mount.type == "volume" else None
            if unit:
                self._keyed(
                    "Volume",
                    unit + argument[len(mount.source) :],
                    whole,
                )
            elif is_reserved(mount.source) or not self._source_is_plain(mount):
                self._podman_args([whole])
            else:
                self._keyed("Volume", argument, whole)

    def _source_is_plain(self, mount: Mount) -> bool:
        """Whether Quadlet leaves the source unchanged (it resolves one that begins with a dot)."""
        return not mount.source.startswith(".")

    def _keyed(
        self,
        key: str,
        value: str,
        fallback: str,
    ) -> None:
        try:
            self.lines.append((key, escape(value, KeyKind.RAW_ALL)))
        except CannotExpress:
            self._podman_args([fallback])


_STOP_MARGIN = 20
_LONG_STOP = 80


def for_quadlet(spec: Spec) -> tuple[Spec, list[str]]:
    """The spec without options that a systemd service replaces, and a note on each."""
    notes: list[str] = []
    if spec[HEALTH_ON_FAILURE] == "restart":
        spec = spec.with_(HEALTH_ON_FAILURE, "kill")
        notes.append(
            "an unhealthy container is killed, and systemd starts it again (it was: restart)"
        )
    if spec[SDNOTIFY] == "ignore":
        spec = spec.without(SDNOTIFY)
        notes.append(
            "--sdnotify=ignore is left out: systemd waits for the container's conmon to report"
        )
    if spec[INIT_CTR]:
        spec = spec.without(INIT_CTR)
        notes.append(
            "--init-ctr is done by systemd: a service that runs to its end before the others start"
        )
    if spec[
        REQUIRES
    ]:  # Podman would not remove a crashed container that others require, so it stayed down
        spec = spec.without(REQUIRES)
        notes.append("--requires is done by systemd")
    if spec[CGROUP_PARENT] and not spec[CGROUPS]:
        spec = spec.with_(CGROUPS, "enabled")
    if spec[IMAGE].endswith(UNIT_SUFFIXES):
        spec = spec.with_(IMAGE, spec[IMAGE] + ":latest")
    return spec.without(REMOVE, RESTART), notes


def intended(
    spec: Spec,
    version: Version = NEWEST_KNOWN,
) -> tuple[str, ...]:
    """argv after `podman` that the generator must produce for the unit, without its own additions."""
    spec, _ = for_quadlet(spec)
    before: list[str] = []
    flags: list[str] = []
    for option in TABLE:
        if option in spec and option not in POSITIONAL:
            target = before if option.before_verb else flags
            target.extend(flag_words(option, spec[option], version))
    return (*before, "run", *flags, *positional_words(spec))


def container_unit(
    spec: Spec,
    *,
    version: Version,
    rootless: bool,
    unit_name: str,
    beside: UnitsBeside = NO_UNITS,
    needed_services: Sequence[str] = (),
) -> tuple[Unit, tuple[str, ...]]:
    """The `.container` unit, and notes on what a service does differently.

    Args:
        version: the Podman that will read it; newer keys are written as PodmanArgs=.
        needed_services: services that must run before it and stop after it.

    Raises:
        CannotExpress: a value that no unit file can represent.
    """
    writer = ContainerLines(version, beside)
    unit = Unit(f"{unit_name}.container")
    original, (spec, notes) = spec, for_quadlet(spec)
    writer.notes += notes
    if original[RESTART] not in ("", "no"):
        writer.notes.append(f"--restart={original[RESTART]} is done by systemd")
    if limit := about_limit(
        original[RESTART],
        f"{unit_name}.service",
        rootless=rootless,
    ):
        writer.notes.append(limit)
    unit.add(
        "Unit",
        "Description",
        _description(spec, unit_name),
    )
    for key in ("Requires", "After") if needed_services else ():
        unit.add("Unit", key, " ".join(needed_services))
    writer.write(spec)
    unit.sections["Container"] = writer.lines
    _add_service(unit, original)
    unit.add(
        "Install", "WantedBy", "default.target" if rootless else "multi-user.target default.target"
    )
    unit.define_helpers()
    return unit, tuple(writer.notes)


def _description(spec: Spec, unit_name: str) -> str:
    """What `systemctl status` shows: `shop-db (docker.io/library/postgres:16)`."""
    runs = spec[ROOTFS] or spec[IMAGE].partition("@")[0]
    try:
        return plain(f"{unit_name} ({runs})") if runs else plain(unit_name)
    except CannotExpress:
        return plain(unit_name)


def _add_service(unit: Unit, spec: Spec) -> None:
    """[Service] and [Unit] lines for the restart policy and the time limits."""
    if spec[INIT_CTR]:
        unit.add("Service", "Type", "oneshot")
        unit.add("Service", "RemainAfterExit", "yes")
    for section, key, value in restart_lines(spec[RESTART]):
        unit.add(section, key, value)
    if spec[STOP_TIMEOUT] > _LONG_STOP:
        unit.add(
            "Service",
            "TimeoutStopSec",
            str(spec[STOP_TIMEOUT] + _STOP_MARGIN),
        )
    if spec[PULL] in ("always", "newer", "missing"):
        unit.add("Service", "TimeoutStartSec", "900")
