"""What the readers look at: the sources of one container, opened once.

A reader answers with a Setting (value and source), with None (the option is absent, and that is known) or
with UNKNOWABLE (no source of this container can show it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.model.spec import Setting, Source, UnsavedVolume
from hardentui.options.codecs.plain import is_true
from hardentui.options.sources import Document, Sources

_NOTHING: Document = {}
_INSPECT, _CREATE_COMMAND = Source.INSPECT, Source.CREATE_COMMAND
"""Looked up once: a member of an enum costs more at each look than a reading."""


class CommandLine(Struct):
    """`podman [globals] run|create [flags] IMAGE [words]`.

    Attributes:
        verb: run or create.
        flags, globals: flag in its long spelling -> arguments in the order given; switches have `true` or
            `false`; comma lists are split.
        image: the image, or the directory with --rootfs.
        words: what stands after the image.
    """

    verb: str = ""
    flags: dict[str, list[str]] = field(default_factory=dict)
    globals: dict[str, list[str]] = field(default_factory=dict)
    image: str = ""
    words: tuple[str, ...] = ()

    def all(self, flag: str) -> tuple[str, ...]:
        return tuple(self.flags.get(flag, ()))

    def last(self, flag: str) -> str | None:
        """The argument that counts for a flag that is not repeatable; None when it was not given."""
        arguments = self.flags.get(flag)
        return arguments[-1] if arguments else None

    def switched(self, flag: str) -> bool | None:
        """True, False, or None when the switch was not given."""
        arguments = self.flags.get(flag)
        return None if not arguments else is_true(arguments[-1])


def _section(document: Document, name: str) -> Document:
    section = document.get(name)
    return section if isinstance(section, Mapping) else _NOTHING


class View:
    """The sources of one container, opened for the readers.

    Attributes:
        config, host: the sections Config and HostConfig of inspect.
        image_config: Config of the image; empty when the image could not be read.
        command: the command line that made it; None for containers made through the API.
        started: it has run at least once, so inspect also shows what Podman added at start.
        in_pod: it is a member of a pod, or its infra container.
        remarks, unsaved: what no option carries over; readers append to it.
    """

    __slots__ = (
        "annotations",
        "command",
        "config",
        "host",
        "id",
        "image",
        "image_config",
        "in_pod",
        "inspect",
        "name",
        "network_mode",
        "oci",
        "remarks",
        "sources",
        "started",
        "unsaved",
    )

    def __init__(self, sources: Sources, command: CommandLine | None = None) -> None:
        inspect = sources.inspect
        self.sources = sources
        self.inspect = inspect
        self.config = _section(inspect, "Config")
        self.host = _section(inspect, "HostConfig")
        self.image = sources.image
        self.image_config = _section(sources.image or _NOTHING, "Config")
        self.oci = sources.oci_config
        self.annotations = _section(self.config, "Annotations")
        self.command = command
        self.id = str(inspect.get("Id") or "")
        self.name = str(inspect.get("Name") or "")
        self.started = bool(inspect.get("OCIConfigPath"))
        self.network_mode = str(self.host.get("NetworkMode") or "")
        self.in_pod = bool(inspect.get("Pod"))
        self.remarks: list[str] = []
        self.unsaved: list[UnsavedVolume] = []

    def of_pod(self, namespace: str) -> bool:
        """Its `net` or `uts` namespace, and the options that come with it, are the pod's."""
        shared = self.sources.pod_shares
        own = shared is not None and namespace not in shared and self.inspect.get("IsInfra") is not True
        return self.in_pod and not own

    def shown(self, value: Any) -> Setting[Any]:
        """A value that inspect shows."""
        return Setting(value, _INSPECT)

    def commanded(self, value: Any) -> Setting[Any]:
        """A value that only the command line shows."""
        return Setting(value, _CREATE_COMMAND)

    def from_oci(self, value: Any) -> Setting[Any]:
        """A value out of the OCI runtime's configuration."""
        return Setting(value, Source.OCI_CONFIG)

    def container_reference(self, mode: str) -> str:
        """`container:<id>` with the container's name in place of its id."""
        if not mode.startswith("container:"):
            return mode
        reference = mode[len("container:") :]
        return "container:" + self.sources.container_names.get(reference, reference)
