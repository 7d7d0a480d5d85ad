"""Search paths of service managers and Quadlet for units and drop-ins, as names only. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_NAME = re.compile(r"(?![-.])[A-Za-z0-9:_.\\@-]{1,240}\.service")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")


class ServiceManager(Struct, frozen=True):
    """A service manager: the system's, or that of a user."""

    rootless: bool
    home: str = "/root"  # of the user; root's own for the system
    uid: int = 0
    config: str = ""  # $XDG_CONFIG_HOME of the user; empty = `.config` in the home

    @property
    def runtime(self) -> str:
        return f"/run/user/{self.uid}" if self.rootless else "/run"

    @property
    def _config(self) -> str:
        return self.config or f"{self.home}/.config"

    @property
    def containers_directory(self) -> str:
        """Where its configuration of containers lies; units are in `systemd` below it."""
        return f"{self._config}/containers" if self.rootless else "/etc/containers"

    @property
    def quadlet_directories(self) -> tuple[str, ...]:
        """Search path of Quadlet; the first place wins."""
        if not self.rootless:
            return (
                "/run/containers/systemd",
                "/etc/containers/systemd",
                "/usr/share/containers/systemd",
            )
        everybody = [
            f"{place}/containers/systemd/users{own}"
            for place in ("/etc", "/usr/share")
            for own in (f"/{self.uid}", "")
        ]
        return (
            f"{self.runtime}/containers/systemd",
            f"{self._config}/containers/systemd",
            *everybody,
        )

    @property
    def unit_directories(self) -> tuple[str, ...]:
        """Search path of unit files that override generated ones."""
        if self.rootless:
            return (
                f"{self._config}/systemd/user",
                "/etc/systemd/user",
                f"{self.runtime}/systemd/user",
            )
        return ("/etc/systemd/system", "/run/systemd/system")

    @property
    def late_unit_directories(self) -> tuple[str, ...]:
        """Search path of unit files that generated ones override."""
        if self.rootless:
            return (
                f"{self.home}/.local/share/systemd/user",
                "/usr/local/lib/systemd/user",
                "/usr/lib/systemd/user",
            )
        return ("/usr/local/lib/systemd/system", "/usr/lib/systemd/system")

    def generated(self, name: str) -> str:
        """Where the generator writes a service."""
        return f"{self.runtime}/systemd/generator/{name}"

    def specifiers(self, unit: str) -> dict[str, str]:
        """Letter -> value of `%n`, `%h` and so on, as far as known."""
        stem = unit.removesuffix(".service")
        prefix, _, instance = stem.partition("@")
        values = {
            "n": unit,
            "N": stem,
            "p": prefix,
            "i": instance,
            "j": prefix.rpartition("-")[2],
        }
        values |= {"P": unescaped(prefix), "I": unescaped(instance)}
        values |= {"t": self.runtime, "h": self.home, "U": str(self.uid)}
        return values if self.rootless else {**values, "u": "root"}


def unescaped(text: str) -> str:
    """A part of a unit's name unescaped, as in `%P` and `%I`: `-` is a slash, `\\xNN` a character."""
    return _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)),
        text.replace("-", "/"),
    )


def is_service_name(name: str) -> bool:
    """Whether a label can be the name of a service. It comes from the container, so it is
    untrusted."""
    return _NAME.fullmatch(name) is not None


def names_with_template(name: str) -> tuple[str, ...]:
    """`web@1.service`, then `web@.service`."""
    stem, _, suffix = name.rpartition(".")
    prefix, at, _ = stem.partition("@")
    return (name, f"{prefix}@.{suffix}") if at else (name,)


def drop_in_directories(name: str, kind: str) -> Iterator[str]:
    """`web-1.container` -> `web-1.container.d`, `web-.container.d`, `container.d`."""
    for candidate in names_with_template(name):
        yield f"{candidate}.d"
    stem = name.removesuffix(f".{kind}").partition("@")[0]
    parts = stem.split("-")
    for count in range(len(parts) - 1, 0, -1):
        yield f"{'-'.join(parts[:count])}-.{kind}.d"
    yield f"{kind}.d"
