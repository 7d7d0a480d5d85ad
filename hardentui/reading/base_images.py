"""Which family of base images an image belongs to, and a sketch of a smaller one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from hardentui.model.image import ImageFile, ImageInventory
from hardentui.visible import visible
from hardentui.words import plural

_MOST_PATHS = 6
_PATH = r"/[0-9A-Za-z._/+-]{1,200}"
_TAG = r"[0-9][0-9A-Za-z._-]{0,30}"


class Base(Struct, frozen=True):
    """A family of base images.

    Attributes:
        name: its common name: `Red Hat UBI`, `SUSE BCI`, `Debian`.
        release: its version; empty for a rolling release or if unknown.
        small: it has no package manager, or is designed to be small.
    """

    name: str
    release: str = ""
    small: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.release}".strip()


class Smaller(Struct, frozen=True):
    """A smaller base that fits: its name without the registry, and how it differs."""

    image: str
    note: str


_NAMES = {
    "alpine": "Alpine",
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "fedora": "Fedora",
    "wolfi": "Wolfi",
    "chainguard": "Chainguard",
    "rhel": "Red Hat Enterprise Linux",
    "centos": "CentOS",
    "rocky": "Rocky Linux",
    "almalinux": "AlmaLinux",
    "ol": "Oracle Linux",
    "amzn": "Amazon Linux",
    "sles": "SUSE Linux Enterprise",
    "sle-micro": "SLE Micro",
    "sl-micro": "SLE Micro",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
}
_SMALL = frozenset({"alpine", "wolfi", "chainguard"})


def base_of(inventory: ImageInventory, labels: Mapping[str, str]) -> Base | None:
    """The family according to os-release and labels; None if neither is known.

    Labels are inherited by images that are built on others, so they name the base, not the application.
    """
    release = inventory.release
    identity = release.get("ID", "")
    version = _version(release)
    if not identity:
        return None
    if "distroless" in (release.get("PRETTY_NAME", "") + release.get("HOME_URL", "")).lower():
        return Base("distroless on Debian", version, small=True)
    if identity == "rhel" and _label_starts(labels, "ubi"):
        return Base("Red Hat UBI", version, small=not inventory.tools)
    if identity in ("sles", "opensuse-leap", "opensuse-tumbleweed") and _is_bci(labels):
        return Base("SUSE BCI", version, small=not inventory.tools)
    name = _NAMES.get(identity)
    return Base(name, version, small=identity in _SMALL) if name else None


def _version(release: Mapping[str, str]) -> str:
    version = re.fullmatch(_TAG, release.get("VERSION_ID", ""))
    return version[0] if version else ""


def _label_starts(labels: Mapping[str, str], start: str) -> bool:
    return any(str(labels.get(name, "")).startswith(start) for name in ("name", "com.redhat.component"))


def _is_bci(labels: Mapping[str, str]) -> bool:
    return any(name.startswith(("com.suse.bci.", "org.opensuse.bci.")) for name in labels) or any(
        str(labels.get(name, "")).startswith("com.suse.bci") for name in ("com.suse.image-type",)
    )


def smaller_base(base: Base | None) -> Smaller:
    """A base of the same family without tools, so that the C library stays the same; otherwise scratch."""
    if base is None:
        return Smaller("scratch", "empty: for one program without shared libraries")
    major = base.release.partition(".")[0]
    match base.name:
        case "Debian" if major in ("12", "13"):
            return Smaller(
                f"distroless/base-debian{major}",
                "C library and certificates of this Debian, no shell",
            )
        case (
            "Red Hat Enterprise Linux"
            | "Red Hat UBI"
            | "CentOS"
            | "Rocky Linux"
            | "AlmaLinux"
            | "Oracle Linux"
        ):
            if major in ("8", "9", "10"):
                return Smaller(
                    f"ubi{major}/ubi-micro",
                    "the same C library, no package manager; install packages with dnf --installroot",
                )
        case "SUSE BCI" | "SUSE Linux Enterprise" | "openSUSE Leap" if base.release.startswith("15."):
            return Smaller(f"bci/bci-micro:{base.release}", "the same C library, no package manager")
        case "Wolfi" | "Chainguard":
            return Smaller("chainguard/glibc-dynamic", "the same C library, no package manager, no shell")
        case "Alpine":
            return Smaller("scratch", "copy the program and /lib/ld-musl-*.so.1; busybox and apk stay behind")
    return Smaller("scratch", "for one statically linked program; otherwise a -micro base of your choice")


def sketch(inventory: ImageInventory, labels: Mapping[str, str], service: str) -> tuple[str, ...]:
    """A Containerfile to start from, with comments. It is an untested proposal.

    Args:
        service: absolute path of the program that the image starts; empty if unknown.
    """
    base = base_of(inventory, labels)
    smaller = smaller_base(base)
    gone = _unneeded(inventory)
    program = service if re.fullmatch(_PATH, service) else "/path/to/program"
    source = smaller.image if smaller.image == "scratch" else f"REGISTRY/{smaller.image}"
    size = sum(layer.size for layer in inventory.layers)
    lines = [f"# This image is built on {base or 'an unknown base'}{_megabytes(size)}."]
    if gone:
        lines.append(f"# Not needed by a service: {gone}.")
    lines += [
        f"# A smaller base: {smaller.image} ({smaller.note}).",
        "# Containerfile to start from:",
        "FROM THE-IMAGE-OF-TODAY AS build",
        f"FROM {source}",
        f"COPY --from=build {program} {program}",
        "USER 65532:65532",
        f'ENTRYPOINT ["{program}"]',
    ]
    return tuple(lines)


def _unneeded(inventory: ImageInventory) -> str:
    """Tools and shells by kind, with the first few paths."""
    kinds: dict[str, list[str]] = {}
    for tool in inventory.tools:
        kind = visible(tool.kind or tool.what, 40)
        kinds.setdefault(kind, []).append(_shown(tool))
    if inventory.shells:
        kinds["shell"] = [_shown(shell) for shell in inventory.shells]
    texts = []
    for kind, paths in kinds.items():
        more = f" and {len(paths) - _MOST_PATHS} more" if len(paths) > _MOST_PATHS else ""
        texts.append(f"{plural(len(paths), kind)} ({', '.join(paths[:_MOST_PATHS])}{more})")
    return "; ".join(texts)


def _shown(file: ImageFile) -> str:
    return visible(file.path, 80)


def _megabytes(size: int) -> str:
    return f", {size / 1e6:.0f} MB" if size >= 500_000 else ""
