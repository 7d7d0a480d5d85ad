"""The resources that containers use: networks, volumes and pods."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hardentui.engine.change.command import run_podman
from hardentui.engine.change.containers import QUICK_LIMIT, REMOVE_LIMIT, ContainerControl
from hardentui.engine.change.copying import CARRIER, Copying
from hardentui.engine.change.ownership import owner_label
from hardentui.engine.change.session import ApiSession, path
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed
from hardentui.model.network_made import MadeNetwork
from hardentui.model.version import Version
from hardentui.visible import visible

COPY_LIMIT = 600.0  # seconds for the content of one volume
_TO = "/hardentui-to"
_EXPORTS_VOLUMES = Version(5, 6)


class Networks:
    """The networks of one engine, by name."""

    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def create(
        self,
        name: str,
        *,
        internal: bool = False,
        isolated: bool = False,
        names: bool = True,
        labels: Mapping[str, str] | None = None,
    ) -> MadeNetwork:
        """Create a bridge network.

        Args:
            internal: without a route out.
            isolated: unreachable from other isolated networks.
            names: with a name server. An internal network without one has no address on the host.
        """
        document = {
            "name": name,
            "driver": "bridge",
            "internal": internal,
            "dns_enabled": names,
            "options": {"isolate": "true"} if isolated else {},
            "labels": dict(labels or {}),
        }
        what = f"create the network {visible(name, 80)}"
        answer = self._session.send(
            "POST", "networks/create", what, seconds=QUICK_LIMIT, body=json.dumps(document)
        )
        made = json.loads(answer)
        subnets = [str(part.get("subnet") or "") for part in made.get("subnets") or ()]
        return MadeNetwork(
            name, str(made.get("network_interface") or ""), next(iter(subnets), ""), internal and not names
        )

    def create_by_command(self, words: Sequence[str]) -> None:
        """Create a network from the words after `podman` (`network create …`)."""
        run_podman(self._session, words, "create the network", QUICK_LIMIT)

    def exists(self, name: str) -> bool:
        return self._session.exists(path("networks", name, "exists"), "find a network", seconds=QUICK_LIMIT)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Name -> labels of the networks with a label (`KEY` or `KEY=VALUE`)."""
        listed = _labelled(self._session, "networks/json", label)
        return {str(network["name"]): network.get("labels") or {} for network in listed}

    def remove(self, name: str) -> None:
        """Remove a network that no container uses."""
        what = f"remove the network {visible(name, 80)}"
        self._session.send("DELETE", path("networks", name), what, seconds=QUICK_LIMIT)


class Volumes:
    """The volumes of one engine, by name."""

    def __init__(
        self, engine: Engine, session: ApiSession, containers: ContainerControl, copying: Copying
    ) -> None:
        self._engine = engine
        self._session = session
        self._containers = containers
        self._copying = copying

    def create(
        self, name: str, *, labels: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        document = {"Name": name, "Label": dict(labels or {}), "Options": dict(options or {})}
        what = f"create the volume {visible(name, 80)}"
        self._session.send("POST", "volumes/create", what, seconds=QUICK_LIMIT, body=json.dumps(document))

    def create_by_command(self, words: Sequence[str]) -> None:
        """Create a volume from the words after `podman` (`volume create …`)."""
        run_podman(self._session, words, "create the volume", QUICK_LIMIT)

    def exists(self, name: str) -> bool:
        return self._session.exists(path("volumes", name, "exists"), "find a volume", seconds=QUICK_LIMIT)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Name -> labels of the volumes with a label."""
        listed = _labelled(self._session, "volumes/json", label)
        return {str(volume["Name"]): volume.get("Labels") or {} for volume in listed}

    def remove(self, name: str) -> None:
        """Remove a volume that no container uses, with its contents."""
        what = f"remove the volume {visible(name, 80)}"
        self._session.send("DELETE", path("volumes", name), what, seconds=REMOVE_LIMIT)

    def copy(self, source: str, target: str, image: str, *, seconds: float = COPY_LIMIT) -> int:
        """Copy the contents of a volume, or of a host directory by its absolute path, into another volume.

        Args:
            image: any local image; a container of it, which is never started, mounts the volume meanwhile.
            seconds: at most, if the engine runs on another machine.

        Returns:
            how many files and directories were left out, because the engine's user may not read them.
        """
        if self._copying.possible:
            return self._copying.volume(source, target, image).unreadable
        if source.startswith("/") or self._engine.facts.version < _EXPORTS_VOLUMES:
            raise ChangeFailed("A volume of another machine can be copied with Podman 5.6 or newer only.")
        where = path("volumes", source, "export")
        archive = self._session.download(where, f"read the volume {visible(source, 80)}", seconds=seconds)
        with self._carrier(image, f"{target}:{_TO}") as carrier:
            self._containers.extract(carrier, _TO, archive, seconds=seconds)
        return 0

    def copy_file(self, source: str, target: str, image: str) -> None:
        """Copy a file of this machine into a volume; see `Copying.file`.

        Raises:
            ChangeFailed: that is impossible here, or the engine's user may not read it.
        """
        if not self._copying.possible:
            raise ChangeFailed("A file of another machine cannot be copied.")
        self._copying.file(source, target, image)

    def directory(self, name: str) -> str:
        """Where the content of a volume is on the engine's machine."""
        what = f"inspect the volume {visible(name, 80)}"
        document = json.loads(
            self._session.send("GET", path("volumes", name, "json"), what, seconds=QUICK_LIMIT)
        )
        directory = str(document.get("Mountpoint") or "")
        if not directory.startswith("/"):
            raise ChangeFailed(f"The volume {visible(name, 80)} has no directory.")
        return directory

    @contextmanager
    def _carrier(self, image: str, volume: str) -> Iterator[str]:
        labels = (f"--label={CARRIER}=1", f"--label={owner_label()}")
        alone = ("--pull=never", "--network=none", "--image-volume=ignore")
        words = ("create", *alone, *labels, f"--volume={volume}", image, "true")
        carrier = self._containers.create_by_command(words)
        try:
            yield carrier
        finally:
            self._containers.remove(carrier, force=True, volumes=True)


class Pods:
    """The pods of one engine, by name."""

    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def create_by_command(self, words: Sequence[str]) -> str:
        """Create a pod from the words after `podman` (`pod create …`); returns its id."""
        return run_podman(self._session, words, "create the pod", QUICK_LIMIT)

    def exists(self, name: str) -> bool:
        return self._session.exists(path("pods", name, "exists"), "find a pod", seconds=QUICK_LIMIT)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Id -> labels of the pods with a label."""
        return {
            str(pod["Id"]): pod.get("Labels") or {} for pod in _labelled(self._session, "pods/json", label)
        }

    def remove(self, name: str, *, force: bool = False) -> None:
        what = f"remove the pod {visible(name, 80)}"
        query = {"force": str(force).lower(), "timeout": "0"}
        self._session.send("DELETE", path("pods", name), what, seconds=REMOVE_LIMIT, query=query)


def _labelled(session: ApiSession, where: str, label: str) -> list[Any]:
    query = {"filters": json.dumps({"label": [label]})}
    return (
        json.loads(session.send("GET", where, "list what was created", seconds=QUICK_LIMIT, query=query))
        or []
    )
