"""What an attacker gets by a failing check, in how many steps, and where they stand.

A severity is nothing else than that: the worst of its gain, less one for each further step. No
check declares one beside it.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct

from hardentui.model.severity import Severity


class Gain(IntEnum):
    """What a failing check gives an attacker; ordered, so that max() gives the worst."""

    ITSELF = 0
    RATED = 1
    DISTURBANCE = 2
    PERSISTENCE = 3
    ENTRY = 4
    NETWORK = 5
    SECRETS = 6
    OTHERS_DATA = 7
    HOST_ROOT = 8
    HOST = 9

    @property
    def words(self) -> str:
        """As the object of "gives"."""
        return _WORDS[self]

    @property
    def at_once(self) -> Gained:
        """Whoever is inside has it."""
        return Gained(self)

    def after(
        self,
        steps: int,
        origin: Origin | None = None,
    ) -> Gained:
        """An attacker has it after so many further ordinary steps."""
        return Gained(self, steps, origin or Origin.INSIDE)


_WORDS = {
    Gain.ITSELF: "only the container itself",
    Gain.RATED: "what a rule forbids",
    Gain.DISTURBANCE: "a way to disturb others",
    Gain.PERSISTENCE: "a way to stay in the container",
    Gain.ENTRY: "a way into the container",
    Gain.NETWORK: "the network of others",
    Gain.SECRETS: "secrets",
    Gain.OTHERS_DATA: "data of others",
    Gain.HOST_ROOT: "root on the host",
    Gain.HOST: "control of the host",
}
_AT_ONCE = {
    Gain.ITSELF: Severity.MEDIUM,
    Gain.RATED: Severity.CRITICAL,
    Gain.DISTURBANCE: Severity.MEDIUM,
    Gain.PERSISTENCE: Severity.MEDIUM,
    Gain.ENTRY: Severity.CRITICAL,
    Gain.NETWORK: Severity.HIGH,
    Gain.SECRETS: Severity.HIGH,
    Gain.OTHERS_DATA: Severity.CRITICAL,
    Gain.HOST_ROOT: Severity.CRITICAL,
    Gain.HOST: Severity.CRITICAL,
}
"""The severity of what an attacker has without a further step."""
_LEAST = Severity.CRITICAL - Severity.LOW
"""After so many steps everything is low."""
_AFTER_STEPS = {
    gain: tuple(severity.shifted(-steps) for steps in range(_LEAST + 1))
    for gain, severity in _AT_ONCE.items()
}


class Origin(StrEnum):
    """Where an attacker stands who gets it."""

    INSIDE = "inside the container"
    NETWORK = "on the network"
    ACCOUNT = "in another account of the host"
    IMAGE = "at the image's source"
    DEFAULT = "inside a container that is started later"


class Reach(IntEnum):
    """From where a container can be reached; ordered."""

    NOWHERE = 0
    CONTAINERS = 1
    THIS_HOST = 2
    ONE_ADDRESS = 3
    EVERYWHERE = 4


class Gained(Struct, frozen=True):
    """What an attacker gets, in how many steps, from where."""

    gain: Gain
    steps: int = 0  # further ordinary steps that it takes: 0 = it is there at once
    origin: Origin = Origin.INSIDE

    @property
    def severity(self) -> Severity:
        return _AFTER_STEPS[self.gain][min(self.steps, _LEAST)]

    @property
    def rank(self) -> tuple[bool, Severity, Gain]:
        """The worse one is greater: the host in hand, then the severity, then what it is."""
        return self.takes_over, self.severity, self.gain

    @property
    def is_host(self) -> bool:
        """Whether it leads an intruder to the host, in whatever form."""
        return self.gain >= Gain.HOST_ROOT and self.origin is Origin.INSIDE

    @property
    def takes_over(self) -> bool:
        """Whether whoever is inside has the host, without a further step."""
        return self.is_host and self.steps == 0

    def later(self, steps: int = 1) -> Gained:
        """The same, after further steps."""
        if not steps:
            return self
        return Gained(self.gain, self.steps + steps, self.origin)


def rated(severity: Severity) -> Gained:
    """What somebody else rates so: a rule of the site, an advisory, a scanner."""
    return Gain.RATED.after(Severity.CRITICAL - severity)
