"""The images of the labs, made of the host's static busybox: no registry is used."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile

from msgspec import Struct

from hardentui.account import find_program
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.shapes import LAB_LABEL
from hardentui.errors import ToolMissing

IMAGE = "localhost/hardentui-lab/shop"


MOVING = "latest"
VARIANTS = {
    "1.0": "a shop with a setuid program that its users do not need",
    "slim": "the same shop without setuid programs",
    MOVING: "the tag that moves with every push",
}


FLAG = "the flag: only root may read this"


_LINKS = (  # more readable than a list of names
    "awk cat chmod chown echo find grep head httpd id ls mkdir mount nc ps rm sh sleep tail test touch true "
    "umount unshare vi wget"
)


ACCOUNTS = {"root": "0", "shop": "1000"}
"""The accounts of the image, and their groups of the same name."""
_ACCOUNTS = "root::0:0:root:/root:/bin/sh\nshop:x:1000:1000:shop:/:/bin/sh\n"


_COMMAND = ("httpd", "-f", "-p", "8080", "-h", "/srv/www")


_INTERPRETER = 3  # type of the program header of dynamic programs only


class Recipe(Struct, frozen=True):
    """One variant: its tag, whether `su` has the setuid bit, and its page."""

    tag: str
    setuid: bool
    page: str


RECIPES = (
    Recipe("1.0", True, "Welcome to the shop."),
    Recipe("slim", False, "Welcome to the shop."),
    Recipe(
        MOVING,
        True,
        "Welcome to the shop, the newest.",
    ),
    Recipe(
        "pushed",
        True,
        "Welcome to somebody else's shop.",
    ),
)
"""`pushed` is what an attacker pushes under the tag `latest`."""


def image_of(learner: str, tag: str) -> str:
    """An image of a learner's labs."""
    return f"{IMAGE}-{learner}:{tag}" if learner else f"{IMAGE}:{tag}"


def prepare_images(engine: ChangingEngine, learner: str) -> None:
    """Create the images that a learner's labs lack.

    Raises:
        ToolMissing: this host has no static busybox.
    """
    missing = [
        recipe for recipe in RECIPES if not engine.images.exists(image_of(learner, recipe.tag))
    ]
    if not missing:
        return
    busybox = _busybox()
    with tempfile.TemporaryDirectory(prefix="hardentui-lab-") as directory:
        for recipe in missing:
            archive = os.path.join(directory, f"{recipe.tag}.tar")
            with open(archive, "wb") as file:
                file.write(_root(recipe, busybox))
            changes = (
                f"CMD {json.dumps(_COMMAND)}",
                f"LABEL {LAB_LABEL}=image",
                "EXPOSE 8080",
            )
            engine.images.import_archive(
                archive,
                image_of(learner, recipe.tag),
                changes,
            )


def _busybox() -> bytes:
    hint = "Install one (Debian and SUSE: busybox-static, Fedora: busybox), or learn with --demo."
    path = find_program("busybox", also="/usr/lib/busybox")
    if path is None:
        raise ToolMissing(
            "The labs need busybox, which this host does not have.",
            hint,
        )
    with open(path, "rb") as file:
        program = file.read()
    if _is_dynamic(program):
        raise ToolMissing(
            "The busybox of this host needs libraries, so the labs cannot use it.", hint
        )
    return program


def _is_dynamic(program: bytes) -> bool:
    """Whether a 64-bit ELF file names an interpreter (elf(5))."""
    if program[:5] != b"\x7fELF\x02":
        return True
    order = "little" if program[5] == 1 else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(program[at : at + size], order)  # type: ignore[arg-type]

    table, size, count = number(32, 8), number(54, 2), number(56, 2)
    return any(number(table + size * index, 4) == _INTERPRETER for index in range(count))


def _root(recipe: Recipe, busybox: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory, mode in (
            ("bin", 0o755),
            ("etc", 0o755),
            ("mnt", 0o755),
            ("root", 0o700),
            ("srv", 0o755),
            ("srv/www", 0o755),
            ("tmp", 0o1777),
            ("var", 0o755),
        ):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        _add(archive, "bin/busybox", busybox, 0o755)
        for name in _LINKS.split():
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        _add(
            archive,
            "bin/su",
            busybox,
            0o4755 if recipe.setuid else 0o755,
        )
        _add(archive, "etc/passwd", _ACCOUNTS.encode())
        _add(archive, "etc/group", b"root:x:0:\nshop:x:1000:\n")
        _add(
            archive,
            "root/flag",
            f"{FLAG}\n".encode(),
            0o600,
        )
        _add(
            archive,
            "srv/www/index.html",
            f"{recipe.page}\n".encode(),
        )
    return buffer.getvalue()


def _add(
    archive: tarfile.TarFile,
    path: str,
    content: bytes,
    mode: int = 0o644,
) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
