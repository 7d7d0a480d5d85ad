"""The context of a writer besides the spec: the target Podman, and related objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field

from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import safe_file_name
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Spec, UnsavedVolume
from hardentui.options import CGROUPNS, IPC, NETWORK, PID, REQUIRES, USERNS, UTS, VOLUMES_FROM
from hardentui.options.inspect.mounts import anonymous_volumes

Document = Mapping[str, Any]


class UnitContext(Struct, frozen=True):
    """The target that a container is written for."""

    version: Version = NEWEST_KNOWN  # the Podman that will read the files
    rootless: bool = False  # for a user's service manager
    unit_name: str = ""  # file name without suffix; empty = derived from the container's name
    # name -> inspect document of its user-defined networks
    networks: Mapping[str, Document] = field(default_factory=dict)
    # name -> inspect document of its named volumes
    volumes: Mapping[str, Document] = field(default_factory=dict)
    pod: Document | None = None  # inspect document of its pod; None = none, or unknown
    members: tuple[Member, ...] = ()  # the other containers of its pod, without the infra container
    anonymous: Mapping[str, str] = field(
        default_factory=dict
    )  # destination -> name of its anonymous volumes
    # name of a container -> the service that runs it, if any
    services: Mapping[str, str] = field(default_factory=dict)
    default_network: str = "podman"  # the network that always exists and needs no unit
    # when the container was created, as inspect writes it; init containers start in that order
    created: str = ""

    @classmethod
    def of(
        cls,
        facts: ContainerFacts,
        version: Version,
    ) -> UnitContext:
        """The context from a container's facts, without the other members of its pod."""
        volumes = {name: volume.inspect for name, volume in facts.volumes.items() if volume.inspect}
        return cls(
            version=version,
            rootless=facts.engine.rootless is True,
            networks={
                name: network.inspect for name, network in facts.networks.items() if network.inspect
            },
            volumes=volumes,
            pod=facts.pod,
            anonymous=anonymous_volumes(facts.inspect, volumes),
            default_network=facts.engine.default_network,
            created=str(facts.inspect.get("Created") or ""),
        )


class Member(NamedTuple):
    """Another container of a pod, unchanged, with its context."""

    spec: Spec
    context: UnitContext


# --- The containers that another one needs before it can start ------------------------------------


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


# --- Notes for the reader of a written file about what is missing from it -------------------------


def not_carried(spec: Spec) -> tuple[str, ...]:
    """Data that no option carries over, one sentence each."""
    return (*spec.remarks, *map(_unsaved, spec.unsaved))


def left_behind(spec: Spec) -> tuple[str, ...]:
    """Options and data that could not be carried over or are unknown, one sentence each."""
    return (*not_carried(spec), *unreported(unknown_flags(spec)))


def unknown_flags(spec: Spec) -> frozenset[str]:
    """The options of which nobody knows whether they were given."""
    return frozenset(f"{option.flag} {option.own_name}".rstrip() for option in spec.unknowable)


def unreported(flags: Iterable[str]) -> tuple[str, ...]:
    """A sentence about these options; none without any."""
    listed = ", ".join(sorted(flags))
    return (f"Podman does not report whether these options were given: {listed}",) if listed else ()


def _unsaved(volume: UnsavedVolume) -> str:
    origin = "the image asks for it" if volume.of_image else "it has no name"
    return (
        f"the data of the anonymous volume at {volume.destination} is not carried over ({origin}): copy it"
        " into a named volume first (podman volume export, podman volume import)"
    )
