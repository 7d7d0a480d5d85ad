"""Scanning images for known vulnerabilities, and importing reports.

An image goes to a scanner as an archive from the engine, through a temporary file that is removed
afterwards. No scanner gets the socket: that would give it every right of the user behind it.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from hardentui import __version__
from hardentui.account import find_program, home
from hardentui.engine.read import Engine
from hardentui.errors import EngineError, InputError, ToolMissing, UsageError, WriteError
from hardentui.features.looking.judging import Parts
from hardentui.features.sections import size_text
from hardentui.files import write_bundle
from hardentui.host.asker import asker
from hardentui.host.commands import CANCELLED, Ask, not_installed
from hardentui.host.podman.trust import auth_paths
from hardentui.lib.image import ImageInventory, Package
from hardentui.lib.image.inventory import read_inventory
from hardentui.lib.image.languages import KINDS, NOT_LISTED
from hardentui.model.draft import TextFile, WrittenFile
from hardentui.model.facts import ImageFacts
from hardentui.model.image import RegistryDigest, ScanReport, ScanSettings
from hardentui.model.known import Known, Unread, known
from hardentui.model.trust import full_reference
from hardentui.reading.images import reference
from hardentui.regular_files import read_named
from hardentui.scanners import grype, trivy
from hardentui.scanners.stored import LARGEST, StoredScans, parse_report, subject_of
from hardentui.visible import visible

# The supported scanners, those on this host, and how to install one.


class Scanner(Struct, frozen=True):
    """A scanner that reads an image archive."""

    name: str  # also of the program
    # (archive, ask, settings) -> report
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
)
"""The default scanner comes first."""


def present() -> tuple[Scanner, ...]:
    """Those whose program is on this host's path."""
    return tuple(scanner for scanner in SCANNERS if find_program(scanner.name))


def commands_to_install() -> tuple[str, ...]:
    """The commands that install a scanner, if this host has none."""
    return () if present() else tuple(command for scanner in SCANNERS for command in scanner.get)


# The contents of an image, read through the engine without running it.


def look_into_image(
    parts: Parts,
    label: str,
    image: str,
    on_bytes: Callable[[int], None],
    stop: threading.Event,
) -> Known[ImageInventory]:
    """Inspect the contents of an image; blocking, about a second per 100 MB.

    Containers of this image are judged with it from their next check.

    Args:
        label: of its engine; `image`: its ID.
        on_bytes: called with the number of bytes read so far.
    """
    known = parts.inventories.known(image)
    if known is not None:
        return known
    read = _read_contents(
        parts.opened.engine(label),
        image,
        stop,
        on_bytes,
    )
    if isinstance(read, ImageInventory):
        parts.inventories.keep(image, read)
    parts.more_is_known(label, image)
    return read


def _read_contents(
    engine: Engine,
    image: str,
    stop: threading.Event,
    on_bytes: Callable[[int], None],
) -> Known[ImageInventory]:
    try:
        source = _Source(engine.archive(image, stop), on_bytes)
        inventory = read_inventory(source, stop.is_set)
    except EngineError as error:
        return Unread(f"the image could not be read: {error.title}")
    if stop.is_set():
        return Unread("the inspection of the image was stopped")
    return inventory


