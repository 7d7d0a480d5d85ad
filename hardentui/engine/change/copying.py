"""Data of containers, copied on the engine's machine with the rights of the engine's user.

Podman's `/archive` gives every file the owner of the container's user, `/export` sends the whole
root file system, `/volumes/NAME/export` exists since Podman 5.6 only. So a *carrier* mounts what is
read and what is
written: a container that is prepared but never started. A process of ours, in the user namespace of
the engine, copies from one mount to the other (see `copy_process`).
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from hardentui import account
from hardentui.child_process import ChildStopped, ChildTimedOut, run_child
from hardentui.engine.change.api_session import ApiSession, path
from hardentui.engine.change.containers import QUICK_LIMIT, ContainerControl
from hardentui.engine.change.copy_process import (
    Copied,
    Owners,
    Ranges,
    Task,
)
from hardentui.engine.change.disk_use import DiskRoom, Weight
from hardentui.engine.change.engine_thread import usual_thread
from hardentui.engine.change.owner_label import owner_label
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed
from hardentui.visible import visible

CARRIER = "hardentui.carrier"
"""The label of containers that only mount what is copied; its value: the container whose layer that
is."""
FROM, TO = "/hardentui-from", "/hardentui-to"
FILE = "file"
_PROGRAM = "/hardentui-program"
_LONGEST = 86_400.0  # seconds


class LayerCopy(msgspec.Struct, frozen=True):
    """A first pass: what was copied, and how the second one goes on."""

    carrier: str
    task: Task
    copied: Copied


class Weighed(msgspec.Struct, frozen=True):
    """What directories hold, and what file systems have left, in the order of the questions."""

    weights: tuple[Weight, ...]
    rooms: tuple[DiskRoom, ...]


class Copying:
    """Copies data on the machine of one engine."""

    def __init__(
        self,
        engine: Engine,
        session: ApiSession,
        containers: ContainerControl,
    ) -> None:
        self._engine = engine
        self._session = session
        self._containers = containers

    @property
    def possible(self) -> bool:
        """Whether the engine runs on this machine, and we may act as its user."""
        return self._engine.facts.local and os.geteuid() in (0, self._session.peer()[1])

    def layer(
        self,
        container: str,
        pairs: Sequence[tuple[str, str]],
        *,
        optional: bool = False,
        stop: threading.Event | None = None,
    ) -> LayerCopy:
        """Copy directories of a container's own file system into volumes, with owners, modes and
        times.

        The container may run. The carrier stays for `again`, until `leave`.

        Args:
            pairs: (directory in the container, volume).
            optional: a directory that is not there is like an empty one; the states are told.

        Raises:
            ChangeFailed: something cannot be read or written.
            KeyboardInterrupt: `stop` was set.
        """
        carrier, pid, document = self._beside_layer(container, [volume for _, volume in pairs])
        users, groups = self._ranges_of(document)
        try:
            task = Task(
                pid=pid,
                user=self._session.peer()[1],
                pairs=tuple((f"{FROM}{place}", f"{TO}{n}") for n, (place, _) in enumerate(pairs)),
                users=users,
                groups=groups,
                optional=optional,
                look=tuple(f"{TO}{n}" for n in range(len(pairs))) if optional else (),
            )
            return LayerCopy(carrier, task, _run(task, stop))
        except BaseException:
            self._containers.remove(carrier, force=True)
            raise

    def into_layer(
        self,
        container: str,
        directory: str,
        volume: str,
        *,
        by: str,
    ) -> None:
        """Make a directory of a container's own file system as a volume is, whether it is there or
        not. Repeating this changes nothing more.

        Args:
            container: it does not run.
            by: the container that wrote to the volume, whose owners are translated.

        Raises:
            ChangeFailed: something cannot be read or written.
        """
        carrier, pid, document = self._beside_layer(container, [volume], read_only=False)
        try:
            their = self._ranges_in(volume, self._containers.inspect(by))
            own = self._ranges_of(document)
            users, groups = (_into(*ranges) for ranges in zip(their, own, strict=True))
            task = Task(
                pid=pid,
                user=self._session.peer()[1],
                pairs=((f"{TO}0", f"{FROM}{directory}"),),
                users=users,
                groups=groups,
                mirror=(0,),
                optional=True,
            )
            _run(task, None)
        finally:
            self._containers.remove(carrier, force=True)

    def _beside_layer(
        self,
        container: str,
        volumes: Sequence[str],
        *,
        read_only: bool = True,
    ) -> tuple[str, int, Mapping[str, Any]]:
        """A carrier that mounts a container's own file system, and volumes beside it; its process,
        and the container's inspect document."""
        if not self.possible:
            raise ChangeFailed(
                "Data in a writable layer can only be copied on the engine's machine."
            )
        document = self._containers.inspect(container)
        where = path("containers", container, "mount")
        what = f"read the files of the container {visible(container, 80)}"
        answer = self._session.send(
            "POST",
            where,
            what,
            seconds=QUICK_LIMIT,
        )
        merged = answer.decode("utf-8", "surrogateescape").strip().strip('"')
        try:
            mounts = [_mount("bind", merged, FROM, read_only=read_only)]
            mounts += [_mount("volume", volume, f"{TO}{n}") for n, volume in enumerate(volumes)]
            carrier, pid = self._carrier(
                str(document["Image"]),
                mounts,
                str(document["Id"]),
            )
        finally:  # the carrier keeps its mount of it
            where = path("containers", container, "unmount")
            self._session.send(
                "POST",
                where,
                what,
                seconds=QUICK_LIMIT,
            )
        return carrier, pid, document

    def _ranges_of(self, document: Mapping[str, Any]) -> tuple[Ranges, Ranges]:
        """The users and groups of a container's own user namespace; none if it has none."""
        if self._session.peer()[1] != 0:
            return (), ()
        mappings = (document.get("HostConfig") or {}).get("IDMappings") or {}
        return _ranges(mappings.get("UidMap")), _ranges(mappings.get("GidMap"))

    def _ranges_in(self, volume: str, document: Mapping[str, Any]) -> tuple[Ranges, Ranges]:
        """Those of the owners that a container's files have in a volume: none where the mount
        translates them, so that they lie there as the container sees them."""
        translated = any(
            mount.get("Name") == volume and "idmap" in (mount.get("Options") or ())
            for mount in document.get("Mounts") or ()
        )
        return ((), ()) if translated else self._ranges_of(document)

    def again(
        self,
        first: LayerCopy,
        *,
        stop: threading.Event | None = None,
    ) -> Copied:
        """Copy what changed since a first pass, and remove what is gone since then. Raises as
        `layer`."""
        places = tuple(target for _, target in first.task.pairs)
        since = replace(
            first.task, since=first.copied.begun, mirror=first.copied.empty, look=places
        )
        return _run(since, stop)

    def leave(self, container: str) -> None:
        """Remove the carriers of a container's layer. Its volumes stay."""
        identity = str(self._containers.inspect(container)["Id"])
        for carrier in self._containers.labelled(f"{CARRIER}={identity}"):
            self._containers.remove(str(carrier["Id"]), force=True)

    def volume(
        self,
        source: str,
        target: str,
        image: str,
        *,
        stop: threading.Event | None = None,
    ) -> Copied:
        """Copy a volume, or a directory of the host by its absolute path, into another volume. What
        the engine's user may not read, its containers cannot read either: it is left out, and
        counted."""
        mounts = [self._source(source), _mount("volume", target, TO)]
        carrier, pid = self._carrier(image, mounts, "1")
        try:
            task = Task(
                pid=pid,
                user=self._session.peer()[1],
                pairs=((FROM, TO),),
                strict=False,
            )
            return _run(task, stop)
        finally:
            self._containers.remove(carrier, force=True)

    def file(
        self,
        source: str,
        target: str,
        image: str,
    ) -> None:
        """Copy a file of the host into a volume, where its name is `FILE`."""
        mounts = [
            _mount(
                "bind",
                source,
                f"{FROM}/{FILE}",
                read_only=True,
            ),
            _mount("volume", target, TO),
        ]
        carrier, pid = self._carrier(image, mounts, "1")
        try:
            _run(
                Task(
                    pid=pid,
                    user=self._session.peer()[1],
                    pairs=((FROM, TO),),
                ),
                None,
            )
        finally:
            self._containers.remove(carrier, force=True)

    def weigh(
        self,
        places: Sequence[str],
        filesystems: Sequence[str],
        *,
        stop: threading.Event | None = None,
    ) -> Weighed:
        """How much directories of the engine's machine hold, and how much room file systems have;
        seen by the engine's own service, with the rights of its user.

        Args:
            places: absolute paths of directories; of one that cannot be read, what can be is
                counted.
            filesystems: absolute paths of directories on them.

        Raises:
            ChangeFailed: that is impossible here.
            KeyboardInterrupt: `stop` was set.
        """
        service, user = self._session.peer()
        if not self.possible or service <= 0:
            raise ChangeFailed("What the engine's disk holds can only be seen on its machine.")
        task = Task(
            pid=usual_thread(service) or service,
            user=user,
            pairs=(),
            weighed=tuple(places),
            filesystems=tuple(filesystems),
        )
        copied = _run(task, stop)
        return Weighed(copied.weights, copied.rooms)

    def state(self, volume: str, image: str) -> str:
        """The state of a volume, as `Copied.states` has it; `nothing()` if it is empty."""
        return self._in_volume(
            volume,
            image,
            Task(pid=0, user=0, pairs=(), look=(TO,)),
        ).states[0]

    def owners(self, volume: str, image: str) -> Owners:
        """Who owns the files of a volume. Raises ChangeFailed: too many have an owner of their own."""
        return self._in_volume(
            volume,
            image,
            Task(pid=0, user=0, pairs=(), owned=(TO,)),
        ).owners[0]

    def give(
        self,
        volume: str,
        image: str,
        owners: Owners,
    ) -> None:
        """Give the files of a volume these owners; those that it does not name get the usual one."""
        self._in_volume(
            volume,
            image,
            Task(
                pid=0,
                user=0,
                pairs=(),
                given=((TO, owners),),
            ),
            read_only=False,
        )

    def _in_volume(
        self,
        volume: str,
        image: str,
        task: Task,
        *,
        read_only: bool = True,
    ) -> Copied:
        carrier, pid = self._carrier(
            image,
            [
                _mount(
                    "volume",
                    volume,
                    TO,
                    read_only=read_only,
                )
            ],
            "1",
        )
        try:
            return _run(
                replace(
                    task,
                    pid=pid,
                    user=self._session.peer()[1],
                ),
                None,
            )
        finally:
            self._containers.remove(carrier, force=True)

    def _source(self, source: str) -> str:
        """A mount of what is read. A volume is not mounted as one: Podman would give it another
        owner if no container had used it yet."""
        if not source.startswith("/"):
            what = f"inspect the volume {visible(source, 80)}"
            document = self._session.named(
                "volumes",
                source,
                what,
                seconds=QUICK_LIMIT,
            )
            place = str(document.get("Mountpoint") or "")
            if document.get("Options") or not place.startswith("/"):
                return _mount(
                    "volume",
                    source,
                    FROM,
                    read_only=True,
                )
            source = place
        return _mount("bind", source, FROM, read_only=True)

    def _carrier(
        self,
        image: str,
        mounts: Sequence[str],
        value: str,
    ) -> tuple[str, int]:
        """Its id, and the process that sees its mounts. Any program does, since it never runs; that
        of the image may be in a volume that is not mounted."""
        words = [
            "create",
            "--pull=never",
            "--network=none",
            "--userns=host",
            "--image-volume=ignore",
        ]
        words += [
            "--no-healthcheck",
            "--systemd=false",
            f"--label={CARRIER}={value}",
        ]
        words += [f"--label={owner_label()}", f"--entrypoint={_PROGRAM}"]
        program = _mount(
            "bind",
            "/bin/sh",
            _PROGRAM,
            read_only=True,
        )
        words += [f"--mount={mount}" for mount in (program, *mounts)]
        carrier = self._containers.create_by_command([*words, image])
        try:
            pid = self._containers.init(carrier)
            if pid <= 0:
                raise ChangeFailed("Files cannot be copied: their mounts have no process.")
        except BaseException:
            self._containers.remove(carrier, force=True)
            raise
        return carrier, pid


