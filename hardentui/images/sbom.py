"""The contents of an image as a CycloneDX SBOM, for other tools: Grype, Dependency-Track, an auditor.

The packages come from the distribution's databases and from what pip, npm, gem and Go leave; files copied in
beside them are unknown, and the SBOM says so. The same image always gives the same serial number.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from hardentui import __version__
from hardentui.images.languages import KINDS, NOT_LISTED
from hardentui.model.facts import ImageFacts
from hardentui.model.image import ImageInventory, Package
from hardentui.words import plural

_NAMESPACE = uuid.UUID("6f1b8d2c-6a1e-5c58-9d4a-0d6c1f6b7f10")
_VENDORS = {"deb": "debian", "apk": "alpine", "rpm": "redhat"}


def sbom(image: ImageFacts, inventory: ImageInventory, now: datetime) -> str:
    """The SBOM as JSON, CycloneDX 1.6."""
    identity = image.id.removeprefix("sha256:")
    packages, nameless = _packages(inventory)
    missing = [f"{plural(nameless, 'package')} cannot be named in an SBOM"] if nameless else []
    tool = Component(type=ComponentType.APPLICATION, name="hardentui", version=__version__)
    subject = _image(image, identity)
    components = [*packages, *_system(inventory)]
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, identity),
        metadata=BomMetaData(
            timestamp=now,
            tools=ToolRepository(components=[tool]),
            component=subject,
            properties=[Property(name="hardentui:gap", value=gap) for gap in (*gaps(inventory), *missing)],
        ),
        components=components,
        dependencies=[
            Dependency(subject.bom_ref, [Dependency(component.bom_ref) for component in components])
        ],
    )
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def gaps(inventory: ImageInventory) -> tuple[str, ...]:
    """What the SBOM of this inventory omits."""
    missing_parts = [NOT_LISTED, *inventory.gaps]
    missing_parts += [f"packages of {kind} could not be read" for kind in inventory.uncounted]
    of_distribution = sum(package.kind not in KINDS for package in inventory.installed)
    missing = sum(inventory.packages.values()) - of_distribution
    if missing > 0:
        missing_parts.append(f"{missing} packages have no name or version in their database")
    return tuple(missing_parts)


def _packages(inventory: ImageInventory) -> tuple[list[Component], int]:
    """The packages, each once, and how many have a name or version that no package URL can represent."""
    distribution, release = inventory.release.get("ID", ""), inventory.release.get("VERSION_ID", "")
    components: dict[str, Component] = {}
    nameless = 0
    for package in inventory.installed:
        try:
            url = package_url(package, distribution, release)
            text = url.to_string()
        except (ValueError, TypeError):  # the library raises both for invalid names
            nameless += 1
            continue
        components.setdefault(text, _component(package, url))
    return list(components.values()), nameless


def _component(package: Package, url: PackageURL) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=url,
        bom_ref=BomRef(url.to_string()),
        properties=_for_trivy(package),
        licenses=[LicenseFactory().make_from_string(package.license)] if package.license else [],
    )


def _for_trivy(package: Package) -> list[Property]:
    """Trivy looks vulnerabilities of a distribution up by source package, and reads it only from here."""
    if package.kind in KINDS:
        return []
    source, version = package.source or package.name, package.source_version or package.version
    fields = (("SrcName", source), ("SrcVersion", version))
    return [Property(name=f"aquasecurity:trivy:{name}", value=value) for name, value in fields]


def _system(inventory: ImageInventory) -> list[Component]:
    release = inventory.release
    if not release.get("ID"):
        return []
    return [
        Component(
            type=ComponentType.OPERATING_SYSTEM,
            name=release["ID"],
            version=release.get("VERSION_ID") or None,
            description=release.get("PRETTY_NAME") or None,
            bom_ref=BomRef("operating-system"),
        )
    ]


def _image(image: ImageFacts, identity: str) -> Component:
    return Component(
        type=ComponentType.CONTAINER,
        name=image.names[0] if image.names else identity[:12],
        version=str(image.inspect.get("Digest") or f"sha256:{identity}"),
        bom_ref=BomRef(f"image:{identity}"),
    )


def package_url(package: Package, distribution: str, release: str) -> PackageURL:
    """`pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc`."""
    if package.kind in KINDS:
        space, _, name = package.name.rpartition("/")
        return PackageURL(type=package.kind, namespace=space or None, name=name, version=package.version)
    epoch, colon, rest = package.version.partition(":")
    rpm = package.kind == "rpm" and bool(colon)
    qualifiers = {
        "arch": package.architecture,
        "epoch": epoch if rpm else "",
        "distro": f"{distribution}-{release}" if distribution and release else distribution,
        "upstream": _upstream(package),
    }
    return PackageURL(
        type=package.kind,
        namespace=distribution or _VENDORS[package.kind],
        name=package.name,
        version=rest if rpm else package.version,
        qualifiers={name: value for name, value in qualifiers.items() if value},
    )


def _upstream(package: Package) -> str:
    """The source package as Grype expects it: for rpm the name of its file."""
    if not package.source:
        return ""
    if package.kind == "rpm":
        version = package.source_version or package.version.rpartition(":")[2]
        return f"{package.source}-{version}.src.rpm"
    return f"{package.source}@{package.source_version}" if package.source_version else package.source
