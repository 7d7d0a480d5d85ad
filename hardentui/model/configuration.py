"""Configuration files as facts: who owns a file, who can change it, and which values it sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.model.known import Unread


class Missing(Struct, frozen=True):
    """The file does not exist, as opposed to one that could not be read."""

    path: str


class Danger(Struct, frozen=True):
    """One path where someone else can change a file: `/etc/containers` `belongs to uid 1000`."""

    path: str
    what: str
    fix: str  # the command that fixes it, without the path: `chmod o-w`
    everybody: bool = False

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


class FileFact(Struct, frozen=True):
    """A file or directory and who can change it."""

    path: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o644  # permission bits, including setuid, setgid and sticky
    kind: str = "file"  # file, directory, socket or other
    # how someone besides root and the rightful owner can change it, including through parent
    # directories and symbolic links
    dangers: tuple[Danger, ...] = ()
    modified: float = 0.0  # seconds since the epoch

    @property
    def octal(self) -> str:
        return f"{self.mode:04o}"


class Value(Struct, frozen=True):
    """An effective value and the file that sets it."""

    value: Any
    file: str


class Configuration(Struct, frozen=True):
    """An effective containers.conf or storage.conf."""

    # dotted name (`containers.privileged`) -> value
    values: Mapping[str, Value] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    # file -> why it could not be read or parsed; the values are incomplete then
    faults: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """The value, or None if no file sets it."""
        setting = self.values.get(name)
        return None if setting is None else setting.value

    def file_of(self, name: str) -> str:
        """The file that sets it; empty if none does."""
        setting = self.values.get(name)
        return "" if setting is None else setting.file

    @property
    def fault(self) -> Unread | None:
        """Why the values are incomplete; None if they are complete."""
        if not self.faults:
            return None
        return Unread("; ".join(self.faults.values()))
