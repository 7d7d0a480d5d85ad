"""Recognition of base images, and the sketch of a smaller one."""

from collections.abc import Mapping

import pytest

from hardentui.model.image import ImageFile, ImageInventory, LayerSize
from hardentui.reading.base_images import Base, base_of, sketch, smaller_base

APT = ImageFile("/usr/bin/apt-get", "package manager apt-get", 1, kind="package manager")
GCC = ImageFile("/usr/bin/gcc", "compiler gcc", 2, kind="compiler")
DEBIAN = {"ID": "debian", "VERSION_ID": "12"}
DISTROLESS = {**DEBIAN, "PRETTY_NAME": "Distroless"}


@pytest.mark.parametrize(
    ("release", "labels", "expected"),
    [
        (DEBIAN, {}, "Debian 12"),
        (DISTROLESS, {}, "distroless on Debian 12"),
        ({"ID": "alpine", "VERSION_ID": "3.23.2"}, {}, "Alpine 3.23.2"),
        ({"ID": "wolfi", "VERSION_ID": "20230201"}, {}, "Wolfi 20230201"),
        ({"ID": "rhel", "VERSION_ID": "9.6"}, {"name": "ubi9/ubi"}, "Red Hat UBI 9.6"),
        ({"ID": "rhel", "VERSION_ID": "9.6"}, {}, "Red Hat Enterprise Linux 9.6"),
        ({"ID": "sles", "VERSION_ID": "15.7"}, {"com.suse.bci.base.version": "15.7"}, "SUSE BCI 15.7"),
        ({"ID": "sles", "VERSION_ID": "15.7"}, {}, "SUSE Linux Enterprise 15.7"),
        ({"ID": "sl-micro", "VERSION_ID": "6.1"}, {}, "SLE Micro 6.1"),
        ({"ID": "debian", "VERSION_ID": "1$(reboot)"}, {}, "Debian"),
    ],
)
def test_the_family_is_told_by_release_and_labels(
    release: Mapping[str, str], labels: Mapping[str, str], expected: str
) -> None:
    assert str(base_of(ImageInventory(release=release, tools=(APT,)), labels)) == expected


@pytest.mark.parametrize(
    ("base", "smaller"),
    [
        (Base("Debian", "12"), "distroless/base-debian12"),
        (Base("Debian", "10"), "scratch"),
        (Base("Red Hat UBI", "9.6"), "ubi9/ubi-micro"),
        (Base("Rocky Linux", "8.10"), "ubi8/ubi-micro"),
        (Base("SUSE BCI", "15.7"), "bci/bci-micro:15.7"),
        (Base("Wolfi"), "chainguard/glibc-dynamic"),
        (Base("Alpine", "3.23"), "scratch"),
        (None, "scratch"),
    ],
)
def test_the_smaller_base_has_the_same_c_library(base: Base | None, smaller: str) -> None:
    assert smaller_base(base).image == smaller


def test_the_sketch_names_what_could_go_and_what_to_build_on() -> None:
    inventory = ImageInventory(
        release=DEBIAN,
        tools=(APT, GCC),
        shells=(ImageFile("/bin/sh", "sh"),),
        layers=(LayerSize("a", 80_000_000), LayerSize("b", 44_000_000)),
    )
    lines = sketch(inventory, {}, "/usr/sbin/nginx")
    assert lines[0] == "# This image is built on Debian 12, 124 MB."
    assert "1 package manager (/usr/bin/apt-get)" in lines[1]
    assert "1 compiler (/usr/bin/gcc)" in lines[1]
    assert "1 shell (/bin/sh)" in lines[1]
    assert "FROM REGISTRY/distroless/base-debian12" in lines
    assert "COPY --from=build /usr/sbin/nginx /usr/sbin/nginx" in lines


def test_names_out_of_the_image_cannot_leave_their_line() -> None:
    nasty = ImageFile("/usr/bin/a\nreboot\x1b[2J", "compiler a\nreboot", kind="compiler")
    lines = sketch(ImageInventory(release=DEBIAN, tools=(nasty,)), {}, '/x"]\nRUN reboot')
    assert not any("\n" in line or "\x1b" in line for line in lines)
    assert not any(line.startswith(("reboot", "RUN")) for line in lines)
    assert 'ENTRYPOINT ["/path/to/program"]' in lines
