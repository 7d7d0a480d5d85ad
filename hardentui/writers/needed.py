"""The containers that another one needs before it can start."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardentui.model.file_names import safe_file_name
from hardentui.model.spec import Spec
from hardentui.options import CGROUPNS, IPC, NETWORK, PID, REQUIRES, USERNS, UTS, VOLUMES_FROM

_JOINS = "container:"


_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@-]*\.service")


_ID = re.compile(r"[0-9a-f]{64}")


def needed_containers(spec: Spec) -> tuple[str, ...]:
    """Names of the containers that it requires, or whose namespaces or volumes it shares."""
    modes = [
        *spec[NETWORK],
        spec[IPC],
        spec[PID],
        spec[UTS],
        spec[CGROUPNS],
        spec[USERNS],
    ]
    joined = [mode[len(_JOINS) :] for mode in modes if mode.startswith(_JOINS)]
    others = [text.partition(":")[0] for text in spec[VOLUMES_FROM]]
    return tuple(dict.fromkeys((*spec[REQUIRES], *joined, *others)))


def needed_services(
    spec: Spec,
    services: Mapping[str, str],
) -> tuple[str, ...]:
    """The services of those containers: the one that runs it, else the one of its future Quadlet. A
    container that Podman only knows by its ID is gone, and no service will bring it back.

    Args:
        services: name of a container -> the service that runs it, from a label of the container: a
            label that is not a valid service name is ignored.
    """
    names = (name for name in needed_containers(spec) if not _ID.fullmatch(name))
    return tuple(dict.fromkeys(_service(name, services.get(name, "")) for name in names))


def _service(container: str, label: str) -> str:
    return label if _SERVICE.fullmatch(label) else f"{safe_file_name(container)}.service"
