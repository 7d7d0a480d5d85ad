"""Where a container's options are read from, bundled for one container.

What differs from engine to engine (its defaults) is part of the sources, so that an option is only called
absent when leaving it out gives the same container again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.version import NEWEST_KNOWN, Version

Document = Mapping[str, Any]


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
