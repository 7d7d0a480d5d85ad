"""Twins: throw-away copies of containers, made harmless, and their operations in a trial."""

from __future__ import annotations

import os
import re
import secrets
import stat
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.copying import FILE
from hardentui.engine.change.owner_label import owner_label
from hardentui.engine.shapes import TRIAL_LABEL
from hardentui.errors import ChangeFailed, EngineError
from hardentui.features.change.inspected import addresses_of, pid_of
from hardentui.features.change.probe import ProbeResult, in_network_of, run_probe
from hardentui.features.trial.harmless import aliases, harmless, surplus
from hardentui.features.trial.twin_cgroup import TwinCgroup
from hardentui.features.trial.twin_mounts import Case, Filling, Harmless, HostPlace, Role
from hardentui.features.trial.twin_network import TwinAddresses, shut
from hardentui.host.files import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.network import MadeNetwork
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.model.trial import Lack
from hardentui.options import MOUNTS, NAME
from hardentui.reading.mounts import at_or_above
from hardentui.visible import visible
from hardentui.writers.supporting import part_word, pod_parts

_POD_FLAGS_KEPT = frozenset(
    f"--{name}"
    for name in (
        *(
            "cpu-shares",
            "cpus",
            "cpuset-cpus",
            "cpuset-mems",
            "dns-option",
            "dns-search",
            "gidmap",
            "hostname",
        ),
        *(
            "infra-command",
            "infra-image",
            "memory",
            "memory-swap",
            "shm-size",
            "subgidname",
            "subuidname",
        ),
        *("sysctl", "uidmap"),
    )
)
"""What a pod of twins gets of the original pod; --share too, of its own namespaces."""
_POD_NAMESPACES = frozenset({"cgroup", "ipc", "net", "pid", "uts", "none"})
_VIEWS = Version(5, 4)
"""Podman 4.3 gives such a volume an owner, which fails; versions in between were not tried."""
_COLOR = re.compile(r"\x1b\[[0-9;:?!]*[A-Za-z]")


