"""Volumes of an engine, and what is copied into them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from hardentui.engine.change.api_session import ApiSession, path
from hardentui.engine.change.containers import (
    QUICK_LIMIT,
    ContainerControl,
    run_podman,
)
from hardentui.engine.change.copying import CARRIER, Copying
from hardentui.engine.change.objects import (
    object_exists,
    remove_object,
)
from hardentui.engine.change.owner_label import owner_label
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed
from hardentui.model.podman_version import Version
from hardentui.visible import visible

COPY_LIMIT = 600.0  # seconds for the content of one volume


_TO = "/hardentui-to"


_EXPORTS_VOLUMES = Version(5, 6)


class Volumes:
    def __init__(
        self,
        engine: Engine,
        session: ApiSession,
        containers: ContainerControl,
        copying: Copying,
    ) -> None:
        self._engine = engine
        self._session = session
        self._containers = containers
        self._copying = copying

    def create(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        document = {
            "Name": name,
            "Label": dict(labels or {}),
            "Options": dict(options or {}),
        }
        what = f"create the volume {visible(name, 80)}"
        self._session.send(
            "POST", "volumes/create", what, seconds=QUICK_LIMIT, body=json.dumps(document)
        )

    def create_by_command(self, words: Sequence[str]) -> None:
        """Create a volume from the words after `podman` (`volume create …`)."""
        run_podman(
            self._session,
            words,
            "create the volume",
            QUICK_LIMIT,
        )

    def exists(self, name: str) -> bool:
        return object_exists(self._session, "volumes", name)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Name -> labels of the volumes with a label."""
        listed = self._session.labelled(
            "volumes/json",
            label,
            "Name",
            seconds=QUICK_LIMIT,
        )
        return {volume["Name"]: volume.get("Labels") or {} for volume in listed}

    def remove(self, name: str) -> None:
        """Remove a volume that no container uses, with its contents."""
        remove_object(self._session, "volumes", name)

    def copy(
        self,
        source: str,
        target: str,
        image: str,
        *,
        seconds: float = COPY_LIMIT,
        stop: threading.Event | None = None,
    ) -> int:
        """Copy the contents of a volume, or of a host directory by its absolute path, into another
        volume.

        Args:
            image: any local image; a container of it, which is never started, mounts the volume
                meanwhile.
            seconds: at most, if the engine runs on another machine.
            stop: ends it, on this machine.

        Returns:
            how many files and directories were left out, because the engine's user may not read
            them.

        Raises:
            KeyboardInterrupt: `stop` was set.
        """
        if self._copying.possible:
            return self._copying.volume(
                source,
                target,
                image,
                stop=stop,
            ).unreadable
        if source.startswith("/") or self._engine.facts.version < _EXPORTS_VOLUMES:
            raise ChangeFailed(
                "A volume of another machine can be copied with Podman 5.6 or newer only."
            )
        where = path("volumes", source, "export")
        archive = self._session.download(
            where, f"read the volume {visible(source, 80)}", seconds=seconds
        )
        with self._carrier(image, f"{target}:{_TO}") as carrier:
            self._containers.extract(
                carrier,
                _TO,
                archive,
                seconds=seconds,
            )
        return 0

    def copy_file(
        self,
        source: str,
        target: str,
        image: str,
    ) -> None:
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
        document = self._session.named(
            "volumes",
            name,
            what,
            seconds=QUICK_LIMIT,
        )
        directory = str(document.get("Mountpoint") or "")
        if not directory.startswith("/"):
            raise ChangeFailed(f"The volume {visible(name, 80)} has no directory.")
        return directory

    @contextmanager
    def _carrier(
        self,
        image: str,
        volume: str,
    ) -> Iterator[str]:
        labels = (f"--label={CARRIER}=1", f"--label={owner_label()}")
        alone = ("--pull=never", "--network=none", "--image-volume=ignore")
        words = (
            "create",
            *alone,
            *labels,
            f"--volume={volume}",
            image,
            "true",
        )
        carrier = self._containers.create_by_command(words)
        try:
            yield carrier
        finally:
            self._containers.remove(
                carrier,
                force=True,
                volumes=True,
            )
