"""What an intruder in a container gets, in how many steps, and from where they come."""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from hardentui.model.severity import Severity


class Gain(IntEnum):
    """What a failing check gives an intruder; ordered, so that max() gives the worst."""

    ITSELF = 0
    PERSISTENCE = 1
    NETWORK = 2
    SECRETS = 3
    OTHERS_DATA = 4
    HOST_ROOT = 5
    HOST = 6

    @property
    def words(self) -> str:
        """As the object of "gives"."""
        return _GAIN_WORDS[self]


_GAIN_WORDS = {
    Gain.ITSELF: "only the container itself",
    Gain.PERSISTENCE: "a way to stay in the container",
    Gain.NETWORK: "the network of others",
    Gain.SECRETS: "secrets",
    Gain.OTHERS_DATA: "data of others",
    Gain.HOST_ROOT: "root on the host",
    Gain.HOST: "control of the host",
}


class Reach(IntEnum):
    """From where a container can be reached; ordered."""

    NOWHERE = 0
    CONTAINERS = 1
    THIS_HOST = 2
    ONE_ADDRESS = 3
    EVERYWHERE = 4


class Gained(Struct, frozen=True, order=True):
    """The worst that an intruder in the container gets; the worse one is greater."""

    severity: Severity
    gain: Gain

    @property
    def steps(self) -> int:
        """How many further ordinary steps it takes: 0 = whoever is inside has it.

        A severity is defined by this number: high is one step, medium a missing layer more, low
        hygiene.
        """
        return Severity.CRITICAL - self.severity

    @property
    def is_host(self) -> bool:
        """Whether it is the host, in whatever form."""
        return self.gain >= Gain.HOST_ROOT

    @property
    def takes_over(self) -> bool:
        """Whether whoever is inside has the host, without a further step."""
        return self.is_host and self.steps == 0