def _mount(
    kind: str,
    source: str,
    place: str,
    *,
    read_only: bool = False,
) -> str:
    """A value of `--mount`, whose fields are quoted as in CSV."""
    fields = [
        f"type={kind}",
        f"source={source}",
        f"target={place}",
        *(["ro=true"] if read_only else []),
    ]
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields)


def _into(their: Ranges, own: Ranges) -> Ranges:
    """From the ids of files that one container wrote to those that mean the same in another one's
    file system: (first id there, first id here, count)."""
    if not their and not own:
        return ()
    everybody = ((0, 0, 1 << 32),)
    ranges = []
    for inside, outside, count in their or everybody:
        for other_inside, other_outside, other_count in own or everybody:
            first = max(inside, other_inside)
            end = min(inside + count, other_inside + other_count)
            if first < end:
                ranges.append(
                    (other_outside + first - other_inside, outside + first - inside, end - first)
                )
    return tuple(ranges)


def _ranges(lines: Iterable[str] | None) -> Ranges:
    """The ranges of `INSIDE:OUTSIDE:COUNT`."""
    numbers = (line.split(":") for line in lines or ())
    return tuple((int(first), int(outside), int(count)) for first, outside, count in numbers)


def _run(task: Task, stop: threading.Event | None) -> Copied:
    words = account.our_module("hardentui.engine.change.copy_process")
    environment = account.environment()
    try:
        ended = run_child(
            words,
            seconds=_LONGEST,
            environment=environment,
            given=msgspec.json.encode(task),
            stop=stop,
            directory="/",
        )
    except ChildStopped:
        raise KeyboardInterrupt from None
    except ChildTimedOut:
        raise ChangeFailed("Files cannot be copied: that did not end within a day.") from None
    try:
        copied = msgspec.json.decode(ended.output, type=Copied)
    except msgspec.DecodeError:
        raise ChangeFailed(
            "Files cannot be copied: the process that copies them has failed."
        ) from None
    if copied.error:
        raise ChangeFailed(f"Files cannot be copied: {visible(copied.error, 300)}.")
    return copied


class Pieces(io.RawIOBase):
    """Chunks of bytes as a readable file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        length = min(len(buffer), len(self._rest))
        buffer[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length
