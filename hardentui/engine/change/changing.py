"""An engine whose objects may be changed."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.engine.change.containers import (
    CREATE_LIMIT,
    QUICK_LIMIT,
    REMOVE_LIMIT,
    ApiSession,
    ContainerControl,
    path,
    run_podman,
)
from hardentui.engine.change.copying import CARRIER, Copying
from hardentui.engine.change.owner_label import owner_label
from hardentui.engine.connection import Listener, UnixConnection
from hardentui.engine.peer import refuse_strangers_engine
from hardentui.engine.read import Engine
from hardentui.errors import ChangeFailed, NotFound
from hardentui.model.network import MadeNetwork
from hardentui.model.podman_version import Version
from hardentui.visible import visible

COPY_LIMIT = 600.0  # seconds for the content of one volume
_TO = "/hardentui-to"
_EXPORTS_VOLUMES = Version(5, 6)


class Networks:
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
            name,
            str(made.get("network_interface") or ""),
            next(iter(subnets), ""),
            internal and not names,
        )

    def create_by_command(self, words: Sequence[str]) -> None:
        """Create a network from the words after `podman` (`network create …`)."""
        run_podman(
            self._session,
            words,
            "create the network",
            QUICK_LIMIT,
        )

    def exists(self, name: str) -> bool:
        return _exists(self._session, "networks", name)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Name -> labels of the networks with a label (`KEY` or `KEY=VALUE`)."""
        listed = _labelled(self._session, "networks/json", label)
        return {str(network["name"]): network.get("labels") or {} for network in listed}

    def remove(self, name: str) -> None:
        """Remove a network that no container uses."""
        _remove(self._session, "networks", name)


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
        return _exists(self._session, "volumes", name)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Name -> labels of the volumes with a label."""
        listed = _labelled(self._session, "volumes/json", label)
        return {str(volume["Name"]): volume.get("Labels") or {} for volume in listed}

    def remove(self, name: str) -> None:
        """Remove a volume that no container uses, with its contents."""
        _remove(self._session, "volumes", name)

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


class Pods:
    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def create_by_command(self, words: Sequence[str]) -> str:
        """Create a pod from the words after `podman` (`pod create …`); returns its id."""
        return run_podman(
            self._session,
            words,
            "create the pod",
            QUICK_LIMIT,
        )

    def exists(self, name: str) -> bool:
        return _exists(self._session, "pods", name)

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Id -> labels of the pods with a label."""
        return {
            str(pod["Id"]): pod.get("Labels") or {}
            for pod in _labelled(self._session, "pods/json", label)
        }

    def remove(
        self,
        name: str,
        *,
        force: bool = False,
    ) -> None:
        _remove(
            self._session,
            "pods",
            name,
            {"force": str(force).lower(), "timeout": "0"},
        )


def _exists(
    session: ApiSession,
    kind: str,
    name: str,
) -> bool:
    try:
        session.named(
            kind,
            name,
            f"find {visible(name, 80)}",
            seconds=QUICK_LIMIT,
        )
    except NotFound:
        return False
    return True


def _remove(
    session: ApiSession,
    kind: str,
    name: str,
    query: Mapping[str, str] | None = None,
) -> None:
    what = f"remove the {kind.removesuffix('s')} {visible(name, 80)}"
    session.named(
        kind,
        name,
        what,
        seconds=QUICK_LIMIT,
    )
    session.send(
        "DELETE",
        path(kind, name),
        what,
        seconds=REMOVE_LIMIT,
        query=query,
    )


def _labelled(
    session: ApiSession,
    where: str,
    label: str,
) -> list[Any]:
    query = {"filters": json.dumps({"label": [label]})}
    return (
        json.loads(
            session.send(
                "GET",
                where,
                "list what was created",
                seconds=QUICK_LIMIT,
                query=query,
            )
        )
        or []
    )


_LIMIT = 20.0
_TABLE = ("inet", "netavark")


