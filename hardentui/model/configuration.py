"""Configuration files as facts: whom a file belongs to, who can change it, and which value it sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from hardentui.model.known import Unreadable


class Missing(Struct, frozen=True):
    """Nothing is there. Not the same as a file that could not be read."""

    path: str


class Danger(Struct, frozen=True):
    """One spot where somebody else can change a file: `/etc/containers` `belongs to uid 1000`.

    Attributes:
        fix: the command that closes it, without the path: `chmod o-w`.
    """

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


class FileFact(Struct, frozen=True):
    """A file or folder and who can change it.

    Attributes:
        mode: permission bits, set-id and sticky bits included.
        kind: file, directory, socket or other.
        dangers: how somebody who is neither root nor the rightful owner can change it, the folders above it
            and the targets of symbolic links included.
        modified: seconds since the epoch.
    """

    path: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o644
    kind: str = "file"
    dangers: tuple[Danger, ...] = ()
    modified: float = 0.0

    @property
    def octal(self) -> str:
        return f"{self.mode:04o}"


class Value(Struct, frozen=True):
    """A value of a configuration file and the file that had the last word."""

    value: Any
    file: str


class Configuration(Struct, frozen=True):
    """An effective containers.conf or storage.conf.

    Attributes:
        values: dotted name (`containers.privileged`) -> value.
        files: what was read, in this order.
        faults: file -> that it could not be read or understood, and why; the values are then incomplete.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """The value, or None when no file sets it."""
        setting = self.values.get(name)
        return None if setting is None else setting.value

    def file_of(self, name: str) -> str:
        """The file that sets it; empty when none does."""
        setting = self.values.get(name)
        return "" if setting is None else setting.file

    @property
    def fault(self) -> Unreadable | None:
        """Why the values are incomplete; None when they are not."""
        if not self.faults:
            return None
        return Unreadable("; ".join(self.faults.values()))
