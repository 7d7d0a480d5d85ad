"""The contents of images as CycloneDX SBOMs, for other tools: Grype, Dependency-Track, an auditor."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from hardentui import __version__
from hardentui.errors import UsageError
from hardentui.features.images.names import name_of
from hardentui.files import write_bundle
from hardentui.lib.image import ImageInventory, Package
from hardentui.lib.image.languages import KINDS, NOT_LISTED
from hardentui.model.draft import TextFile
from hardentui.model.facts import ImageFacts
from hardentui.model.known import Unread, known
from hardentui.model.written_file import WrittenFile
from hardentui.visible import visible

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


def _file_name(image: ImageFacts) -> str:
    return _NOT_IN_NAMES.sub("_", name_of(image)).lstrip(".-_")[:_LONGEST_NAME] or image.id[:12]


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
