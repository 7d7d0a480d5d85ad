"""The sources of one container's options.

The engine's defaults are part of the sources, so that an option counts as absent only if omitting it produces
the same container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.spec import NEWEST_KNOWN, Version

Document = Mapping[str, Any]


class Sources(Struct, frozen=True):
    """Everything that was read about one container and its engine.

    Attributes:
        inspect: GET /libpod/containers/ID/json.
        image: inspect document of its image; None if it could not be read (then nothing is subtracted).
        oci_config: config.json of the runtime; None if it could not be read. Its process.env is never used.
        umask: of the main process according to the kernel, four octal digits; empty = unknown.
        default_capabilities: the engine's default capabilities.
        default_network: the engine's default network.
        version: of the engine.
        log_driver: the engine's default; empty = unknown.
        pids_limit: the engine's default.
        runtime: name of the engine's default OCI runtime; empty = unknown.
        cgroup_version: 1 or 2; None = unknown.
        default_ulimits: limits that the engine adds at start, `nofile=1048576:1048576`; empty = unknown.
        network_names: ID -> name of networks.
        pod_name: name of its pod.
        pod_shares: kinds of namespaces (`net`, `ipc`, `uts`) that its pod shares; None if unknown.
        pod_mounts: destinations of the pod's mounts in each member.
        container_names: ID -> name, for `container:<id>` references and dependencies.
        volumes: name -> inspect document of its volumes.
        base_hosts: what /etc/hosts starts with in a container that did not ask; None = unknown.
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
    base_hosts: str | None = None