class _Source:
    """The chunks of an archive as a readable stream."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        on_bytes: Callable[[int], None],
    ) -> None:
        self._pieces = pieces
        self._rest = b""
        self._total = 0
        self._on_bytes = on_bytes

    def read(self, size: int, /) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
            self._total += len(self._rest)
            self._on_bytes(self._total)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


# SBOMs of images from their inventories, as text and as files.

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 150


def sbom_of(image: ImageFacts) -> str:
    """The SBOM of an inspected image, as CycloneDX JSON.

    Raises:
        UsageError: the image was not inspected.
    """
    inventory = known(lambda: image.inventory)
    if isinstance(inventory, Unread):
        raise UsageError(f"{visible(name_of(image), 100)} has no SBOM: {inventory.reason}.")
    return sbom(image, inventory, image.now)


def save_sboms(
    images: Iterable[ImageFacts],
    directory: str,
) -> tuple[WrittenFile, ...]:
    """Write `IMAGE.cdx.json` for each; previous files are kept as backups.

    Raises:
        UsageError: one of them was not inspected.
        WriteError: nothing was written.
    """
    files: dict[str, TextFile] = {}
    for image in images:
        name = _file_name(image)
        if name in files:
            name = f"{name}-{image.id.removeprefix('sha256:')[:12]}"
        files[name] = TextFile(
            f"{name}.cdx.json",
            sbom_of(image),
            0o644,
            of_root=True,
        )
    return write_bundle(
        directory,
        list(files.values()),
        create=True,
    )


def name_of(image: ImageFacts) -> str:
    """Its first name, else the beginning of its ID."""
    return image.names[0] if image.names else image.id.removeprefix("sha256:")[:12]


def _file_name(image: ImageFacts) -> str:
    return _NOT_IN_NAMES.sub("_", name_of(image)).lstrip(".-_")[:_LONGEST_NAME] or image.id[:12]


DEFAULT = ScanSettings()
_ROOM = 1.1  # an archive is slightly larger than its layers


class ScanProgress(Struct, frozen=True):
    """The current phase for one image: `fetching` with the bytes so far, or `scanning`."""

    phase: str
    bytes: int = 0


class Scanning:
    """Scans of images of the opened engines."""

    def __init__(self, parts: Parts) -> None:
        self._opened = parts.opened
        self._scanned = parts.more_is_known

    def scanner(self) -> Scanner:
        """The first scanner of this host.

        Raises:
            ToolMissing: there is none; says how to install one.
        """
        for scanner in present():
            return scanner
        raise ToolMissing(
            "There is no vulnerability scanner on this host, so nothing was scanned.",
            "\n".join(("To install one:", *commands_to_install())),
        )

    def scan(
        self,
        image: ImageFacts,
        scanner: Scanner,
        on_progress: Callable[[ScanProgress], None],
        stop: threading.Event,
        how: ScanSettings = DEFAULT,
    ) -> Known[ScanReport]:
        """Scan one image and store the report; blocking, a minute or more. `stop` cancels it."""
        if self._opened.state_directory is None:
            return Unread("the images do not belong to a real host")
        try:
            with self._archive(image, on_progress, stop) as archive:
                on_progress(ScanProgress("scanning"))
                report = scanner.scan(archive, asker(stop), how)
        except EngineError as error:
            return (
                CANCELLED
                if stop.is_set()
                else Unread(f"the image could not be read: {error.title}")
            )
        except OSError as error:
            return Unread(f"no archive of the image could be created: {error.strerror or error}")
        if isinstance(report, ScanReport):
            try:
                self._keep(image, report)
            except WriteError as error:
                return Unread(error.title)
        return report

    def import_report(
        self,
        path: str,
        images: Iterable[ImageFacts],
    ) -> tuple[ImageFacts, ScanReport]:
        """Store a report of Trivy, Grype, Quay or Clair.

        Raises:
            InputError: it cannot be read, or is about none of these images.
        """
        document, modified = _read(path)
        report = parse_report(document, modified, "the report")
        shown = visible(path, 200)
        if isinstance(report, Unread):
            raise InputError(f"{shown}: {report.reason}.")
        about = subject_of(document)
        if not about:
            raise InputError(f"{shown} does not name its image.")
        image = next((image for image in images if names_of(image) & set(about)), None)
        if image is None:
            raise InputError(
                f"{shown} is about {visible(about[0], 80)}, and no image here has that ID or "
                "digest."
            )
        if self._opened.state_directory is None:
            raise UsageError(
                "The images do not belong to a real host, so no report can be stored for them."
            )
        self._keep(image, report)
        return image, report

    def _keep(
        self,
        image: ImageFacts,
        report: ScanReport,
    ) -> None:
        assert self._opened.state_directory is not None  # noqa: S101 - both callers have asked
        StoredScans(self._opened.state_directory).keep(image.id, report)
        self._scanned(image.engine.label, image.id)

    @contextmanager
    def _archive(
        self,
        image: ImageFacts,
        on_progress: Callable[[ScanProgress], None],
        stop: threading.Event,
    ) -> Iterator[str]:
        """A file with the image, removed afterwards."""
        directory = os.fspath(self._opened.cache_directory())
        os.makedirs(
            directory,
            mode=0o700,
            exist_ok=True,
        )
        size, free = image.inspect.get("Size"), os.statvfs(directory)
        if isinstance(size, int) and size * _ROOM > free.f_bavail * free.f_frsize:
            raise OSError(f"{visible(directory)} has no space for its {size // 1_000_000} MB")
        pieces = self._opened.engine(image.engine.label).archive(image.id, stop)
        with tempfile.NamedTemporaryFile(
            dir=directory,
            prefix="scan-",
            suffix=".tar",
        ) as file:
            total = 0
            for piece in pieces:
                file.write(piece)
                total += len(piece)
                on_progress(ScanProgress("fetching", total))
            file.flush()
            yield file.name


def scan_images(
    parts: Parts,
    images: Sequence[ImageFacts],
    tell: Callable[[str], None],
    stop: threading.Event,
    how: ScanSettings = DEFAULT,
) -> dict[str, str]:
    """Scan images one after the other; name -> why one was not scanned, which does not stop the
    others.

    Raises:
        ToolMissing: there is no scanner; says how to install one.
    """
    scanning = Scanning(parts)
    scanner = scanning.scanner()
    troubles: dict[str, str] = {}
    for number, image in enumerate(images, 1):
        of = f"{number} of {len(images)}: " if len(images) > 1 else ""
        name = f"{of}{visible(name_of(image), 50)}"

        def on_progress(at: ScanProgress, name: str = name) -> None:
            tell(f"{at.phase} {name}{f': {size_text(at.bytes)}' if at.bytes else ''}")

        report = scanning.scan(
            image,
            scanner,
            on_progress,
            stop,
            how,
        )
        if stop.is_set():
            break
        if isinstance(report, Unread):
            troubles[name_of(image)] = report.reason
    return troubles


def names_of(image: ImageFacts) -> set[str]:
    """Every name by which a report may identify exactly this image: its ID and its digests."""
    plain = image.id.removeprefix("sha256:")
    return {plain, f"sha256:{plain}", *digests_of(image)}


def _read(path: str) -> tuple[object, datetime]:
    text = read_named(path, largest=LARGEST)
    try:
        return json.loads(text), datetime.fromtimestamp(os.stat(path).st_mtime, UTC)
    except (ValueError, RecursionError):
        raise InputError(f"{visible(path, 200)} is not JSON.") from None


# The contents of an image as a CycloneDX SBOM, for other tools: Grype, Dependency-Track, an
# auditor.


_NAMESPACE = uuid.UUID("6f1b8d2c-6a1e-5c58-9d4a-0d6c1f6b7f10")
_VENDORS = {"deb": "debian", "apk": "alpine", "rpm": "redhat"}
_LOWER = ("deb", "apk", "golang", "pypi")
"""Kinds whose names have no capitals in a package URL."""


def sbom(
    image: ImageFacts,
    inventory: ImageInventory,
    now: datetime,
) -> str:
    """The SBOM as JSON, CycloneDX 1.6."""
    identity = image.id.removeprefix("sha256:")
    subject = f"image:{identity}"
    release = inventory.release
    packages = {
        package_url(
            package,
            release.get("ID", ""),
            release.get("VERSION_ID", ""),
        ): package
        for package in inventory.installed
    }
    components = [_component(package, url) for url, package in packages.items()]
    if release.get("ID"):
        system = {
            "name": release["ID"],
            "version": release.get("VERSION_ID"),
        }
        about = {"description": release.get("PRETTY_NAME")}
        components.append(
            _given({"type": "operating-system", "bom-ref": "operating-system", **system, **about})
        )
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": now.isoformat(),
            "tools": {
                "components": [{"type": "application", "name": "hardentui", "version": __version__}]
            },
            "component": {
                "type": "container",
                "bom-ref": subject,
                "name": image.names[0] if image.names else identity[:12],
                "version": str(image.inspect.get("Digest") or f"sha256:{identity}"),
            },
            "properties": [{"name": "hardentui:gap", "value": gap} for gap in gaps(inventory)],
        },
        "components": components,
        "dependencies": [
            {
                "ref": subject,
                "dependsOn": [component["bom-ref"] for component in components],
            },
            *({"ref": component["bom-ref"]} for component in components),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def gaps(inventory: ImageInventory) -> tuple[str, ...]:
    """What the SBOM of this inventory omits."""
    missing_parts = [NOT_LISTED, *inventory.gaps]
    missing_parts += [f"packages of {kind} could not be read" for kind in inventory.uncounted]
    of_distribution = sum(package.kind not in KINDS for package in inventory.installed)
    missing = sum(inventory.packages.values()) - of_distribution
    if missing > 0:
        missing_parts.append(f"{missing} packages have no name or version in their database")
    return tuple(missing_parts)


def _component(package: Package, url: str) -> dict[str, Any]:
    return _given(
        {
            "type": "library",
            "bom-ref": url,
            "name": package.name,
            "version": package.version,
            "purl": url,
            "licenses": [{"license": {"name": package.license}}] if package.license else [],
            "properties": _for_trivy(package),
        }
    )


def _for_trivy(package: Package) -> list[dict[str, str]]:
    """Trivy looks vulnerabilities of a distribution up by source package, and reads it only from
    here."""
    if package.kind in KINDS:
        return []
    source, version = package.source or package.name, package.source_version or package.version
    fields = (("SrcName", source), ("SrcVersion", version))
    return [{"name": f"aquasecurity:trivy:{name}", "value": value} for name, value in fields]


def package_url(
    package: Package,
    distribution: str,
    release: str,
) -> str:
    """`pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc`."""
    if package.kind in KINDS:
        space, _, name = package.name.rpartition("/")
        return _url(
            package.kind,
            space,
            name,
            package.version,
            {},
        )
    epoch, colon, rest = package.version.partition(":")
    rpm = package.kind == "rpm" and bool(colon)
    qualifiers = {
        "arch": package.architecture,
        "distro": f"{distribution}-{release}" if distribution and release else distribution,
        "epoch": epoch if rpm else "",
        "upstream": _upstream(package),
    }
    version = rest if rpm else package.version
    return _url(
        package.kind, distribution or _VENDORS[package.kind], package.name, version, qualifiers
    )


def _url(
    kind: str,
    space: str,
    name: str,
    version: str,
    qualifiers: Mapping[str, str],
) -> str:
    """As the specification of package URLs says."""
    if kind in _LOWER:
        space, name = space.lower(), name.lower()
    if kind == "pypi":
        name = name.replace("_", "-")
    parts = (quote(part, safe=":") for part in (*space.split("/"), name) if part)
    asked = "&".join(
        f"{key}={quote(value, safe=':')}" for key, value in qualifiers.items() if value
    )
    return f"pkg:{kind}/{'/'.join(parts)}@{quote(version, safe=':')}" + (
        f"?{asked}" if asked else ""
    )


def _upstream(package: Package) -> str:
    """The source package as Grype expects it: for rpm the name of its file."""
    source = package.source or (package.name if package.source_version else "")
    if package.kind == "rpm" and source:
        return f"{source}-{package.source_version or package.version.rpartition(':')[2]}.src.rpm"
    return f"{source}@{package.source_version}" if package.source_version else source


# Checking registries for newer images. Nothing is pulled.


COOL_DOWN = 3
"""Days that a new image must have been available: a bad or hijacked release is often noticed by
then."""
_ASK_SECONDS = 60.0
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Update(Struct, frozen=True):
    """What a registry offers for one name of an image."""

    name: str
    image: ImageFacts
    answer: Known[RegistryDigest]
    here: bool = False

    def ripe(self, now: datetime) -> bool:
        """A newer image that has been available long enough."""
        answer = self.answer
        if isinstance(answer, Unread) or self.here:
            return False
        return now - answer.first_seen >= timedelta(days=COOL_DOWN)


def ask_registries(
    parts: Parts,
    images: Iterable[ImageFacts],
    on_name: Callable[[str], None],
    stop: threading.Event,
) -> tuple[Update, ...]:
    """Query each name of each image; a registry that does not answer does not stop the others.

    Raises:
        ToolMissing: skopeo is not installed.
    """
    ask, updates = asker(stop), list[Update]()
    for image in images:
        for name in names_to_ask(image):
            if stop.is_set():
                return tuple(updates)
            on_name(name)
            updates.append(_update(parts, image, name, ask))
    return tuple(updates)


def _update(
    parts: Parts,
    image: ImageFacts,
    name: str,
    ask: Ask,
) -> Update:
    if parts.registry is None:
        return Update(
            name,
            image,
            Unread("the image belongs to a simulated host"),
        )
    digest = digest_of(name, ask, logins())
    if isinstance(digest, Unread):
        refuse_without_skopeo(digest)
        return Update(name, image, digest)
    try:
        answer = parts.registry.keep(name, digest, parts.opened.clock())
    except WriteError as error:
        return Update(name, image, Unread(error.title))
    return Update(
        name,
        image,
        answer,
        digest in digests_of(image),
    )


def refuse_without_skopeo(answer: Unread) -> None:
    """Raises ToolMissing if an answer says so."""
    if answer == not_installed("skopeo"):
        raise ToolMissing(
            "Querying registries needs skopeo, which is not installed.", "apt-get install skopeo"
        )


def logins() -> Mapping[str, str]:
    """Points skopeo to this account's logins, as Podman keeps them."""
    if os.environ.get("REGISTRY_AUTH_FILE"):
        return {}
    logins_file = next(filter(os.path.exists, auth_paths(home(), os.geteuid())), "")
    return {"REGISTRY_AUTH_FILE": logins_file} if logins_file else {}


