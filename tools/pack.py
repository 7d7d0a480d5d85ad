"""Pack HardenTUI with every dependency. usage: python -m tools.pack KIND… (a key of WAYS, or all)

Each package holds one *site*: HardenTUI and its dependencies in one directory. A compiled module
has the version of Python and the processor in its name, so those for several lie side by side, and
one package serves them all. Built twice from one commit, each file is the same, byte for byte.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement

from hardentui import __version__
from tools.collection import collection

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PROCESSORS = ("x86_64", "aarch64")
COMPILED = "msgspec"
"""The other dependencies are pure Python, or work without their compiled parts."""
NEITHER_CODE_NOR_DATA = (
    ".lock",
    "bin",
    "share",
    "*.dist-info/uv_*.json",
    "*.dist-info/direct_url.json",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
)
"""What pip adds: it names directories of this machine, or differs from one build to the next."""

# the newest Python that fits, also where python3 is an older one (SLES: 3.6); isolated (-I), so that
# no variable, current folder or package of a user runs code. Root takes the machine's Python.
_FIND_PYTHON = """#!/bin/sh
if [ "$(/usr/bin/id -u 2>/dev/null)" = 0 ]; then
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin
fi
umask 022
fits='import sys; sys.exit(not ({first} <= sys.version_info[:2] <= {last}))'
for python in python3 {newest_first}; do
    if "$python" -I -c "$fits" 2>/dev/null; then
        exec "$python" -I {what} "$@"
    fi
done
echo "hardentui: this {thing} needs Python {pythons}, and none of them is installed." >&2
exit 1
"""
# for whoever starts it with a Python by name; in words that Python 3.4 reads
_MAIN = """import os, sys
if not ({first} <= sys.version_info[:2] <= {last}):
    sys.exit("hardentui: this {thing} needs Python {pythons}; this is Python %d.%d." % sys.version_info[:2])
if os.uname().machine not in {processors}:
    sys.exit("hardentui: this {thing} runs on {words}; this machine is %s." % os.uname().machine)
