"""What a flavour is: how it is made, and what is known to be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ROOTFUL, ROOTLESS = "rootful", "rootless"
BOTH = (ROOTFUL, ROOTLESS)
LIMITS = frozenset({"no-memory-limit", "no-cpu-limit", "no-pids-limit"})
"""Podman ignores limits of rootless containers on cgroup v1: all are bad there, whatever was asked
for."""
KERNEL_DOORS = frozenset({"open-socket-families", "nested-user-namespaces"})
"""What Podman's own seccomp profile leaves open: bad wherever a container was started with it."""
RUNNING, CREATED, EXITED = "running", "created", "exited"


class Place(NamedTuple):
    """Where flavours are made: what their arguments may depend on.

    Attributes:
        engine: ROOTFUL or ROOTLESS.
        number: differs from flavour to flavour, so that their host ports do not clash (1 to 9000).
        directory: a directory of the host with things to mount: see `material`.
        socket: the engine's API socket.
        limits_hold: the engine can enforce resource limits (not so for rootless on cgroup v1).
    """

    engine: str
    number: int
    directory: str
    socket: str
    limits_hold: bool

    @property
    def rootless(self) -> bool:
        return self.engine == ROOTLESS

    @property
    def address(self) -> str:
        """A loopback address of its own."""
        return f"127.0.{1 + self.number // 250}.{1 + self.number % 250}"


Arguments = Callable[[Place], tuple[str, ...]]
Body = Callable[[Place], dict[str, Any]]
Ids = frozenset[str]


@dataclass(frozen=True)
class Flavour:
    """One container of which the truth is known.

    Attributes:
        name: of the row; the container is called the same with a prefix.
        bad: ids of the checks that must fail; every other check must not fail (see `unknown`).
        arguments: options of `podman run` that are added to those of the base.
        without: parts of the hardened base that are left out (keys of `base.HARDENED`).
        bad_on: engine -> checks that must fail there besides `bad`.
        unknown: check -> why it cannot be told for this flavour.
        plain: nothing of the hardened base: Podman's own defaults.
        body: made through the API with this body instead of the command line.
        pod: options of the pod that is made for it; None for none. Its infra container is a row as
            well.
        free: checks that the machine decides for this flavour; nothing is asserted of them.
        after: podman commands once it is made; `{}` stands for the container.
        configured: its configuration decides, so on the rootless engine it is only created, to save
            time.
        infra_bad: what must fail on the infra container, on either engine.
        beside: command of a second member of the pod, made with the same options; none when empty.
        beside_bad: what must fail on that one, besides `bad_on`.
        probes: check -> what is tried besides `inside.SCRIPT`, as root of the container, in its own
            namespaces: (kind, path in it); see probes.py. What really works must be what `bad`
            says, or the flavour itself is wrong.
        tries: check -> a shell's command line that is run inside: it works exactly if the check
            must fail, else the flavour itself is wrong.
        then: a shell's command line outside, once it is made; `{directory}` stands for the
            directory of the place.
        override: file of the place's directory that CONTAINERS_CONF_OVERRIDE names while it is
            made.
        own_files: it has none of the programs that the tests put into their images, so that nothing
            is asked.
        closes: those of KERNEL_DOORS that are shut for it, or that its check leaves to another one.
    """

    name: str
    bad: Ids = frozenset()
    arguments: Arguments | tuple[str, ...] = ()
    without: Ids = frozenset()
    bad_on: Mapping[str, Ids] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    engines: tuple[str, ...] = BOTH
    state: str = RUNNING
    image: str = "localhost/truth-web:1.0"
    command: tuple[str, ...] = ("httpd", "-f", "-p", "8080")
    plain: bool = False
    body: Body | None = None
    pod: Callable[[Place], tuple[str, ...]] | None = None
    infra_bad: Ids = frozenset()
    beside: tuple[str, ...] = ()
    beside_bad: Ids = frozenset()
    configured: bool = False
    free: Ids = frozenset()
    after: tuple[tuple[str, ...], ...] = ()
    probes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tries: Mapping[str, str] = field(default_factory=dict)
    own_files: bool = False
    closes: Ids = frozenset()
    then: str = ""
    override: str = ""

    def options(self, place: Place) -> tuple[str, ...]:
        return self.arguments(place) if callable(self.arguments) else self.arguments

    def pod_options(self, place: Place) -> tuple[str, ...]:
        assert self.pod is not None
        return self.pod(place)

    def state_on(self, place: Place) -> str:
        return CREATED if self.configured and place.rootless else self.state

    def must_fail(self, place: Place) -> Ids:
        """What must fail there: the flavour's own conditions, and limits that the engine cannot
        enforce."""
        return self.bad | self._doors(place) | self._everywhere(place)

    def beside_must_fail(self, place: Place) -> Ids:
        return self.beside_bad | self._doors(place) | self._everywhere(place)

    def _doors(self, place: Place) -> Ids:
        started = self.state_on(place) != CREATED
        closed = self.closes | (
            ids("open-socket-families") if "seccomp-unconfined" in self.bad else ids("")
        )
        return KERNEL_DOORS - closed if started else frozenset()

    def _everywhere(self, place: Place) -> Ids:
        limits = frozenset[str]() if place.limits_hold else LIMITS
        return self.bad_on.get(place.engine, frozenset()) | limits


def ids(text: str) -> Ids:
    """`"privileged host-devices"` as a set."""
    return frozenset(text.split())
