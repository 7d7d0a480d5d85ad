"""The supported scanners, those on this host, and how to install one."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from hardentui.account import find_program
from hardentui.host.asker import Ask
from hardentui.images.inventory import read_inventory
from hardentui.model.image import Package, ScanReport, ScanSettings, Vulnerability
from hardentui.model.known import Known, Unread
from hardentui.scanners import grype, trivy
from hardentui.scanners.trivy import unique
from hardentui.visible import visible
from hardentui.words import plural

# debsecan: compares the packages of a Debian image with the data of Debian's security tracker.
#
# The image's package database is read here and passed on as a separate file; nothing of the image is run.
# Without a network it needs a mirror of the data (`--data file:///DIR`, one file for each suite).

NAME = "debsecan"
_SECONDS = 300.0
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~:-]*")
_ARCHITECTURE = re.compile(r"[a-z0-9-]*")
_CODENAME = re.compile(r"[a-z]+")
_HEAD = re.compile(r"(?P<id>[A-Z][A-Z0-9-]+)(?: \((?P<notes>[^()]*)\))?")
_URGENCIES = {"high urgency": "high", "medium urgency": "medium", "low urgency": "low"}
SETTINGS = "/etc/default/debsecan"
_SETTINGS_LIMIT = 1 << 16
_SOURCE = re.compile(r"^\s*SOURCE=(\S+)\s*$", re.MULTILINE)
_GAP = "only Debian packages were compared, not other files in the image"


def scan_debsecan(archive: str, ask: Ask, *, offline: bool, data: str = "") -> Known[ScanReport]:
    """Compare the packages of an image archive.

    Args:
        offline: take the data from a file only.
        data: address of a mirror of the data; empty = where debsecan's own settings say.
    """
    data = data or _configured_source()
    if offline and not data.startswith("file://"):
        return Unread("debsecan without a network needs a mirror of its data: --data file:///DIR")
    with open(archive, "rb") as file:
        inside = read_inventory(file)
    codename = inside.release.get("VERSION_CODENAME", "")
    if inside.release.get("ID") != "debian" or not _CODENAME.fullmatch(codename):
        name = visible(inside.release.get("ID") or "no distribution", 40)
        return Unread(f"debsecan knows only Debian releases, and this image contains {name}")
    stanzas = list(_stanzas(inside.installed))
    if not stanzas:
        return Unread("debsecan compared nothing: the image has no readable list of Debian packages")
    with tempfile.NamedTemporaryFile("w", prefix="hardentui-", suffix=".status", encoding="utf-8") as status:
        status.writelines(stanzas)
        status.flush()
        command = (NAME, "--suite", codename, "--format", "detail", "--status", status.name)
        answer = ask((*command, *(("--source", data) if data else ())), _SECONDS)
    if isinstance(answer, Unread):
        return answer
    now = datetime.now(UTC)
    missing = inside.packages.get("dpkg", 0) - len(stanzas)
    unread = (f"{plural(missing, 'package')} with a name or version unknown to dpkg",) * (missing > 0)
    gaps = (_GAP, *inside.gaps, *unread)
    return ScanReport(NAME, now, _date_of(data, codename, now), parse(answer), gaps=gaps)


def _configured_source() -> str:
    """The mirror in debsecan's own settings, whose date is the age of the data; else empty."""
    try:
        with open(SETTINGS, encoding="utf-8", errors="replace") as file:
            text = file.read(_SETTINGS_LIMIT)
    except OSError:
        return ""
    sources = _SOURCE.findall(text)
    return str(sources[-1]).strip('"') if sources else ""


def parse(output: str) -> tuple[Vulnerability, ...]:
    """The output of `debsecan --format detail`: a block for each vulnerability of each package."""
    return unique(_blocks(output.splitlines()))


def _blocks(lines: Iterable[str]) -> Iterator[Vulnerability]:
    name, notes = "", frozenset[str]()
    package, installed, fixed = "", "", ""
    for line in (*lines, ""):
        if not line:
            if name and package:
                severity = next((word for note, word in _URGENCIES.items() if note in notes), "unknown")
                repair = (fixed or "a newer version") if "fixed" in notes else ""
                yield Vulnerability(name, package, severity, repair, installed=installed)
            name, package, installed, fixed = "", "", "", ""
        elif not line.startswith(" "):
            head = _HEAD.fullmatch(line)
            name = head["id"] if head else ""
            notes = frozenset((head["notes"] or "").split(", ")) if head else frozenset()
        elif line.startswith("  installed: "):
            package, _, installed = line.removeprefix("  installed: ").partition(" ")
        elif line.startswith("  fixed on branch: "):
            fixed = line.removeprefix("  fixed on branch: ").split()[1]
        elif line.startswith("  fixed in unstable: ") and not fixed:
            fixed = line.removeprefix("  fixed in unstable: ").split()[1]


def _stanzas(packages: Iterable[Package]) -> Iterator[str]:
    """A dpkg status file of the packages whose fields dpkg would accept; debsecan fails on others."""
    for package in packages:
        source = package.source or package.name
        plain = package.kind == "deb" and _NAME.fullmatch(package.name) and _NAME.fullmatch(source)
        if (
            not plain
            or not _VERSION.fullmatch(package.version)
            or not _ARCHITECTURE.fullmatch(package.architecture)
        ):
            continue
        built_from = package.source_version if _VERSION.fullmatch(package.source_version) else ""
        yield (
            f"Package: {package.name}\nStatus: install ok installed\nArchitecture: {package.architecture}\n"
            f"Source: {source}{f' ({built_from})' if built_from else ''}\nVersion: {package.version}\n\n"
        )


def _date_of(data: str, codename: str, now: datetime) -> datetime:
    """The date of a mirror's file; else the data was just fetched."""
    if not data.startswith("file://"):
        return now
    path = os.path.join(unquote(urlsplit(data).path), codename)
    return datetime.fromtimestamp(os.stat(path).st_mtime, UTC)


class Scanner(Struct, frozen=True):
    """A scanner that reads an image archive.

    Attributes:
        name: also of the program.
        scan: (archive, ask, settings) -> report.
        get: commands that install it.
    """

    name: str
    scan: Callable[[str, Ask, ScanSettings], Known[ScanReport]]
    get: tuple[str, ...]


SCANNERS = (
    Scanner(
        trivy.NAME,
        lambda archive, ask, how: trivy.scan(archive, ask, offline=how.offline),
        (
            "sudo zypper install trivy  # openSUSE",
            "# Trivy elsewhere: https://trivy.dev/latest/getting-started/installation/",
        ),
    ),
    Scanner(
        grype.NAME,
        lambda archive, ask, how: grype.scan(archive, ask, offline=how.offline),
        ("# Grype: https://github.com/anchore/grype/releases",),
    ),
    Scanner(
        NAME,
        lambda archive, ask, how: scan_debsecan(archive, ask, offline=how.offline, data=how.data),
        ("sudo apt-get install debsecan  # for images of Debian only",),
    ),
)
"""The default scanner comes first."""


def present(scanners: Iterable[Scanner] = SCANNERS) -> tuple[Scanner, ...]:
    """Those whose program is on this host's path."""
    return tuple(scanner for scanner in scanners if find_program(scanner.name))


def how_to_get() -> str:
    """The commands that install a scanner, one per line."""
    return "\n".join(command for scanner in SCANNERS for command in scanner.get)
