"""How bad a failing check is."""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """The severity of a failing check; ordered, so that max() gives the worst."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return _WORDS[self]

    def shifted(self, steps: int) -> Severity:
        """One or more steps up or down, never beyond critical and low."""
        return Severity(min(Severity.CRITICAL, max(Severity.LOW, self + steps)))

    @classmethod
    def parse(cls, word: str) -> Severity:
        """Raises KeyError if the word is not a severity."""
        return cls[word.upper()]


_WORDS = {severity: severity.name.lower() for severity in Severity}
