"""The stage of a trial: its network, the twins of peers, copies of volumes, and one twin after the other."""

from __future__ import annotations

import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.change.ownership import owner_label
from hardentui.errors import EngineError
from hardentui.host.files.reader import Files
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Spec
from hardentui.options import NAME
from hardentui.readiness.expectation import Expectation, expectation
from hardentui.readiness.ports import ports_of
from hardentui.readiness.probes import ProbeResult, in_network_of, run_probe
from hardentui.readiness.wait import Readiness, Wait
from hardentui.trial.harmless import Harmless, HostPlace, Role, aliases, harmless, needs_network
from hardentui.trial.leftovers import TRIAL_LABEL, remove_trial
from hardentui.visible import visible
from hardentui.writers.pod import pod_parts

_COLOR = re.compile(r"\x1b\[[0-9;:?!]*[A-Za-z]")
_POD_FLAGS_DROPPED = frozenset(
    {"--name", "--network", "--network-alias", "--publish", "--ip", "--ip6", "--mac-address", "--label"}
    | {"--exit-policy", "--restart", "--volume", "--infra-name", "--infra-conmon-pidfile", "--pod-id-file"}
)


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
        """Create its main process without starting the program yet; returns its pid."""
        return self._containers.init(self.id)

    def start(self) -> None:
        self._containers.start(self.id)

    @property
    def pid(self) -> int:
        return int((self.document().get("State") or {}).get("Pid") or 0)

    @property
    def address(self) -> str:
        """Its address in the trial's network; its own if it is not in that network."""
        networks = (self.document().get("NetworkSettings") or {}).get("Networks") or {}
        addresses = [
            str(network.get("IPAddress") or "") for network in networks.values() if isinstance(network, dict)
        ]
        return next((address for address in addresses if address), "127.0.0.1")

    def log(self) -> str:
        """Its last lines, without colour codes; a reason if there are none."""
        try:
            return _COLOR.sub("", self._containers.logs(self.id))
        except EngineError as error:
            return f"({error.title})"

    def run_probe(self, command: str, seconds: float) -> ProbeResult:
        pid = self.pid
        if not pid:
            return ProbeResult(command, "the twin does not run")
        return run_probe(command, seconds, address=self.address, name=self.name, inside=in_network_of(pid))


