"""The OCI runtime's configuration: the parts of its config.json that no option shows."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.model.seccomp import NoFilter, RawFilter, SeccompProfile


class RuntimeConfig(Struct, frozen=True):
    """The runtime's configuration as of the container's last start.

    Attributes:
        annotations: annotations for the runtime (`run.oci.…`), including those of the engine.
        seccomp: the filter that the runtime installs; None if it cannot be parsed.
        sysctl: kernel parameters, including those of the engine's configuration.
        oom_score_adj: as given to the runtime; None = inherited.
        masks: paths that the runtime hides or makes read-only.
        device_rules: what it lets the device filter allow, as the kernel writes it: `b 8:0 rwm`.
        device_filter: it has rules for devices. Podman gives none to a container that is to have a user
            namespace of its own.
        programs: what runs outside the container or as its first process: hooks, and Podman's init.
    """

    annotations: Mapping[str, str] = {}
    seccomp: SeccompProfile | RawFilter | NoFilter | None = None
    sysctl: Mapping[str, str] = {}
    oom_score_adj: int | None = None
    masks: frozenset[str] = frozenset()
    device_rules: frozenset[str] = frozenset()
    device_filter: bool = True
    programs: tuple[str, ...] = ()
