"""Where a container's options are read from, bundled for one container.

`Sources` is what the caller gathered; `View` is the same, opened once for all readers. What differs from
engine to engine (its defaults) is part of the sources, so that an option is only called absent when leaving
it out gives the same container again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.spec import Setting, Source
from hardentui.model.version import NEWEST_KNOWN, Version
from hardentui.options.argv.command_line import CommandLine, parse_create_command

Document = Mapping[str, Any]
_NOTHING: Document = {}


class Sources(Struct, frozen=True):
    """Everything that was read about one container and its engine.

    Attributes:
        inspect: GET /libpod/containers/ID/json.
        image: inspect document of its image; None when it could not be read (nothing is subtracted then).
        oci_config: config.json of the runtime; None when it could not be read. Its process.env is never used.
        umask: what the kernel says of the main process, four octal digits; empty = not known.
        default_capabilities: what a container of this engine gets when nothing is said.
        default_network: the network of a container when nothing is said.
        version: of the engine.
        log_driver: the engine's default; empty = not known.
        pids_limit: the engine's default.
        runtime: name of the engine's default OCI runtime; empty = not known.
        cgroup_version: 1 or 2; None = not known.
        default_ulimits: what the engine adds at start, `nofile=1048576:1048576`; empty = not known.
        network_names: id -> name of networks.
        pod_name: name of the pod that it is a member of.
        pod_shares: kinds of namespaces (`net`, `ipc`, `uts`) that its pod shares; None when not known.
        pod_mounts: destinations of what the pod mounts into each of its members.
        container_names: id -> name, for `container:<id>` references and dependencies.
        volumes: name -> inspect document of the volumes that it mounts.
    """

    inspect: Document
    image: Document | None = None
    oci_config: Document | None = None
    umask: str = ""
    default_capabilities: frozenset[str] = STOCK_CAPABILITIES
    default_network: str = "podman"
    version: Version = NEWEST_KNOWN
    rootless: bool = False
    log_driver: str = ""
    pids_limit: int = 2048
    runtime: str = ""
    cgroup_version: int | None = None
    default_ulimits: tuple[str, ...] = ()
    network_names: Mapping[str, str] = field(default_factory=dict)
    pod_name: str = ""
    pod_shares: frozenset[str] | None = None
    pod_mounts: frozenset[str] = frozenset()
    container_names: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Document] = field(default_factory=dict)


class Unknowable:
    """What a reader answers when no source of this container can show the option."""


UNKNOWABLE = Unknowable()


def _section(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, Mapping) else _NOTHING


def _words(value: Any) -> list[str] | None:
    """A list of texts, or None for anything else."""
    return value if isinstance(value, list) and all(isinstance(word, str) for word in value) else None


class View:
    """The sources of one container, opened for the readers.

    Attributes:
        config, host: the sections Config and HostConfig of inspect.
        image_config: Config of the image; empty when the image could not be read.
        command: the command line that made it; None for containers made through the API.
        started: it has run at least once, so inspect also shows what Podman added at start.
        in_pod: it is a member of a pod, or its infra container.
        remarks: what no option carries over; readers append to it.
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
    )

    def __init__(self, sources: Sources) -> None:
        inspect = sources.inspect
        self.sources = sources
        self.inspect = inspect
        self.config = _section(inspect, "Config")
        self.host = _section(inspect, "HostConfig")
        self.image = sources.image
        self.image_config = _section(sources.image or _NOTHING, "Config")
        self.oci = sources.oci_config
        self.annotations = _section(self.config, "Annotations")
        self.command: CommandLine | None = parse_create_command(_words(self.config.get("CreateCommand")))
        self.id = str(inspect.get("Id") or "")
        self.name = str(inspect.get("Name") or "")
        self.started = bool(inspect.get("OCIConfigPath"))
        self.network_mode = str(self.host.get("NetworkMode") or "")
        self.in_pod = bool(inspect.get("Pod"))
        self.remarks: list[str] = []

    def of_pod(self, namespace: str) -> bool:
        """Its `net` or `uts` namespace, and the options that come with it, are the pod's."""
        shared = self.sources.pod_shares
        own = shared is not None and namespace not in shared and self.inspect.get("IsInfra") is not True
        return self.in_pod and not own

    def shown(self, value: Any) -> Setting[Any]:
        """A value that inspect shows."""
        return Setting(value, Source.INSPECT)

    def commanded(self, value: Any) -> Setting[Any]:
        """A value that only the command line shows."""
        return Setting(value, Source.CREATE_COMMAND)

    def from_oci(self, value: Any) -> Setting[Any]:
        """A value out of the OCI runtime's configuration."""
        return Setting(value, Source.OCI_CONFIG)

    def container_reference(self, mode: str) -> str:
        """`container:<id>` with the container's name in place of its id."""
        if not mode.startswith("container:"):
            return mode
        reference = mode[len("container:") :]
        return "container:" + self.sources.container_names.get(reference, reference)
