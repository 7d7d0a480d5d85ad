"""Podman versions, which determine what can be written."""

from __future__ import annotations

import re

from msgspec import Struct


class Version(Struct, frozen=True, order=True):
    """A version of Podman; later ones are greater."""

    major: int
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `5.4`, `5.4.2`, `v6.0.0-rc1`.

        Raises:
            ValueError: the text does not begin with a version.
        """
        match = re.match(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", text.strip())
        if not match:
            raise ValueError(f"{text!r} is not a version such as 5.4")
        return cls(*(int(part or 0) for part in match.groups()))


NEWEST_KNOWN = Version(6, 1)


OLDEST_WITH_QUADLET = Version(4, 4)
