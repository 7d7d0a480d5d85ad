"""What the OCI runtime was told: the parts of its config.json that no option shows."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardentui.model.seccomp import NoFilter, RawFilter, SeccompProfile


class RuntimeConfig(Struct, frozen=True):
    """The runtime's configuration as of the container's last start.

    Attributes:
        annotations: what the runtime reads besides (`run.oci.…`), those of the engine included.
        seccomp: the filter that the runtime installs; None where it cannot be understood.
        sysctl: settings of the kernel, those of the engine's configuration included.
        oom_score_adj: as given to the runtime; None = inherited.
    """

    annotations: Mapping[str, str] = {}
    seccomp: SeccompProfile | RawFilter | NoFilter | None = None
    sysctl: Mapping[str, str] = {}
    oom_score_adj: int | None = None
