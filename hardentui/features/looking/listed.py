"""What the list request shows: rows that are not judged yet, and what the listed containers share:
images, networks, volumes, pods, names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from hardentui.engine.read import Engine
from hardentui.engine.shapes import LAB_LABEL, TRIAL_LABEL, Listed, is_ours
from hardentui.errors import EngineError
from hardentui.features.views import KeptOriginal, Report, Row
from hardentui.model.facts import NetworkFacts, VolumeFacts
from hardentui.model.known import Known, Unread

Lists: TypeAlias = Mapping[str, tuple[Listed, ...]]
"""Label of an engine -> its containers."""
_Named = TypeVar("_Named", Row, Listed)
_LEAST_OF_ID = 4
_ASIDE = ((TRIAL_LABEL, "twin"), (LAB_LABEL, "lab"))


def read_lists(engines: Iterable[Engine]) -> Lists:
    """One list request per engine; one that does not answer is left out.

    Raises:
        EngineError: no engine answers any more.
    """
    by_engine: dict[str, tuple[Listed, ...]] = {}
    lost: list[EngineError] = []
    for engine in engines:
        try:
            by_engine[engine.facts.label] = engine.listed()
        except EngineError as error:
            lost.append(error)
    if lost and not by_engine:
        raise lost[0]
    return by_engine


OF_PODMAN = "podman:"
"""`podman:web` is the container, whatever folders there are."""


def called(rows: Iterable[_Named], name: str) -> list[_Named]:
    """The containers of this name; if there is none, those whose ID begins with it, from four
    letters on: a shorter one is the name of a container that is gone (`db`)."""
    rows, name = tuple(rows), name.removeprefix(OF_PODMAN)
    by_name = [row for row in rows if row.name == name]
    if by_name or len(name) < _LEAST_OF_ID:
        return by_name
    return [row for row in rows if row.id.startswith(name)]


def row_of(
    engine: Engine,
    listed: Listed,
    report: Report | None = None,
    kept: KeptOriginal | None = None,
) -> Row:
    """The row of a listed container, with its report if it was judged before."""
    return Row(
        key=f"{engine.facts.label}/{listed.id}",
        engine=engine.facts,
        id=listed.id,
        name=listed.name,
        image=listed.image,
        state=listed.state,
        status=listed.status,
        pod=listed.pod_name,
        unit=listed.labels.get("PODMAN_SYSTEMD_UNIT", ""),
        report=report,
        kept=kept,
        aside=next(
            (kind for label, kind in _ASIDE if is_ours(label, listed.labels, listed.name)), ""
        ),
    )


class Shared:
    """Consistent with the list: each item is requested once, when first needed.

    A new list creates a new object, so the data never changes under a running scan.
    """

    def __init__(
        self,
        engine: Engine,
        listed: tuple[Listed, ...],
    ) -> None:
        self.listed = listed
        self.names = {container.id: container.name for container in listed}
        self.pod_names = {container.id: container.pod_name for container in listed}
        self._engine = engine
        self._networks_by_name: dict[str, NetworkFacts | None] = {}
        self._pods: dict[str, Known[Mapping[str, Any]]] = {}
        self._givers: dict[str, Known[Mapping[str, Any]]] = {}

    @cached_property
    def image_ids(self) -> Known[Mapping[str, str]]:
        """Name of each image of the engine -> its ID."""
        return asked(lambda: _ids_by_name(self._engine.images()))  # type: ignore[no-any-return]

    @cached_property
    def _networks(self) -> Known[Mapping[str, Mapping[str, Any]]]:
        return asked(lambda: {str(network["name"]): network for network in self._engine.networks()})  # type: ignore[no-any-return]

    @cached_property
    def _volumes(self) -> Known[Mapping[str, Mapping[str, Any]]]:
        return asked(lambda: {str(volume["Name"]): volume for volume in self._engine.volumes()})  # type: ignore[no-any-return]

    def pod(self, identity: str) -> Mapping[str, Any] | None:
        """A pod's inspect document; None without one, or if Podman does not return it."""
        if not identity:
            return None
        if identity not in self._pods:
            self._pods[identity] = asked(lambda: self._engine.pod(identity))
        pod = self._pods[identity]
        return None if isinstance(pod, Unread) else pod

    def giver(self, container: str) -> Known[Mapping[str, Any]]:
        """The inspect document of a container whose mounts or network another one uses."""
        if container not in self._givers:
            identity = next(
                (other.id for other in self.listed if other.name == container), container
            )
            self._givers[container] = asked(lambda: self._engine.inspect(identity))
        return self._givers[container]

    def networks_of(
        self,
        document: Mapping[str, Any],
    ) -> dict[str, NetworkFacts]:
        """The networks that an inspected container is on, by name."""
        named = (document.get("NetworkSettings") or {}).get("Networks") or {}
        return {name: facts for name in named if (facts := self._network(name)) is not None}

    def used_networks(self) -> tuple[NetworkFacts, ...]:
        """The networks that containers are on."""
        used = dict.fromkeys(name for container in self.listed for name in container.networks)
        return tuple(facts for name in used if (facts := self._network(name)) is not None)

    def volumes_of(
        self,
        document: Mapping[str, Any],
    ) -> dict[str, VolumeFacts]:
        """The volumes that are mounted in an inspected container, by name."""
        volumes = self._volumes
        if isinstance(volumes, Unread):
            return {}
        names = [
            str(mount.get("Name"))
            for mount in document.get("Mounts") or ()
            if isinstance(mount, Mapping) and mount.get("Type") == "volume"
        ]
        return {name: VolumeFacts(name, volumes[name]) for name in names if name in volumes}

    def _network(self, name: str) -> NetworkFacts | None:
        if name not in self._networks_by_name:
            self._networks_by_name[name] = self._read_network(name)
        return self._networks_by_name[name]

    def _read_network(self, name: str) -> NetworkFacts | None:
        networks = self._networks
        if isinstance(networks, Unread) or name not in networks:
            return None
        on_it = [container for container in self.listed if name in container.networks]
        return NetworkFacts(
            name,
            networks[name],
            tuple(member.name for member in on_it),
            self._engine.facts,
            publishers=tuple(member.name for member in on_it if member.publishes),
            bridges=tuple(
                other for other, inspect in networks.items() if inspect.get("driver") == "bridge"
            ),
        )


def asked(ask: Callable[[], Any]) -> Any:
    """A value, or why there is none."""
    try:
        return ask()
    except EngineError as error:
        return Unread(error.title)


def _ids_by_name(images: tuple[Mapping[str, Any], ...]) -> dict[str, str]:
    by_name: dict[str, str] = {}
    for image in images:
        for name in image.get("Names") or image.get("RepoTags") or ():
            by_name[str(name)] = str(image.get("Id"))
    return by_name
