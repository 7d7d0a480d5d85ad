"""A spec as a Quadlet `.container` unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hardentui.errors import CannotExpress
from hardentui.model.spec import KeyKind, Option, QuadletKey, Spec
from hardentui.model.version import Version
from hardentui.options import (
    CAP_ADD,
    CAP_DROP,
    CGROUP_PARENT,
    CGROUPS,
    COMMAND,
    EXPOSE,
    HEALTH_ON_FAILURE,
    IMAGE,
    INIT_CTR,
    LABELS,
    MOUNTS,
    NETWORK,
    POD,
    PUBLISH,
    PULL,
    READ_ONLY,
    READ_ONLY_TMPFS,
    REMOVE,
    RESTART,
    ROOTFS,
    SDNOTIFY,
    STOP_TIMEOUT,
    TABLE,
    TMPFS,
    ULIMIT,
    USER,
)
from hardentui.options.argv.compare import compare_arguments
from hardentui.options.argv.flags import CARRIED_GLOBALS
from hardentui.options.argv.mount_text import mount_flag
from hardentui.options.values import Mount
from hardentui.systemd.escaping import escape, plain, raw_single, word, words
from hardentui.systemd.unit_file import Unit
from hardentui.writers.arguments import POSITIONAL, flag_word, option_words, positional_words
from hardentui.writers.supporting import network_name

__all__ = ["compare_arguments", "container_unit", "intended"]

_SUFFIXES = (".volume", ".network", ".container", ".image", ".build", ".pod", ".kube", ".artifact")
_EXPOSED = re.compile(r"\d+(-\d+)?(/(tcp|udp))?")
"""What ExposeHostPort= takes; anything else makes the generator refuse the whole unit."""
_PUBLISHED = re.compile(r"((\[[0-9a-fA-F:.]+\]|[0-9.]*):)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/(tcp|udp))?")
_STOP_MARGIN = 20
_LONG_STOP = 80

_UPDATES = "io.containers.autoupdate"
_ON_ONE_LINE = frozenset({CAP_ADD, CAP_DROP})
_AUTO_UPDATE = Version(4, 6)
_GLOBAL_ARGS = Version(4, 8)
_READ_ONLY_FIXED = Version(4, 8)
_MOUNT_KEY = Version(4, 8)
"""The key came with 4.5, but up to 4.7 a word without `=` crashes the generator, and all units are lost."""
_POD_KEY = Version(5, 0)
_HEALTHY = Version(5, 0)
_USER_BY_NAME = Version(4, 8)
"""Before, the generator reads User= as one number, and anything else as 0: root."""
_PORTS_AS_THEY_STAND = Version(5, 3)
"""Before, the generator takes PublishPort= apart: no sctp, and 0.0.0.0 is dropped."""
_TMPFS_AS_IT_STANDS = Version(5, 3)
_MANY_ULIMITS = Version(5, 0)
"""Before, the last Ulimit= is the only one that counts."""
_UID = re.compile(r"0|[1-9][0-9]{0,8}")


def is_reserved(name: str) -> bool:
    """Whether Quadlet would take this name for a reference to another unit."""
    return name.endswith(_SUFFIXES)


def holds_one(key: str, version: Version) -> bool:
    """Whether this version takes only the last line of a key that later ones take repeatedly."""
    return key == "Ulimit" and version < _MANY_ULIMITS


def for_quadlet(spec: Spec) -> tuple[Spec, list[str]]:
    """The spec without what a systemd service does in Podman's place, and a note on each such thing."""
    notes: list[str] = []
    if spec[HEALTH_ON_FAILURE] == "restart":
        spec = spec.with_(HEALTH_ON_FAILURE, "kill")
        notes.append("an unhealthy container is killed, and systemd starts it again (it was: restart)")
    if spec[SDNOTIFY] == "ignore":
        spec = spec.without(SDNOTIFY)
        notes.append("--sdnotify=ignore is left out: systemd waits for the container's conmon to report")
    if spec[INIT_CTR]:
        spec = spec.without(INIT_CTR)
        notes.append(
            "--init-ctr is left out: Quadlet has no init containers; use a oneshot unit before this one"
        )
    if spec[CGROUP_PARENT] and not spec[CGROUPS]:
        spec = spec.with_(CGROUPS, "enabled")
    if spec[IMAGE].endswith(_SUFFIXES):
        spec = spec.with_(IMAGE, spec[IMAGE] + ":latest")
    if spec[RESTART] not in ("", "no"):
        notes.append(f"--restart={spec[RESTART]} is done by systemd")
    return spec.without(REMOVE, RESTART), notes