class Twin:
    """One container of a trial.

    Attributes:
        id: of the container.
        lacks: what it lacks compared with the original.

    Args:
        cgroup: the cgroup of all twins of its trial.
        bridges: of its networks, from which the host is shut out before it runs.
    """

    def __init__(
        self,
        changing: ChangingEngine,
        identity: str,
        name: str,
        lacks: tuple[Lack, ...],
        cgroup: TwinCgroup,
        bridges: tuple[str, ...] = (),
    ) -> None:
        self._containers = changing.containers
        self._turn = changing.turn
        self.id = identity
        self.name = name
        self.lacks = lacks
        self._cgroup = cgroup
        self._bridges = bridges
        self._prepared = False

    def document(self) -> Mapping[str, Any]:
        return self._containers.inspect(self.id)

    def init(self) -> int:
        """Create its main process without running it yet; returns its pid.

        Raises:
            ChangeFailed: Podman cannot, or the host cannot be shut out of its networks.
        """
        with self._turn:
            pid = self._containers.init(self.id)
        self._cgroup.hold(pid)
        if self._bridges:
            shut(
                int((self.document().get("State") or {}).get("ConmonPid") or 0),
                self._bridges,
            )
        self._prepared = True
        return pid

    def start(self) -> None:
        """Run its program; see `init`."""
        if not self._prepared and (self._bridges or self._cgroup.parent):
            self.init()
        with self._turn:
            self._containers.start(self.id)
        self._prepared = False

    @property
    def pid(self) -> int:
        return pid_of(self.document())

    @property
    def address(self) -> str:
        """Its address in the trial's network; loopback if it has none."""
        return next(iter(self.addresses), "127.0.0.1")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its IPv4 address in each network of the trial."""
        return addresses_of(self.document())

    def log(self) -> str:
        """The last lines of its log, without colour codes; else the reason why there are none."""
        try:
            return _COLOR.sub("", self._containers.logs(self.id))
        except EngineError as error:
            return f"({error.title})"

    def run_probe(
        self,
        command: str,
        seconds: float,
    ) -> ProbeResult:
        pid = self.pid
        if not pid:
            return ProbeResult(command, "the twin does not run")
        return run_probe(
            command, seconds, address=self.address, name=self.name, inside=in_network_of(pid)
        )


class TwinMaker:
    """Creates the twins of one trial, labelled with its number.

    Args:
        files: this machine's; None when the engine runs on another one.
        granted: what the user gives twins that would otherwise be withheld.
        outside: their networks have a route out.
        stop: ends the copying of their data.

    Attributes:
        cgroup: the cgroup of all its twins.
        own_users: id of a container -> the IDs that its twin maps to themselves in a user namespace
            of its own.
    """

    def __init__(
        self,
        changing: ChangingEngine,
        files: Files | None,
        *,
        granted: frozenset[str] = frozenset(),
        outside: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self.number = secrets.token_hex(4)
        self.cgroup = TwinCgroup(changing, files, self.number)
        self.own_users: Mapping[str, int] = {}
        self.stop = stop
        self._changing = changing
        self._files = files
        self._granted = granted
        self._outside = outside
        self._engine_places: tuple[str, ...] | None = None

    @property
    def marks(self) -> dict[str, str]:
        """The labels of networks and volumes of this trial."""
        return {
            TRIAL_LABEL: self.number,
            **dict([owner_label().split("=", 1)]),
        }

    def network(
        self,
        name: str,
        *,
        internal: bool,
        isolated: bool = False,
        bare: bool = False,
    ) -> MadeNetwork:
        """Create a network of the trial. Without a route out it has no name server, which would be
        one.
        `bare`: no program runs on it, so it is as it would be in earnest.
        """
        names = bare or not internal
        return self._changing.networks.create(
            name, internal=internal, isolated=isolated, names=names, labels=self.marks
        )

    def create(
        self,
        spec: Spec,
        facts: ContainerFacts,
        name: str,
        key: str,
        around: TwinAddresses,
        **more: Any,
    ) -> Twin:
        """A twin with copies of its volumes; it is not started.

        Args:
            key: whose address it has.
            more: fields of its role.

        Raises:
            ChangeFailed: Podman cannot create it, or gives it more than it asks for.
        """
        role = self._role(
            facts,
            name=name,
            labels=(
                f"{TRIAL_LABEL}={self.number}",
                f"{TRIAL_LABEL}.of={spec[NAME]}",
                owner_label(),
            ),
            networks=around.addresses(key),
            hosts=around.hosts(key),
            **more,
        )
        made = harmless(spec, Case(facts, role, self._place_of))
        with self._changing.turn:
            made = self._filled(made, facts)
            identity = self._changing.containers.create(made.spec, facts.engine.version)
        if given := surplus(self._changing.containers.inspect(identity), made.spec):
            self._changing.containers.remove(
                identity,
                force=True,
                volumes=True,
            )
            raise ChangeFailed(
                f"The engine gives each new container {visible(', '.join(given), 200)}: no twin is "
                "started.",
                "See containers.conf(5): volumes, devices, pidns, ipcns, utsns, netns, privileged.",
            )
        bridges = (around.networks[name] for name in role.networks)
        shut_off = tuple(bridge.interface for bridge in bridges if bridge.closed and role.local)
        return Twin(
            self._changing,
            identity,
            role.name,
            made.lacks,
            self.cgroup,
            shut_off,
        )

    def copied(
        self,
        facts: ContainerFacts,
        *,
        copy_volumes: bool,
    ) -> tuple[str, ...]:
        """The volumes, directories and files whose content its unchanged twin gets as a copy."""
        role = self._role(
            facts,
            name="",
            labels=(),
            copy_volumes=copy_volumes,
        )
        made = harmless(facts.spec, Case(facts, role, self._place_of))
        copies = (Filling.COPY, Filling.FILE)
        return tuple(volume.source for volume in made.volumes if volume.filling in copies)

    def _role(
        self,
        facts: ContainerFacts,
        **more: Any,
    ) -> Role:
        cgroup = self.cgroup
        alone = 0 if cgroup.parent else cgroup.limits.memory or 0
        return Role(
            outside=self._outside,
            local=self._files is not None,
            granted=self._granted,
            views=self._changing.engine.facts.version >= _VIEWS,
            cgroup_parent=cgroup.parent,
            memory=alone,
            own_users=self.own_users.get(facts.id, 0),
            **more,
        )

    def create_pod(
        self,
        name: str,
        members: Sequence[ContainerFacts],
        around: TwinAddresses,
        key: str,
    ) -> None:
        """A pod like that of these containers, for their twins, on networks of the trial.

        Raises:
            ChangeFailed: Podman does not make it.
        """
        pod = members[0].pod or {}
        words = ["pod", "create", f"--name={name}"]
        words += [f"--label={label}={value}" for label, value in self.marks.items()]
        if self.cgroup.parent:
            words.append(f"--cgroup-parent={self.cgroup.parent}")
        names = [f"alias={alias}" for alias in pod_names(members)] if self._outside else []
        for network, address in around.addresses(key).items():
            words.append(f"--network={network}:{','.join([f'ip={address}', *names])}")
        words += [f"--add-host={line}" for line in around.hosts(key)]
        for part in pod_parts(pod, members[0].engine.default_network):
            if part.flag in _POD_FLAGS_KEPT:
                words.append(part_word(part))
            elif part.flag == "--share":
                shared = [space for space in part.value.split(",") if space in _POD_NAMESPACES]
                words.append(f"--share={','.join(shared)}")
        self._changing.pods.create_by_command(words)

    def remove(self, twin: Twin) -> None:
        with self._changing.turn:
            self._changing.containers.remove(
                twin.id,
                force=True,
                volumes=True,
            )
        for name in self._changing.volumes.labelled(f"{TRIAL_LABEL}={self.number}"):
            if name.startswith(f"{twin.name}-"):
                self._changing.volumes.remove(name)

    def _filled(
        self,
        made: Harmless,
        facts: ContainerFacts,
    ) -> Harmless:
        """Make its volumes; the same with the places of copied files, and what could not be copied."""
        volumes = self._changing.volumes
        image = str(facts.inspect.get("Image") or "")
        files, lacks = {}, list(made.lacks)
        for volume in made.volumes:
            options = {}
            filling = volume.filling
            if filling is Filling.VIEW and not self._has_entries(volume.source):
                filling = (
                    Filling.COPY
                )  # Podman gives an empty volume an owner, which fails on an overlay
            if filling is Filling.VIEW:
                volumes.create(f"{volume.name}-below", labels=self.marks)
                below = volumes.directory(f"{volume.name}-below")  # an overlay needs two layers
                options = {
                    "type": "overlay",
                    "device": "overlay",
                    "o": f"lowerdir={volume.source}:{below}",
                }
            volumes.create(
                volume.name,
                labels=self.marks,
                options=options,
            )
            if filling is Filling.COPY:
                if volumes.copy(
                    volume.source,
                    volume.name,
                    image,
                    stop=self.stop,
                ):
                    lacks.append(Lack(f"what the engine's user may not read in {volume.source}"))
            elif filling is Filling.FILE:
                volumes.copy_file(volume.source, volume.name, image)
                files[volume.name] = f"{volumes.directory(volume.name)}/{FILE}"
        mounts = (
            replace(mount, source=files.get(mount.source, mount.source))
            if mount.type == "bind"
            else mount
            for mount in made.spec[MOUNTS]
        )
        return replace(
            made,
            spec=made.spec.with_(MOUNTS, tuple(mounts)),
            lacks=tuple(lacks),
        )

    def _has_entries(self, directory: str) -> bool:
        try:
            return self._files is not None and bool(self._files.list_dir(directory))
        except OSError:
            return False

    def _place_of(self, path: str) -> HostPlace:
        if not path.startswith("/"):
            return HostPlace.DIRECTORY  # a volume
        if self._files is None:
            return HostPlace.OTHER
        try:
            mode = self._files.stat(os.path.normpath(path)).mode
        except OSError:
            return HostPlace.OTHER
        if stat.S_ISDIR(mode):
            holds = any(at_or_above(os.path.normpath(path), place) for place in self._places())
            return HostPlace.TREE if holds else HostPlace.DIRECTORY
        if stat.S_ISSOCK(mode):
            return HostPlace.SOCKET
        return HostPlace.FILE if stat.S_ISREG(mode) else HostPlace.OTHER

    def _places(self) -> tuple[str, ...]:
        """The directories of the engine's own storage."""
        if self._engine_places is None:
            store = self.store()
            places = (store.get(key, "") for key in ("graphRoot", "runRoot", "volumePath"))
            self._engine_places = tuple(place for place in places if place)
        return self._engine_places

    def store(self) -> Mapping[str, str]:
        """What Podman says of its storage: `graphRoot`, `volumePath`…"""
        store = self._changing.info().get("store") or {}
        return {key: str(value or "") for key, value in store.items()}


def pod_names(members: Sequence[ContainerFacts]) -> tuple[str, ...]:
    """The names of a pod and its members."""
    pod = members[0].pod or {}
    names = (
        str(pod.get("Name") or ""),
        *(name for facts in members for name in aliases(facts.spec)),
    )
    return tuple(dict.fromkeys(name for name in names if name))