"""
_SINGLE_FILE_MAIN = _MAIN + "from unpack import main\nmain()\n"
_PACKAGE_MAIN = _MAIN + "from hardentui.__main__ import command\ncommand()\n"


def single_file(site: Path, out: Path) -> Path:
    """`hardentui.pyz`: a shell script that finds Python, and behind it an archive for Python."""
    target = out / "hardentui.pyz"
    files = {
        f"site/{path.relative_to(site)}": path.read_bytes()
        for path in sorted(site.rglob("*"))
        if path.is_file()
    }
    files["site/__main__.py"] = _filled(_PACKAGE_MAIN, thing="file").encode()
    build = hashlib.sha256()
    for name, content in files.items():
        build.update(f"{name} {len(content)}\n".encode() + content)
    unpack = (ROOT / "packaging" / "unpack.py").read_text()
    files["unpack.py"] = unpack.replace(
        "@BUILD@", f"{__version__}-{build.hexdigest()[:16]}"
    ).encode()
    files["__main__.py"] = _filled(_SINGLE_FILE_MAIN, thing="file").encode()
    time = datetime.fromtimestamp(_epoch(), UTC).timetuple()[:6]
    with target.open("wb") as file:
        file.write(_filled(_FIND_PYTHON, thing="file", what='"$0"').encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name, time)
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
    target.chmod(0o755)
    return target


def deb(site: Path, out: Path) -> Path:
    """A Debian package for every processor and release that we know."""
    target = out / f"hardentui_{__version__}_all.deb"
    with TemporaryDirectory(prefix="hardentui-pack-") as directory:
        tree = Path(directory, "tree")
        _installed(
            site,
            tree,
            zsh="usr/share/zsh/vendor-completions",
        )
        control = tree / "DEBIAN"
        shutil.copytree(ROOT / "packaging" / "debian", control)
        text = (control / "control").read_text()
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
        (control / "control").write_text(
            text.replace("@VERSION@", __version__).replace("@SIZE@", str(size))
        )
        for script in ("postinst", "prerm"):
            (control / script).chmod(0o755)
        _freeze_times(tree)
        _run(
            "dpkg-deb",
            "--root-owner-group",
            "--build",
            str(tree),
            str(target),
        )
    return target


def rpm(site: Path, out: Path) -> Path:
    """An RPM for every processor, and for openSUSE, SLES, Fedora and their kin."""
    target = out / f"hardentui-{__version__}-1.noarch.rpm"
    with TemporaryDirectory(prefix="hardentui-pack-") as directory:
        top = Path(directory, "rpmbuild")
        tree = Path(directory, f"hardentui-{__version__}")
        _installed(
            site,
            tree,
            zsh="usr/share/zsh/site-functions",
        )
        _freeze_times(tree)
        (top / "SOURCES").mkdir(parents=True)
        _archive(
            tree,
            tree.name,
            top / "SOURCES" / f"{tree.name}.tar.gz",
        )
        defined = (
            f"_topdir {top}",
            f"version_ {__version__}",
            "_buildhost reproducible",
        )
        words = (
            "--with",
            "bundled",
            "-bb",
            "--target",
            "noarch",
            *(f"--define={each}" for each in defined),
        )
        _run(
            "rpmbuild",
            *words,
            str(ROOT / "packaging" / "hardentui.spec"),
        )
        shutil.copyfile(top / "RPMS" / "noarch" / target.name, target)
    return target


def wheel(site: Path, out: Path) -> Path:
    """Wheel and sdist: for PyPI and for distributions."""
    _run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--directory",
        str(out),
    )
    return out / f"hardentui-{__version__}-py3-none-any.whl"


def sbom(site: Path, out: Path) -> Path:
    """The parts of all packages, CycloneDX 1.6: each with its licence, the hashes of the archives
    that are accepted for it, and what it needs."""
    target = out / f"hardentui-{__version__}.cdx.json"
    parts = {_key(part.name): part for part in distributions(path=[str(site)])}
    pins = {_key(name): pin for name, pin in pinned().items()}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'pkg:pypi/hardentui@{__version__}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(_epoch(), UTC).isoformat(),
            "component": {**_component(parts["hardentui"], None), "type": "application"},
        },
        "components": [
            _component(part, pins[name]) for name, part in sorted(parts.items()) if name in pins
        ],
        "dependencies": [
            {
                "ref": _purl(part),
                "dependsOn": sorted(_purl(parts[need]) for need in _needs(part) & parts.keys()),
            }
            for _, part in sorted(parts.items())
        ],
    }
    target.write_text(json.dumps(document, indent=1))
    return target


def _component(part: Distribution, pin: Pin | None) -> dict[str, Any]:
    """Args: pin: None: it is our own."""
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(part),
        "name": part.name,
        "version": part.version,
        "purl": _purl(part),
        "licenses": [{"license": {"name": _licence(part)}}],
    }
    if pin is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": each} for each in pin.hashes]
    return component


def _licence(part: Distribution) -> str:
    """As the part says it, by the newest of the three ways to say it."""
    about = part.metadata
    classified = [
        each.rpartition(" :: ")[2]
        for each in about.get_all("Classifier") or ()
        if each.startswith("License ::")
    ]
    if "License-Expression" in about:
        return str(about["License-Expression"])
    if classified:
        return "; ".join(classified)
    return str(about["License"]).partition("\n")[0] if "License" in about else "unknown"


def _needs(part: Distribution) -> set[str]:
    """What it needs on this kind of machine."""
    extra = {"extra": ""}
    needs = map(Requirement, part.requires or ())
    return {_key(need.name) for need in needs if need.marker is None or need.marker.evaluate(extra)}


def _purl(part: Distribution) -> str:
    return f"pkg:pypi/{_key(part.name)}@{part.version}"


def _key(name: str) -> str:
    """A name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def image(site: Path, out: Path) -> Path:
    """What `podman build` makes an image of: a directory with Containerfile and files, and its
    archive."""
    target = out / "image"
    shutil.rmtree(target, ignore_errors=True)
    _installed(
        site,
        target,
        zsh="usr/share/zsh/site-functions",
    )
    shutil.copy(ROOT / "packaging" / "Containerfile", target)
    _freeze_times(target)
    _archive(
        target,
        ".",
        out / f"hardentui-{__version__}-image.tar.gz",
    )
    return target


def ansible(site: Path, out: Path) -> Path:
    """The Ansible collection, which calls what is on the host."""
    return collection(out, __version__, _epoch())


WAYS: dict[str, Callable[[Path, Path], Path]] = {
    "single-file": single_file,
    "deb": deb,
    "rpm": rpm,
    "image": image,
    "ansible": ansible,
    "sbom": sbom,
    "wheel": wheel,
}


def main(words: list[str]) -> None:
    """Build them, and print their paths."""
    if not words or not {*words} <= {*WAYS, "all"}:
        sys.exit(f"usage: python -m tools.pack {' | '.join((*WAYS, 'all'))}")
    for path in build(tuple(WAYS) if "all" in words else tuple(words), DIST):
        print(path.relative_to(ROOT))


def build(ways: tuple[str, ...], out: Path) -> list[Path]:
    """Args: ways: keys of WAYS. Returns what was built, in `out`."""
    os.umask(0o022)
    out.mkdir(parents=True, exist_ok=True)
    os.environ["SOURCE_DATE_EPOCH"] = str(_epoch())
    with TemporaryDirectory(prefix="hardentui-pack-") as directory:
        site = Path(directory, "site")
        make_site(site)
        return [WAYS[way](site, out) for way in ways]