def names_to_ask(image: ImageFacts) -> tuple[str, ...]:
    """Full names under which a registry may have a newer image: not local ones, and none with a
    digest."""
    names = []
    for name in image.names:
        about = reference(name)
        if about.digest or about.local or not about.host:
            continue
        names.append(full_reference(name))
    return tuple(dict.fromkeys(names))


def digests_of(image: ImageFacts) -> frozenset[str]:
    """Every digest of this image in a registry: its manifest list's, and its own."""
    listed = (str(digest).partition("@")[2] for digest in image.inspect.get("RepoDigests") or ())
    return frozenset({*listed, str(image.inspect.get("Digest") or "")} - {""})


def digest_of(
    reference: str,
    ask: Ask,
    environment: Mapping[str, str] | None = None,
) -> Known[str]:
    """The registry's current digest for a full name: of the manifest list if there is one.

    Args:
        reference: including the registry and a tag or digest.
        environment: points to the logins and settings of the engine's user.
    """
    command = (
        "skopeo",
        "inspect",
        "--no-tags",
        "--format",
        "{{.Digest}}",
        f"docker://{reference}",
    )
    answer = ask(command, _ASK_SECONDS, environment or {})
    if isinstance(answer, Unread):
        return answer
    digest = answer.strip()
    return digest if _DIGEST.fullmatch(digest) else Unread("the registry's answer is not a digest")
