"""Pack dist/hardentui.pyz: HardenTUI with every dependency, for several Pythons and processors.

A compiled module has the version of Python and the processor in its name, so several lie side by side.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PROCESSORS = ("x86_64", "aarch64")
COMPILED = "msgspec"
"""The other dependencies are pure Python, or work without their compiled parts."""

TARGET = Path("dist/hardentui.pyz")

# before the archive: the newest Python that fits, also where python3 is an older one (SLES: 3.6)
_HEAD = """#!/bin/sh
for python in python3 {newest_first}; do
    if "$python" -c 'import sys; sys.exit(not ({first} <= sys.version_info[:2] <= {last}))' 2>/dev/null; then
        exec "$python" "$0" "$@"
    fi
done
echo "hardentui: this file needs Python {pythons}, and none of them is installed." >&2
exit 1
"""
# for whoever starts it with a Python by name; in words that Python 3.4 reads
_MAIN = """import os, sys
if not ({first} <= sys.version_info[:2] <= {last}):
    sys.exit("hardentui: this file needs Python {pythons}; this is Python %d.%d." % sys.version_info[:2])
if os.uname().machine not in {processors}:
    sys.exit("hardentui: this file runs on {words}; this machine is %s." % os.uname().machine)
from _bootstrap import bootstrap
bootstrap()
"""


def main() -> None:
    """Build it, and print its path."""
    TARGET.parent.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="hardentui-pack-") as directory:
        site = Path(directory, "site")
        _pip("install", "--target", str(site), "--constraint", "constraints.txt", ".[web]")
        for python in PYTHONS:
            for processor in PROCESSORS:
                _add_compiled(site, Path(directory, python, processor), python, processor)
        _remove_what_fits_one_machine(site)
        packed = Path(directory, "packed.pyz")
        _run(
            *("-m", "shiv", "--compressed", "--reproducible", "--console-script", "hardentui"),
            *("--site-packages", str(site), "--output-file", str(packed)),
        )
        _write(packed)
    print(TARGET)


def _add_compiled(site: Path, wheels: Path, python: str, processor: str) -> None:
    """The compiled modules for one Python and processor, beside those for the others."""
    platforms = [f"manylinux{version}_{processor}" for version in ("2014", "_2_17", "_2_28")]
    _pip(
        *("download", "--no-deps", "--only-binary=:all:", "--python-version", python, "--dest", str(wheels)),
        *(word for platform in platforms for word in ("--platform", platform)),
        *("--constraint", "constraints.txt", COMPILED),
    )
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".so"):
                    archive.extract(name, site)


def _remove_what_fits_one_machine(site: Path) -> None:
    """Compiled parts that are there for this machine's Python only; the pure ones serve everywhere."""
    parts = [
        path for path in site.rglob("*.so") if path.relative_to(site).parts[0] not in ("msgspec", "yaml")
    ]
    for path in parts:
        path.unlink()


def _write(packed: Path) -> None:
    """The archive of shiv with our own beginning."""
    words = {
        "pythons": f"{PYTHONS[0]} to {PYTHONS[-1]}",
        "first": _numbers(PYTHONS[0]),
        "last": _numbers(PYTHONS[-1]),
        "newest_first": " ".join(f"python{python}" for python in reversed(PYTHONS)),
        "processors": PROCESSORS,
        "words": " and ".join(PROCESSORS),
    }
    with TARGET.open("wb") as out:
        out.write(_HEAD.format(**words).encode())
        with zipfile.ZipFile(packed) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
            for entry in source.infolist():
                content = source.read(entry)
                target.writestr(entry, _MAIN.format(**words) if entry.filename == "__main__.py" else content)
    TARGET.chmod(0o755)


def _numbers(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


def _pip(*words: str) -> None:
    _run("-m", "pip", *words, "--quiet", "--disable-pip-version-check")


def _run(*words: str) -> None:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words[:3])} failed:\n{(done.stdout + done.stderr)[-2000:]}")


if __name__ == "__main__":
    main()