class Stage:
    """Everything that one trial creates; `close` removes it all.

    Args:
        files: this machine's; None when the engine runs on another one.
        outside: the network has a route out.
        stop: ends every wait.
    """

    def __init__(
        self,
        changing: ChangingEngine,
        facts: ContainerFacts,
        *,
        files: Files | None,
        peers: Sequence[ContainerFacts] = (),
        members: Sequence[ContainerFacts] = (),
        outside: bool = False,
        patience: float,
        stop: threading.Event | None = None,
    ) -> None:
        self.changing = changing
        self.facts = facts
        self.files = files
        self.number = secrets.token_hex(4)
        self._peers = tuple(peers)
        self._members = tuple(members)
        self._outside = outside
        self._patience = patience
        self._stop = stop or threading.Event()
        self._made = 0
        self._network = ""
        self._pod = ""
        self._twins: dict[str, str] = {}
        self.lacks: tuple[str, ...] = ()

    def open(self) -> None:
        """Create the network, the pod, and the twins of peers and members, and wait until they are ready.

        Raises:
            EngineError: one of them cannot be created, or a peer does not become ready.
        """
        labels = {TRIAL_LABEL: self.number, **dict([owner_label().split("=", 1)])}
        everybody = (self.facts, *self._peers, *self._members)
        if any(needs_network(facts.spec) for facts in everybody) or self.facts.pod:
            self._network = self._name("network")
            self.changing.networks.create(self._network, internal=not self._outside, labels=labels)
        if self.facts.pod:
            self._pod = self._make_pod(self.facts.pod, [facts.spec for facts in (self.facts, *self._members)])
        for peer in self._peers:
            self._start_other(peer, pod="")
        for member in self._members:
            self._start_other(member, pod=self._pod)

    def close(self) -> None:
        """Remove everything that was created."""
        remove_trial(self.changing, self.number)

    @contextmanager
    def twin(self, spec: Spec, *, copy_volumes: bool = False, empty_volumes: bool = False) -> Iterator[Twin]:
        """A twin that was created and not started; it is removed at the end."""
        twin = self._create(
            spec, self.facts, self._pod, copy_volumes=copy_volumes, empty_volumes=empty_volumes
        )
        try:
            yield twin
        finally:
            self._remove(twin)

    def wait(
        self, twin: Twin, expected: Expectation, probes: Sequence[str] = (), *, ends_well: bool = False
    ) -> Readiness:
        """Wait until a started twin is ready; `ends_well`: or has exited with code 0."""
        return Wait(
            self.changing.containers,
            twin.id,
            expected,
            files=self.files,
            probes=probes,
            run_probe=twin.run_probe,
            stop=self._stop,
            ends_well=ends_well,
        ).outcome()

    def _create(
        self,
        spec: Spec,
        facts: ContainerFacts,
        pod: str,
        *,
        copy_volumes: bool,
        empty_volumes: bool = False,
    ) -> Twin:
        name = self._name()
        labels = (f"{TRIAL_LABEL}={self.number}", f"{TRIAL_LABEL}.of={spec[NAME]}", owner_label())
        role = Role(name, labels, self._network, pod, self._twins, copy_volumes, empty_volumes)
        made = harmless(spec, facts, role, self._place_of)
        self._copy(made, facts)
        return Twin(self.changing, self.changing.containers.create(made.spec), name, made.lacks)

    def _copy(self, made: Harmless, facts: ContainerFacts) -> None:
        labels = {TRIAL_LABEL: self.number, **dict([owner_label().split("=", 1)])}
        for copy in made.copies:
            owner = self.changing.volumes.ownership(copy.source) if copy.source else {}
            self.changing.volumes.create(copy.name, labels=labels, options=owner)
            if copy.source:
                image = str(facts.inspect.get("Image") or "")
                self.changing.volumes.copy(copy.source, copy.name, image)

    def _remove(self, twin: Twin) -> None:
        self.changing.containers.remove(twin.id, force=True, volumes=True)
        for name in self.changing.volumes.labelled(f"{TRIAL_LABEL}={self.number}"):
            if name.startswith(f"{twin.name}-"):
                self.changing.volumes.remove(name)

    def _start_other(self, facts: ContainerFacts, pod: str) -> None:
        """The unchanged twin of a container that the tried one needs."""
        twin = self._create(facts.spec, facts, pod, copy_volumes=False)
        self._twins[facts.name] = self._twins[facts.id] = twin.name
        twin.start()
        ports = ports_of(facts.kernel.listening) if hasattr(facts.kernel, "listening") else ()
        outcome = self.wait(twin, expectation(facts.inspect, ports, self._patience))
        if not outcome.ready:
            raise EngineError(
                f"The twin of {visible(facts.name, 80)} does not become ready: {outcome.why}.",
                visible(twin.log()[-600:], 600),
            )

    def _make_pod(self, pod: Mapping[str, Any], specs: Sequence[Spec]) -> str:
        name = self._name("pod")
        parts = pod_parts(pod, self.facts.engine.default_network)
        words = ["pod", "create", f"--name={name}", f"--label={TRIAL_LABEL}={self.number}"]
        words += [f"--label={owner_label()}"]
        names = dict.fromkeys(
            (str(pod.get("Name") or ""), *(alias for spec in specs for alias in aliases(spec)))
        )
        words.append(f"--network={self._network}:{','.join(f'alias={alias}' for alias in names if alias)}")
        for part in parts:
            if part.flag not in _POD_FLAGS_DROPPED:
                words.append(f"{part.flag}={part.value}" if part.value else part.flag)
        self.changing.pods.create_by_command(words)
        return name

    def _name(self, kind: str = "") -> str:
        self._made += 1
        return f"hardentui-trial-{self.number}-{kind or self._made}"

    def _place_of(self, path: str) -> HostPlace:
        if not path.startswith("/"):
            return HostPlace.FOLDER  # a volume
        if self.files is None:
            return HostPlace.OTHER
        try:
            mode = self.files.stat(os.path.normpath(path)).mode
        except OSError:
            return HostPlace.OTHER
        if stat.S_ISDIR(mode):
            return HostPlace.FOLDER
        return HostPlace.SOCKET if stat.S_ISSOCK(mode) else HostPlace.FILE