def intended(spec: Spec) -> tuple[str, ...]:
    """argv after `podman` that the generator has to make of the unit, without what it adds on its own."""
    spec, _ = for_quadlet(spec)
    before: list[str] = []
    flags: list[str] = []
    for option in TABLE:
        if option in spec and option not in POSITIONAL:
            target = before if option.flag in CARRIED_GLOBALS else flags
            target.extend(option_words(option, spec[option]))
    return (*before, "run", *flags, *positional_words(spec))


def container_unit(
    spec: Spec,
    *,
    version: Version,
    rootless: bool,
    unit_name: str,
    comments: Sequence[str] = (),
    network_units: Mapping[str, str] | None = None,
    volume_units: Mapping[str, str] | None = None,
    pod_unit: str = "",
    image_unit: str = "",
    needed_services: Sequence[str] = (),
) -> tuple[Unit, tuple[str, ...]]:
    """The `.container` unit, and notes on what a service does in another way.

    Args:
        version: the Podman that will read it; newer keys are written as PodmanArgs=.
        network_units, volume_units: name -> file name of units that are written beside it.
        pod_unit, image_unit: file name of the unit of its pod and of its image.
        needed_services: services that must run before it and stop after it.

    Raises:
        CannotExpress: a value that no unit file can hold.
    """
    writer = _Writer(version, network_units or {}, volume_units or {}, pod_unit, image_unit)
    unit = Unit(f"{unit_name}.container", list(comments))
    original, (spec, notes) = spec, for_quadlet(spec)
    writer.notes += notes
    unit.add("Unit", "Description", plain(f"Container {unit_name}"))
    for key in ("Requires", "After") if needed_services else ():
        unit.add("Unit", key, " ".join(needed_services))
    writer.write(spec)
    unit.sections["Container"] = writer.lines
    _add_service(unit, original)
    unit.add("Install", "WantedBy", "default.target" if rootless else "multi-user.target default.target")
    unit.define_helpers()
    return unit, tuple(writer.notes)


def _add_service(unit: Unit, spec: Spec) -> None:
    """[Service] and [Unit] lines that stand for the restart policy and the time limits."""
    policy, _, tries = spec[RESTART].partition(":")
    if policy in ("always", "unless-stopped"):
        unit.add("Service", "Restart", "always")
    elif policy == "on-failure":
        unit.add("Service", "Restart", "on-failure")
        if tries.isdigit():
            unit.add("Unit", "StartLimitIntervalSec", "infinity")
            unit.add("Unit", "StartLimitBurst", str(int(tries) + 1))
    if spec[STOP_TIMEOUT] > _LONG_STOP:
        unit.add("Service", "TimeoutStopSec", str(spec[STOP_TIMEOUT] + _STOP_MARGIN))
    if spec[PULL] in ("always", "newer", "missing"):
        unit.add("Service", "TimeoutStartSec", "900")


