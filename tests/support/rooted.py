"""A directory as if it were the root of the file system."""

import struct
from pathlib import Path

from hardentui.host.files import DEFAULT_LIMIT, FileStat, LocalFiles


class Rooted(LocalFiles):
    """The files below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str) -> Path:
        """Write a file, with the directories above it."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(
            parents=True,
            exist_ok=True,
        )
        place.write_text(
            text,
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        )
        return place

    def _at(self, path: str) -> str:
        return str(self.root / path.lstrip("/"))

    def read_bytes(
        self,
        path: str,
        limit: int = DEFAULT_LIMIT,
    ) -> bytes:
        return super().read_bytes(self._at(path), limit)

    def read_link(self, path: str) -> str:
        return super().read_link(self._at(path))

    def list_dir(self, path: str) -> tuple[str, ...]:
        return super().list_dir(self._at(path))

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat:
        return super().stat(self._at(path), follow)

    def read_attribute(self, path: str, name: str) -> bytes:
        return super().read_attribute(self._at(path), name)


def acl_bytes(*rows: tuple[int, int, int]) -> bytes:
    """The value of `system.posix_acl_access`: (tag, rights, number) of each entry, as acl(5) has
    them."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *row) for row in sorted(rows))