def make_site(site: Path) -> None:
    """HardenTUI and its dependencies in one directory."""
    with TemporaryDirectory(prefix="hardentui-pack-") as directory, ThreadPoolExecutor(4) as pool:
        targets = [(python, processor) for python in PYTHONS for processor in PROCESSORS]
        compiled = [
            pool.submit(
                _compiled,
                Path(directory, *target),
                *target,
            )
            for target in targets
        ]
        _install(site, "--no-deps", *_pinned(Path(directory)))
        _install(site, "--no-deps", "--no-build-isolation", ".")
        # those for this machine's Python alone; their pure form serves everywhere
        for path in site.rglob("*.so"):
            path.unlink()
        for wheels in compiled:
            shutil.copytree(
                wheels.result(),
                site / COMPILED,
                dirs_exist_ok=True,
            )
    for pattern in NEITHER_CODE_NOR_DATA:
        for path in site.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _compiled(
    wheels: Path,
    python: str,
    processor: str,
) -> Path:
    """The module for one Python and processor; its compiled file has both in its name."""
    platform = f"{processor}-manylinux_2_28"
    words = ("--no-deps", "--python-version", python, "--python-platform", platform)
    wheels.mkdir(parents=True)
    _install(wheels, *words, *_pinned(wheels, COMPILED))
    return wheels / COMPILED


def _pinned(directory: Path, name: str = "") -> tuple[str, ...]:
    """Options that install what is pinned, or one of them, if its archive has a known hash.

    Args:
        directory: for the list.
    """
    pins = pinned()
    file = directory / "pinned.txt"
    file.write_text("\n".join(pins[each].text for each in ([name] if name else pins)))
    return "--require-hashes", "--requirements", str(file)


class Pin(NamedTuple):
    """A dependency: its only version, and the SHA-256 of every archive that is accepted for it."""

    version: str
    hashes: tuple[str, ...]
    text: str  # as pip reads it


def pinned(file: Path = ROOT / "packaging" / "requirements.txt") -> dict[str, Pin]:
    """What is installed, by name."""
    pins = {}
    for text in re.split(r"\n(?=\S)", file.read_text().strip()):
        name, version = text.split(maxsplit=1)[0].split("==")
        pins[name] = Pin(version, tuple(re.findall(r"sha256:([0-9a-f]{64})", text)), text)
    return pins


def _install(directory: Path, *words: str) -> None:
    options = (
        "--quiet",
        "--no-compile-bytecode",
        "--link-mode",
        "copy",
        "--python",
        sys.executable,
    )
    _run(
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        *options,
        *words,
        "--target",
        str(directory),
    )


def _installed(site: Path, tree: Path, zsh: str) -> None:
    """The files of a package: program, man page, completion, documents."""
    library = tree / "usr/lib/hardentui"
    shutil.copytree(site, library)
    (library / "__main__.py").write_text(_filled(_PACKAGE_MAIN, thing="package"))
    _put(
        tree / "usr/bin/hardentui",
        _filled(
            _FIND_PYTHON,
            thing="package",
            what="/usr/lib/hardentui",
        ).encode(),
    )
    (tree / "usr/bin/hardentui").chmod(0o755)
    page = (ROOT / "docs/man/hardentui.1").read_bytes()
    _put(
        tree / "usr/share/man/man1/hardentui.1.gz",
        gzip.compress(page, mtime=0),
    )
    from shtab import complete

    from hardentui.cli.parser import make_parser

    _put(
        tree / "usr/share/bash-completion/completions/hardentui",
        complete(make_parser(), "bash").encode(),
    )
    _put(tree / zsh / "_hardentui", complete(make_parser(), "zsh").encode())
    documents = tree / "usr/share/doc/hardentui"
    for name in ("README.md", "CHANGELOG.md", "SECURITY.md"):
        _put(documents / name, (ROOT / name).read_bytes())
    _put(documents / "copyright", (ROOT / "LICENSE").read_bytes())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(
        parents=True,
        exist_ok=True,
    )
    path.write_bytes(content)


def _freeze_times(tree: Path) -> None:
    """One time for all, and no rights that depend on this account's umask."""
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (_epoch(), _epoch()))


def _archive(
    tree: Path,
    name: str,
    target: Path,
) -> None:
    with (
        gzip.GzipFile(target, "wb", mtime=_epoch()) as packed,
        tarfile.open(
            fileobj=packed,
            mode="w",
            format=tarfile.GNU_FORMAT,
        ) as archive,
    ):
        archive.add(tree, name, filter=_of_root)


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _epoch() -> int:
    """The time that all files get, in seconds since 1970: that of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(done.stdout) if re.fullmatch(r"\d+\n", done.stdout) else 0


def _filled(text: str, **words: str) -> str:
    return text.format(
        pythons=f"{PYTHONS[0]} to {PYTHONS[-1]}",
        first=_numbers(PYTHONS[0]),
        last=_numbers(PYTHONS[-1]),
        newest_first=" ".join(f"python{python}" for python in reversed(PYTHONS)),
        processors=PROCESSORS,
        words=" and ".join(PROCESSORS),
        **words,
    )


def _numbers(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


def _run(*words: str) -> None:
    done = subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(words[:3])} failed:\n{(done.stdout + done.stderr)[-2000:]}")


if __name__ == "__main__":
    main(sys.argv[1:])
