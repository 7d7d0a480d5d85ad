"""The compiled modules of a package in one file, so that a start opens one file and not three hundred.

For each module Python looks through folders, compares times, opens a file of `__pycache__` and reads it: a
tenth of the time of a check. The bundle lies beside those files and is one more cache like them: whoever may
write there makes it, and a module counts only while its source is as old and as long as it was then. What is
not in the bundle, or no longer right in it, Python imports in its own way.
"""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Kept = tuple[str, int, int, int, int]
"""Of a module: its source's path below the package, size and time (bytes, ns); start and end of its code."""
_LENGTH = 8


class Bundle:
    """A finder for `sys.meta_path`.

    Args:
        package: name of the package.
        folder: where its `__init__.py` is.
        version: of the package; the files of two versions may be equally old, as archives are unpacked.
    """

    def __init__(self, package: str, folder: str, version: str) -> None:
        self._inside = f"{package}."
        self._folder = folder
        self._file = os.path.join(folder, "__pycache__", f"{package}.{sys.implementation.cache_tag}.bundle")
        self._made_for = (sys.hexversion, sys.flags.optimize, folder, version)
        self._kept: dict[str, Kept] = {}
        self._codes = memoryview(b"")
        with suppress(OSError, ValueError, EOFError, TypeError), open(self._file, "rb") as file:
            self._read(memoryview(file.read()))

    def _read(self, content: memoryview) -> None:
        """The length of the index, the index, and after it the codes, of which many are never looked at."""
        start = _LENGTH + int.from_bytes(content[:_LENGTH], "big")
        made_for, size, kept = marshal.loads(content[_LENGTH:start])  # noqa: S302 - a cache of Python's own kind
        if made_for == self._made_for and size == len(content) - start:
            self._kept = {name: one for name, one in kept.items() if self._is_current(one)}
            self._codes = content[start:]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """The module from the bundle, as Python's own finder would give it; None = it is not there."""
        kept = self._kept.get(name)
        if kept is None:
            return None
        path, _, _, start, end = kept
        source = f"{self._folder}/{path}"
        is_package = path.endswith("__init__.py")
        spec = ModuleSpec(
            name, _Loader(name, source, self._codes[start:end]), origin=source, is_package=is_package
        )
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(os.path.dirname(source))
        return spec

    def keep(self) -> None:
        """Put into it what this process had to import without it, where Python keeps its own caches."""
        loaded = [one for name, one in list(sys.modules.items()) if name.startswith(self._inside)]
        specs = [one.__spec__ for one in loaded if one.__spec__ and one.__name__ != __name__]
        specs = [one for one in specs if type(one.loader) is SourceFileLoader]
        if not specs or sys.dont_write_bytecode or not os.access(os.path.dirname(self._file), os.W_OK):
            return
        draft = f"{self._file}.{os.getpid()}"
        with suppress(OSError, ImportError, ValueError, KeyboardInterrupt):
            try:
                with open(draft, "xb") as file:
                    file.write(self._with(specs))
                os.replace(draft, self._file)
            finally:
                os.unlink(draft)  # where it is still there

    def _is_current(self, kept: Kept) -> bool:
        """Asked of all at once, before other threads wait for a turn at each look at a file."""
        try:
            now = os.stat(f"{self._folder}/{kept[0]}")
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == kept[1:3]

    def _with(self, specs: Sequence[ModuleSpec]) -> bytes:
        """The content of a bundle that has these modules too."""
        kept: dict[str, Kept] = {}
        codes = bytearray()
        for name, (path, size, time, start, end) in self._kept.items():
            kept[name] = path, size, time, len(codes), len(codes) + end - start
            codes += self._codes[start:end]
        for spec in specs:
            assert isinstance(spec.loader, SourceFileLoader)  # noqa: S101 - `keep` chose it so
            before = os.stat(spec.loader.path)
            code = marshal.dumps(spec.loader.get_code(spec.name))
            path = os.path.relpath(spec.loader.path, self._folder)
            kept[spec.name] = path, before.st_size, before.st_mtime_ns, len(codes), len(codes) + len(code)
            codes += code
        index = marshal.dumps((self._made_for, len(codes), kept))
        return len(index).to_bytes(_LENGTH, "big") + index + codes


class _Loader(SourceFileLoader):
    """Python's loader of a source file, with the code at hand."""

    def __init__(self, name: str, source: str, code: memoryview) -> None:
        super().__init__(name, source)
        self._code = code

    def exec_module(self, module: Any) -> None:
        module.__file__ = self.path
        exec(marshal.loads(self._code), module.__dict__)  # noqa: S102, S302 - as every import does