class _Writer:
    """Turns options into lines of [Container]."""

    def __init__(
        self,
        version: Version,
        networks: Mapping[str, str],
        volumes: Mapping[str, str],
        pod_unit: str,
        image_unit: str,
    ) -> None:
        self.version = version
        self.networks = networks
        self.volumes = volumes
        self.pod_unit = pod_unit
        self.image_unit = image_unit
        self.lines: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def write(self, spec: Spec) -> None:
        for option in TABLE:
            if option not in spec:
                continue
            value = spec[option]
            if option is MOUNTS:
                self._mounts(value)
            elif option is NETWORK:
                self._networks(value)
            elif option is POD:
                self._pod(value)
            elif option is SDNOTIFY:
                self._notify(value)
            elif option is COMMAND:
                self.lines.append(("Exec", words(value)))
            elif option is LABELS:
                self._labels(value)
            elif option.flag in CARRIED_GLOBALS:
                self._global(option, value)
            elif option is IMAGE and spec[ROOTFS]:
                continue
            elif option is IMAGE and self.image_unit:
                self.lines.append(("Image", raw_single(self.image_unit)))
            elif option is READ_ONLY and self.version < _READ_ONLY_FIXED and READ_ONLY_TMPFS not in spec:
                self._podman_args(option_words(option, value))  # the key would switch the tmpfs mounts off
            else:
                self._plain(option, value)

    def _labels(self, labels: tuple[str, ...]) -> None:
        """The label of automatic updates has a key of its own."""
        update = [one for one in labels if self._has_own_key(one)]
        self.lines += [("AutoUpdate", one.partition("=")[2]) for one in update]
        others = tuple(one for one in labels if one not in update)
        if others:
            self._plain(LABELS, others)

    def _has_own_key(self, label: str) -> bool:
        name, _, policy = label.partition("=")
        return name == _UPDATES and policy in ("registry", "local") and self.version >= _AUTO_UPDATE

    # --- one option ----------------------------------------------------------------------------

    def _plain(self, option: Option[Any], value: Any) -> None:
        """By its key where this version has one that can hold the value, else by PodmanArgs=.

        From the first value of a list on that does not fit, all go to PodmanArgs=: Quadlet writes that after
        the keys, so the values keep their order.
        """
        arguments = option.to_arguments(value)
        as_words = [flag_word(option, argument) for argument in arguments]
        key = option.quadlet
        if key is None or self.version < key.since:
            self._podman_args(as_words)
            return
        values = option.to_values(value) if option.to_values else arguments
        escaped = self._escaped_until_misfit(option, key, values)
        if option is ULIMIT and len(values) > 1 and holds_one(key.name, self.version):
            escaped = []
        if len(escaped) == len(values):
            as_words = []
        elif len(values) == len(as_words):
            as_words = as_words[len(escaped) :]
        else:  # one argument says all values
            escaped = []
        if option in _ON_ONE_LINE and escaped:
            escaped = [" ".join(escaped)]
        self.lines += [(key.name, text) for text in escaped]
        self._podman_args(as_words)

    def _escaped_until_misfit(self, option: Option[Any], key: QuadletKey, values: Iterable[str]) -> list[str]:
        """What stands after `Key=` for each value, up to the first that the key cannot hold."""
        escaped: list[str] = []
        for one in values:
            try:
                if not self._may_stand(option, one):
                    break
                escaped.append(escape(one, key.kind))
            except CannotExpress:
                break
        return escaped

    def _may_stand(self, option: Option[Any], value: str) -> bool:
        """False for values that a key refuses or reads in a way of its own."""
        if option is EXPOSE:
            return _EXPOSED.fullmatch(value) is not None
        if option is PUBLISH and self.version < _PORTS_AS_THEY_STAND:
            return _PUBLISHED.fullmatch(value) is not None and not value.startswith("0.0.0.0:")
        if option is TMPFS and self.version < _TMPFS_AS_IT_STANDS:
            return value.count(":") < 2
        if option is USER:
            return _UID.fullmatch(value) is not None if self.version < _USER_BY_NAME else bool(value)
        if option.quadlet is not None and option.quadlet.name == "AddDevice":
            return not value.startswith("-")
        return True

    def _podman_args(self, arguments: Iterable[str]) -> None:
        self.lines += [("PodmanArgs", word(argument)) for argument in arguments]

    def _global(self, option: Option[Any], value: Any) -> None:
        if self.version >= _GLOBAL_ARGS:
            self.lines += [("GlobalArgs", word(argument)) for argument in option_words(option, value)]
            return
        self.notes.append(f"{option.flag} is left out: Podman {self.version} has no key for global flags")

    def _notify(self, mode: str) -> None:
        if mode == "container":
            self.lines.append(("Notify", "true"))
        elif mode == "healthy" and self.version >= _HEALTHY:
            self.lines.append(("Notify", "healthy"))
        elif mode != "conmon":  # conmon is what Quadlet does by itself
            self._podman_args([f"--sdnotify={mode}"])

    # --- references to other units -------------------------------------------------------------

    def _pod(self, name: str) -> None:
        if self.pod_unit and self.version >= _POD_KEY:
            self.lines.append(("Pod", raw_single(self.pod_unit)))
        else:
            self._podman_args([f"--pod={name}"])

    def _networks(self, arguments: tuple[str, ...]) -> None:
        for argument in arguments:
            name, colon, options = argument.partition(":")
            unit = self.networks.get(network_name(argument))
            if unit:
                self._keyed("Network", f"{unit}{colon}{options}", f"--network={argument}")
            elif is_reserved(name) or is_reserved(argument):
                self._podman_args([f"--network={argument}"])
            else:
                self._keyed("Network", argument, f"--network={argument}")

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
            unit = self.volumes.get(mount.source) if mount.type == "volume" else None
            if unit:
                self._keyed("Volume", unit + argument[len(mount.source) :], whole)
            elif is_reserved(mount.source) or not self._source_is_plain(mount):
                self._podman_args([whole])
            else:
                self._keyed("Volume", argument, whole)

    def _source_is_plain(self, mount: Mount) -> bool:
        """Whether Quadlet leaves the source as it is (it resolves what begins with a dot)."""
        return not mount.source.startswith(".")

    def _keyed(self, key: str, value: str, fallback: str) -> None:
        try:
            self.lines.append((key, escape(value, KeyKind.RAW_ALL)))
        except CannotExpress:
            self._podman_args([fallback])
