"""debsecan's detailed output, as the real program (0.4.20.1) printed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hardentui.model.image import Package, Vulnerability
from hardentui.model.known import Unread
from hardentui.scanners.present import _stanzas, parse, scan_debsecan
from tests.support.image_archives import image, member, packed

OUTPUT = """\
CVE-2026-0001 (fixed, remotely exploitable, high urgency)
  shell
  installed: bash 5.2.37-2+b5
             (built from bash 5.2.37-2)
  fixed in unstable: bash 5.3-1 (source package)
  fixed on branch:   bash 5.2.37-2+deb13u1 (source package)
  fix is available for the selected suite (trixie)

CVE-2026-0002
  zip
  installed: zlib1g 1:1.3.dfsg+really1.3.1-1+b1
             (built from zlib 1:1.3.dfsg+really1.3.1-1)

TEMP-0000001-ABCDEF (low urgency)
  no name yet
  installed: zlib1g 1:1.3.dfsg+really1.3.1-1+b1
             (built from zlib 1:1.3.dfsg+really1.3.1-1)
  fixed in unstable: zlib 1:1.4-1 (source package)
"""


def test_each_block_is_a_vulnerability_and_only_what_is_in_the_suite_repairs_it() -> None:
    assert parse(OUTPUT) == (
        Vulnerability("CVE-2026-0001", "bash", "high", "5.2.37-2+deb13u1", installed="5.2.37-2+b5"),
        Vulnerability("CVE-2026-0002", "zlib1g", "unknown", "", installed="1:1.3.dfsg+really1.3.1-1+b1"),
        Vulnerability("TEMP-0000001-ABCDEF", "zlib1g", "low", "", installed="1:1.3.dfsg+really1.3.1-1+b1"),
    )


def test_an_image_without_a_list_of_packages_is_not_scanned(tmp_path: Path) -> None:
    release = b"ID=debian\nVERSION_CODENAME=bookworm\n"
    archive = tmp_path / "image.tar"
    archive.write_bytes(image(packed(member("etc/os-release", release))))

    def ask(arguments: Sequence[str], seconds: float, environment: Mapping[str, str] = {}) -> str:
        return ""  # debsecan finds nothing in an empty list

    assert scan_debsecan(str(archive), ask, offline=False) == Unread(
        "debsecan compared nothing: the image has no readable list of Debian packages"
    )


def test_nothing_of_an_image_can_add_a_field_to_what_is_handed_over() -> None:
    hostile = [
        Package("deb", "a\nStatus: x", "1"),
        Package("deb", "a", "1\n\nPackage: b"),
        Package("deb", "a", "1", "amd64\nX: y"),
        Package("deb", "a", "1", source="b (1)\nX: y"),
        Package("rpm", "a", "1"),
    ]
    assert list(_stanzas(hostile)) == []
    assert list(_stanzas([Package("deb", "a", "1", source="b", source_version="2\nX: y")])) == [
        "Package: a\nStatus: install ok installed\nArchitecture: \nSource: b\nVersion: 1\n\n"
    ]
