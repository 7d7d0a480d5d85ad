"""Packages of programming languages in an image: those that Trivy 0.59.1 lists for the same files."""

import io

from hypothesis import given
from hypothesis import strategies as st

from hardentui.features.images.sbom import package_url
from hardentui.lib.image import ImageInventory, Package
from hardentui.lib.image.inventory import read_inventory
from tests.support.image_archives import image, member, packed

MODULES = (
    "path\tgithub.com/x/tool\nmod\tgithub.com/x/tool\t(devel)\t\n"
    "dep\tgithub.com/a/b/v2\tv2.1.0\th1:abc=\ndep\tgithub.com/old/c\tv1.0.0\n=>\tgithub.com/new/c\tv1.0.1\th1:x=\n"
    "build\t-compiler=gc\n"
)
FILES = {
    "usr/lib/python3/dist-packages/requests-2.6.0.dist-info/METADATA": (
        b"Metadata-Version: 2.1\nName: requests\nVersion: 2.6.0\nLicense: Apache-2.0\n\nVersion: 9\n"
    ),
    "usr/lib/python3/dist-packages/Foo_Bar.egg-info/PKG-INFO": b"Name: Foo_Bar.x\nVersion: 1.0\n\n",
    "app/node_modules/lodash/package.json": b'{"name": "lodash", "version": "4.17.0", "license": "MIT"}',
    "app/node_modules/@scope/thing/package.json": b'{"name": "@scope/thing", "version": "1.2.3"}',
    "app/package.json": b'{"name": "app"}',
    "usr/lib/ruby/gems/3.1.0/specifications/rack-2.0.1.gemspec": (
        b'Gem::Specification.new do |s|\n  s.name = "rack".freeze\n  s.version = "2.0.1"\n'
        b'  s.licenses = ["MIT".freeze]\nend\n'
    ),
}


def varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def go_program(
    version: str = "go1.23.5",
    modules: str = MODULES,
    before: int = 1 << 20,
) -> bytes:
    """As the linker of Go 1.18 and newer writes it: magic, sizes, version, and modules between two
    marks."""
    text = b"0" * 16 + modules.encode() + b"1" * 16
    strings = varint(len(version)) + version.encode() + varint(len(text)) + text
    head = b"\xff Go buildinf:" + bytes([8, 2]) + b"\0" * 16
    return b"\x7fELF" + b"\0" * before + head + strings + b"\0" * 4096


def inside(*layers: bytes) -> ImageInventory:
    return read_inventory(io.BytesIO(image(*layers)))


def layer(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    return packed(*(member(path, content, mode) for path, content in files.items()))


def test_what_pip_npm_and_gem_leave_is_listed() -> None:
    assert inside(layer(FILES)).installed == (
        Package(
            "pypi",
            "requests",
            "2.6.0",
            license="Apache-2.0",
        ),
        Package("pypi", "foo-bar.x", "1.0"),
        Package(
            "npm",
            "lodash",
            "4.17.0",
            license="MIT",
        ),
        Package("npm", "@scope/thing", "1.2.3"),
        Package(
            "gem",
            "rack",
            "2.0.1",
            license="MIT",
        ),
    )


def test_a_program_in_go_tells_its_modules_and_what_replaced_them() -> None:
    expected = (
        Package("golang", "stdlib", "1.23.5"),
        Package("golang", "github.com/a/b/v2", "v2.1.0"),
        Package("golang", "github.com/new/c", "v1.0.1"),
    )
    assert inside(layer({"usr/bin/tool": go_program()}, 0o755)).installed == expected
    # the magic lies across two pieces that are read
    across = (1 << 20) - 4 - 7
    assert (
        inside(layer({"usr/bin/tool": go_program(before=across + 4096)}, 0o755)).installed
        == expected
    )
    for shift in range(16):
        program = go_program(before=(1 << 20) - 4 - shift)
        assert inside(layer({"usr/bin/tool": program}, 0o755)).installed == expected


def test_what_a_higher_layer_deletes_or_replaces_is_not_listed() -> None:
    path = "app/node_modules/lodash/package.json"
    newer = {path: b'{"name": "lodash", "version": "4.17.21"}'}
    assert inside(layer(FILES), layer(newer)).installed[-1] == Package("npm", "lodash", "4.17.21")
    gone = packed(member("app/.wh.node_modules"))
    assert "npm" not in {package.kind for package in inside(layer(FILES), gone).installed}


def test_package_urls_are_those_of_other_tools() -> None:
    urls = [
        package_url(
            Package("npm", "@scope/thing", "1.2.3"),
            "debian",
            "13",
        ),
        package_url(
            Package("golang", "github.com/a/b", "v2.1.0"),
            "debian",
            "13",
        ),
        package_url(
            Package("pypi", "foo-bar", "1.0"),
            "debian",
            "13",
        ),
    ]
    assert urls == [
        "pkg:npm/%40scope/thing@1.2.3",
        "pkg:golang/github.com/a/b@v2.1.0",
        "pkg:pypi/foo-bar@1.0",
    ]


@given(st.binary(max_size=60))
def test_no_program_stops_the_reading(content: bytes) -> None:
    program = b"\x7fELF" + b"\0" * (1 << 20) + b"\xff Go buildinf:" + content
    assert inside(layer({"usr/bin/tool": program}, 0o755)).gaps == ()