def drop_stale_forwards(
    service: int,
    document: Mapping[str, Any],
) -> int:
    """Remove forwards of a running container's published ports to somewhere else; returns how many.
    It holds those ports, so no other container can have them.

    Args:
        service: a process in the network of the rootful engine.
        document: of the container.
    """
    settings = document.get("NetworkSettings") or {}
    networks = (settings.get("Networks") or {}).values()
    ours = {
        str(network.get(key) or "")
        for network in networks
        for key in ("IPAddress", "GlobalIPv6Address")
    }
    ports = {
        (published.partition("/")[2], int(place["HostPort"]))
        for published, places in (settings.get("Ports") or {}).items()
        for place in places or ()
        if str(place.get("HostPort") or "").isdecimal()
    }
    if not ports or not ours - {""} or os.geteuid() or not account.find_program("nft"):
        return 0
    with suppress(
        ValueError,
        KeyError,
        TypeError,
        ChangeFailed,
    ):
        listed = json.loads(
            _nft(
                service,
                "-j",
                "-a",
                "list",
                "table",
                *_TABLE,
            )
        )
        stale = [
            (chain, handle)
            for chain, handle, forward, address in _forwards(listed)
            if forward in ports and address not in ours
        ]
        for chain, handle in stale:
            _nft(
                service,
                "delete",
                "rule",
                *_TABLE,
                chain,
                "handle",
                str(handle),
            )
        return len(stale)
    return 0


def _forwards(listed: Mapping[str, Any]) -> Iterator[tuple[str, int, tuple[str, int], str]]:
    """Chain, handle, (protocol, port) and target of each rule that forwards a port."""
    for entry in listed["nftables"]:
        rule = entry.get("rule")
        if not rule:
            continue
        matched: tuple[str, int] | None = None
        for part in rule["expr"]:
            match, dnat = part.get("match"), part.get("dnat")
            payload = (
                match["left"].get("payload") if match and isinstance(match["left"], dict) else None
            )
            if (
                match
                and payload
                and payload.get("field") == "dport"
                and isinstance(match["right"], int)
            ):
                matched = str(payload["protocol"]), match["right"]
            if dnat and matched and isinstance(dnat.get("addr"), str):
                yield rule["chain"], rule["handle"], matched, dnat["addr"]


def _nft(service: int, *words: str, rules: str = "") -> str:
    """What nft prints. Raises ChangeFailed: it refuses, cannot be run, or takes too long."""
    try:
        done = run_child(
            (
                "nsenter",
                f"--net=/proc/{service}/ns/net",
                "--",
                "nft",
                *words,
            ),
            given=rules.encode(),
            seconds=_LIMIT,
            environment={**account.environment(), "LC_ALL": "C"},
        )
    except ChildTimedOut:
        raise ChangeFailed(f"nft did not end within {_LIMIT:g} s.") from None
    except OSError as error:
        raise ChangeFailed(f"nft cannot be run: {error.strerror}.") from error
    if done.code:
        said = done.errors.decode("utf-8", "replace").strip().splitlines()
        raise ChangeFailed(f"nft refuses: {visible(said[0], 200) if said else done.code}")
    return done.output.decode("utf-8", "replace")


class Images:
    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def exists(self, reference: str) -> bool:
        return self._session.exists(
            path("images", reference, "exists"), "find an image", seconds=QUICK_LIMIT
        )

    def id_of(self, reference: str) -> str:
        """The ID of the image that a reference names now."""
        what = f"inspect the image {visible(reference, 120)}"
        answer = self._session.send(
            "GET", path("images", reference, "json"), what, seconds=QUICK_LIMIT
        )
        return str(json.loads(answer).get("Id", ""))

    def import_archive(
        self,
        archive: str,
        reference: str,
        changes: Sequence[str],
    ) -> None:
        """Create an image with one layer from a tar archive.

        Args:
            changes: instructions as in a Containerfile: `CMD ["httpd"]`, `LABEL a=b`.
        """
        words = [word for change in changes for word in ("--change", change)]
        what = f"import the image {visible(reference, 120)}"
        run_podman(
            self._session,
            ("import", "-q", *words, archive, reference),
            what,
            CREATE_LIMIT,
        )

    def tag(self, source: str, target: str) -> None:
        """Add another reference to the same image."""
        repository, _, tag = target.rpartition(":")
        what = f"tag the image {visible(source, 120)}"
        self._session.send(
            "POST",
            path("images", source, "tag"),
            what,
            seconds=QUICK_LIMIT,
            query={"repo": repository, "tag": tag},
        )

    def remove(self, reference: str) -> None:
        """Remove a name of an image, and with its last one the image; one in use is kept, with an
        error."""
        what = f"remove the image {visible(reference, 80)}"
        self._session.send(
            "DELETE",
            path("images", reference),
            what,
            seconds=REMOVE_LIMIT,
            query={"force": "false"},
        )


