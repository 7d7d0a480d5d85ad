"""The input of the readers: the sources of one container, parsed once.

A reader returns a Setting (value and source), None (the option is known to be absent) or UNKNOWABLE
(no source of this container can show it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from hardentui.model.facts import STOCK_CAPABILITIES
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import UNKNOWABLE, Reading, Setting, Source, UnsavedVolume
from hardentui.options.run_command import RunCommand

_NOTHING: Document = {}
_INSPECT, _CREATE_COMMAND = Source.INSPECT, Source.CREATE_COMMAND
"""Looked up once, because access to an enum member costs more than a reading."""


def _section(document: Document, name: str) -> Document:
    section = document.get(name)
    return section if isinstance(section, Mapping) else _NOTHING


class View:
    """The sources of one container, parsed for the readers.

    Attributes:
        config, host: the sections Config and HostConfig of inspect.
        image_config: Config of the image; empty if the image could not be read.
        command: the command line that created it; None for containers created through the API.
        started: it has run at least once, so inspect also shows what Podman added at start.
        in_pod: it is a member of a pod, or its infra container.
        remarks, unsaved: what no option carries over; readers append to it.
    """

    def __init__(
        self,
        sources: Sources,
        command: RunCommand | None = None,
    ) -> None:
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
        """Whether its `net` or `uts` namespace, with the related options, is the pod's."""
        shared = self.sources.pod_shares
        own = (
            shared is not None
            and namespace not in shared
            and self.inspect.get("IsInfra") is not True
        )
        return self.in_pod and not own

    def shown(self, value: Any) -> Setting[Any]:
        return Setting(value, _INSPECT)

    def commanded(self, value: Any) -> Setting[Any]:
        return Setting(value, _CREATE_COMMAND)

    def from_oci(self, value: Any) -> Setting[Any]:
        return Setting(value, Source.OCI_CONFIG)

    def container_reference(self, mode: str) -> str:
        """`container:<id>` with the container's name instead of its ID."""
        if not mode.startswith("container:"):
            return mode
        reference = mode[len("container:") :]
        return "container:" + self.sources.container_names.get(reference, reference)


Reader: TypeAlias = Callable[[View], Reading]


def host(field: str, convert: Callable[[Any], Any]) -> Reader:
    """A field of HostConfig; empty, false and 0 mean not set."""
    return lambda view: view.shown(convert(value)) if (value := view.host.get(field)) else None


def config(field: str, convert: Callable[[Any], Any]) -> Reader:
    return lambda view: view.shown(convert(value)) if (value := view.config.get(field)) else None


def inspected(field: str, convert: Callable[[Any], Any]) -> Reader:
    return lambda view: view.shown(convert(value)) if (value := view.inspect.get(field)) else None


def by_command(value_in: Callable[[RunCommand], Any]) -> Callable[[Reader], Reader]:
    """Where there is a command line, it alone tells the value; the reader is for containers
    without."""

    def decorated(without: Reader) -> Reader:
        def read(view: View) -> Reading:
            if view.command is None:
                return without(view)
            value = value_in(view.command)
            return view.commanded(value) if value else None

        return read

    return decorated


def command_text(flag: str) -> Reader:
    """A text shown only by the command line."""
    return by_command(lambda command: command.last(flag))(lambda view: UNKNOWABLE)


def command_list(flag: str) -> Reader:
    return by_command(lambda command: command.all(flag))(lambda view: UNKNOWABLE)


def global_list(flag: str) -> Reader:
    """A flag before the subcommand."""
    return by_command(lambda command: tuple(command.globals.get(flag, ())))(lambda view: UNKNOWABLE)


def client_text(flag: str) -> Reader:
    """A text that matters only for pulls, or whose effect other rows show: absent without a command
    line."""
    return by_command(lambda command: command.last(flag))(never)


_OF_PRIVILEGED = frozenset({"CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE"})


def is_privileged(view: View) -> bool:
    """Inspect derives it from an annotation, which anyone can set; recorded capabilities are
    reliable."""
    if not view.host.get("Privileged"):
        return False
    return (
        "BoundingCaps" not in view.inspect
        or {*(view.inspect["BoundingCaps"] or ())} >= _OF_PRIVILEGED
    )


def never(view: View) -> Reading:
    """For options whose effect is covered by other rows."""
    return None


def oci_mount(view: View, destination: str) -> Document | None:
    """The mount at a destination in the OCI configuration."""
    if view.oci is None:
        return None
    for mount in view.oci.get("mounts") or ():
        if mount.get("destination") == destination:
            document: Document = mount
            return document
    return None


Document = Mapping[str, Any]


class Sources(Struct, frozen=True):
    """Everything that was read about one container and its engine."""

    inspect: Document  # GET /libpod/containers/ID/json
    # inspect document of its image; None if it could not be read (then nothing is subtracted)
    image: Document | None = None
    # config.json of the runtime; None if it could not be read. Its process.env is never used.
    oci_config: Document | None = None
    # of the main process according to the kernel, four octal digits; empty = unknown
    umask: str = ""
    default_capabilities: frozenset[str] = STOCK_CAPABILITIES  # the engine's default capabilities
    default_network: str = "podman"  # the engine's default network
    version: Version = NEWEST_KNOWN  # of the engine
    rootless: bool = False
    log_driver: str = ""  # the engine's default; empty = unknown
    pids_limit: int = 2048  # the engine's default
    runtime: str = ""  # name of the engine's default OCI runtime; empty = unknown
    cgroup_version: int | None = None  # 1 or 2; None = unknown
    # limits that the engine adds at start, `nofile=1048576:1048576`; empty = unknown
    default_ulimits: tuple[str, ...] = ()
    pod_name: str = ""  # name of its pod
    # kinds of namespaces (`net`, `ipc`, `uts`) that its pod shares; None if unknown
    pod_shares: frozenset[str] | None = None
    pod_mounts: frozenset[str] = frozenset()  # destinations of the pod's mounts in each member
    # ID -> name, for `container:<id>` references and dependencies
    container_names: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Document] = field(
        default_factory=dict
    )  # name -> inspect document of its volumes
    # what /etc/hosts starts with in a container that did not ask; None = unknown
    base_hosts: str | None = None
