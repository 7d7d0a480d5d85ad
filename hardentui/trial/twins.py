"""Twins: throw-away copies of containers, made harmless, and their operations in a trial."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.ownership import owner_label
from hardentui.errors import EngineError
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Spec
from hardentui.options import NAME
from hardentui.readiness.probes import ProbeResult, in_network_of, run_probe
from hardentui.trial.harmless import Harmless, HostPlace, Role, aliases, harmless
from hardentui.trial.leftovers import TRIAL_LABEL
from hardentui.writers.pod import part_word, pod_parts

_POD_FLAGS_DROPPED = frozenset(
    {"--name", "--network", "--network-alias", "--publish", "--ip", "--ip6", "--mac-address", "--label"}
    | {"--exit-policy", "--restart", "--volume", "--infra-name", "--infra-conmon-pidfile", "--pod-id-file"}
)
_COLOR = re.compile(r"\x1b\[[0-9;:?!]*[A-Za-z]")


class Twin:
    """One container of a trial.

    Attributes:
        id: of the container.
        lacks: what it lacks compared with the original.
    """

    def __init__(self, changing: ChangingEngine, identity: str, name: str, lacks: tuple[str, ...]) -> None:
        self._containers = changing.containers
        self.id = identity
        self.name = name
        self.lacks = lacks

    def document(self) -> Mapping[str, Any]:
        return self._containers.inspect(self.id)

    def init(self) -> int:
        """Create its main process without running it yet; returns its pid."""
        return self._containers.init(self.id)

    def start(self) -> None:
        self._containers.start(self.id)

    @property
    def pid(self) -> int:
        return int((self.document().get("State") or {}).get("Pid") or 0)

    @property
    def address(self) -> str:
        """Its address in the trial's network; loopback if it has none."""
        return next(iter(self.addresses), "127.0.0.1")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its IPv4 address in each network of the trial."""
        networks = (self.document().get("NetworkSettings") or {}).get("Networks") or {}
        addresses = (
            str(network.get("IPAddress") or "") for network in networks.values() if isinstance(network, dict)
        )
        return tuple(address for address in addresses if address)

    def log(self) -> str:
        """The last lines of its log, without colour codes; else the reason why there are none."""
        try:
            return _COLOR.sub("", self._containers.logs(self.id))
        except EngineError as error:
            return f"({error.title})"

    def run_probe(self, command: str, seconds: float) -> ProbeResult:
        pid = self.pid
        if not pid:
            return ProbeResult(command, "the twin does not run")
        return run_probe(command, seconds, address=self.address, name=self.name, inside=in_network_of(pid))


class TwinMaker:
    """Creates the twins of one trial, labelled with its number.

    Args:
        files: this machine's; None when the engine runs on another one.
    """

    def __init__(self, changing: ChangingEngine, files: Files | None) -> None:
        self.number = secrets.token_hex(4)
        self._changing = changing
        self._files = files

    @property
    def marks(self) -> dict[str, str]:
        """The labels of networks and volumes of this trial."""
        return {TRIAL_LABEL: self.number, **dict([owner_label().split("=", 1)])}

    def labels(self, spec: Spec) -> tuple[str, ...]:
        """The labels of a twin."""
        return (f"{TRIAL_LABEL}={self.number}", f"{TRIAL_LABEL}.of={spec[NAME]}", owner_label())

    def create(self, spec: Spec, facts: ContainerFacts, role: Role) -> Twin:
        """A twin with copies of its volumes; it is not started.

        Raises:
            ChangeFailed: Podman cannot create it.
        """
        made = harmless(spec, facts, role, self._place_of)
        lacks = (*made.lacks, *self._copy(made, facts))
        created = self._changing.containers.create(made.spec, facts.engine.version)
        return Twin(self._changing, created, role.name, lacks)

    def create_pod(self, name: str, members: Sequence[ContainerFacts], networks: Sequence[str]) -> None:
        """A pod like that of these containers, for their twins, on networks of the trial.

        Raises:
            ChangeFailed: Podman does not make it.
        """
        pod = members[0].pod or {}
        words = ["pod", "create", f"--name={name}"]
        words += [f"--label={key}={value}" for key, value in self.marks.items()]
        called = (str(pod.get("Name") or ""), *(alias for facts in members for alias in aliases(facts.spec)))
        names = ",".join(f"alias={alias}" for alias in dict.fromkeys(called) if alias)
        words += [f"--network={network}:{names}" for network in networks]
        for part in pod_parts(pod, members[0].engine.default_network):
            if part.flag not in _POD_FLAGS_DROPPED:
                words.append(part_word(part))
        self._changing.pods.create_by_command(words)

    def remove(self, twin: Twin) -> None:
        self._changing.containers.remove(twin.id, force=True, volumes=True)
        for name in self._changing.volumes.labelled(f"{TRIAL_LABEL}={self.number}"):
            if name.startswith(f"{twin.name}-"):
                self._changing.volumes.remove(name)

    def _copy(self, made: Harmless, facts: ContainerFacts) -> tuple[str, ...]:
        """What could not be copied."""
        lacks = []
        for copy in made.copies:
            self._changing.volumes.create(copy.name, labels=self.marks)
            if copy.source:
                image = str(facts.inspect.get("Image") or "")
                if self._changing.volumes.copy(copy.source, copy.name, image):
                    lacks.append(f"what the engine's user may not read in {copy.source}")
        return tuple(lacks)

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
            return HostPlace.DIRECTORY
        return HostPlace.SOCKET if stat.S_ISSOCK(mode) else HostPlace.FILE