def end_half_started(container: str, user: int) -> int:
    """End the processes of a start that nobody completes; returns how many. For a container that
    Podman says does not run, while nobody starts it.

    Args:
        container: its full id.
        user: uid of the engine's user.
    """
    makers, monitors = [], []
    for pid, words in _processes(user):
        if "create" in words and "--bundle" in words and container in words[-2:]:
            makers.append(pid)  # the runtime, in its first step
        elif os.path.basename(words[0]) == "conmon" and (("-c", container) in pairwise(words)):
            monitors.append(pid)
    if not makers:
        return 0
    for pid in (*makers, *monitors):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(makers) + len(monitors)


def _processes(user: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a user on this machine, with their words."""
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdecimal():
                with open(f"/proc/{name}/status", "rb") as status:
                    uids = next((line for line in status if line.startswith(b"Uid:")), b"").split()[
                        1:
                    ]
                if uids and int(uids[0]) == user:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        yield int(name), os.fsdecode(file.read(8192)).split("\0")


API_VERSION = "5.0.0"  # Podman 4.4 to 6 answer below it


class ChangingEngine:
    """The engine behind an open `Engine`, for changes. Use from one thread at a time.

    Args:
        listener: called with each request and each command.

    Attributes:
        containers, images, networks, volumes, pods: the operations, by kind of object.
        copying: of data, on this machine.

    Raises:
        ChangeFailed: the engine is simulated or saved.
        StrangersEngine: we are root, and it is another account's.
    """

    def __init__(
        self,
        engine: Engine,
        listener: Listener | None = None,
    ) -> None:
        connection = engine.connection
        if not isinstance(connection, UnixConnection):
            why = (
                engine.facts.only_read
                or "Nothing can be changed here: this engine is not a running Podman."
            )
            raise ChangeFailed(why)
        refuse_strangers_engine(engine.facts.owner, engine.facts.url)
        self.engine = engine
        self._session = ApiSession(
            connection.path,
            API_VERSION,
            listener,
            engine.facts.owner,
        )
        self.containers = ContainerControl(self._session)
        self.images = Images(self._session)
        self.networks = Networks(self._session)
        self.copying = Copying(engine, self._session, self.containers)
        self.volumes = Volumes(
            engine,
            self._session,
            self.containers,
            self.copying,
        )
        self.pods = Pods(self._session)

    def account(self) -> int:
        """The uid on this machine of the account that runs the engine. Raises EngineUnreachable."""
        return self._session.peer()[1]

    @property
    def service(self) -> int:
        """A thread of the process that answers for the engine, in the network of its host; 0 if it
        cannot be seen from here. Podman moves single threads, the first one too, into networks of
        containers for good.

        Raises:
            EngineUnreachable: there is none.
        """
        pid = self._session.peer()[0]
        networks: dict[str, list[int]] = {}
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with suppress(OSError):  # it has ended
                    network = os.readlink(f"/proc/{pid}/task/{thread}/ns/net")
                    networks.setdefault(network, []).append(int(thread))
        return max(networks.values(), key=len)[0] if networks else 0

    def end_half_started(self, container: str) -> None:
        """End what is left of a start that Podman's service did not survive (see `half_started`).

        Raises:
            EngineUnreachable: Podman does not answer.
        """
        if self.engine.facts.local:
            end_half_started(container, self.account())

    def drop_stale_forwards(self, document: Mapping[str, Any]) -> int:
        """Remove forgotten forwards of a running container's ports (see `stale_forwards`); returns
        how many.

        Raises:
            EngineUnreachable: Podman does not answer.
        """
        service = self.service if self.account() == 0 else 0
        return drop_stale_forwards(service, document) if service else 0

    def set_table(self, name: str, chains: str = "") -> None:
        """Give the network of the engine's host a table of nftables of ours, or take it away:
        without chains.

        Raises:
            ChangeFailed: nft refuses, or the host's network is out of reach.
            EngineUnreachable: Podman does not answer.
        """
        rules = f"add table ip {name}\ndelete table ip {name}\n"
        if chains:
            rules += f"table ip {name} {{\n{chains}\n}}\n"
        _nft(self.service, "-f", "-", rules=rules)

    def close(self) -> None:
        """Release the socket; the engine itself stays open."""
        self._session.close()
