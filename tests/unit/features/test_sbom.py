"""SBOMs are valid by CycloneDX's own schema, whatever an image calls its packages."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from hardentui.features.images.sbom import package_url, save_sboms, sbom_of
from hardentui.lib.image import ImageInventory, Package
from hardentui.lib.image.languages import NOT_LISTED
from hardentui.model.facts import ImageFacts

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DEBIAN = {
    "ID": "debian",
    "VERSION_ID": "13",
    "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)",
}
LIBC = Package(
    "deb",
    "libc6",
    "2.41-12+b1",
    "amd64",
    "glibc",
    "2.41-12",
)


def facts(
    *packages: Package,
    identity: str = "a" * 64,
    **inventory: Any,
) -> ImageFacts:
    inside = ImageInventory(**{"release": DEBIAN, "installed": packages, **inventory})
    return ImageFacts(
        identity,
        names=("docker.io/library/app:1",),
        inventory=inside,
        now=NOW,
    )


def document(image: ImageFacts) -> Any:
    text = sbom_of(image)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return json.loads(text)


def test_packages_system_and_image_are_told() -> None:
    made = document(
        facts(
            LIBC,
            Package(
                "apk",
                "musl",
                "1.2.5-r0",
                license="MIT",
            ),
            packages={"dpkg": 2},
        )
    )
    assert {component["name"]: component["type"] for component in made["components"]} == {
        "libc6": "library",
        "musl": "library",
        "debian": "operating-system",
    }
    assert made["metadata"]["component"]["name"] == "docker.io/library/app:1"
    urls = {component["name"]: component.get("purl") for component in made["components"]}
    assert urls["libc6"] == (
        "pkg:deb/debian/libc6@2.41-12%2Bb1?arch=amd64&distro=debian-13&upstream=glibc%402.41-12"
    )
    assert made["components"][[*urls].index("musl")]["licenses"] == [{"license": {"name": "MIT"}}]


def test_what_it_does_not_list_is_told() -> None:
    made = document(
        facts(
            LIBC,
            packages={"dpkg": 3},
            uncounted=("rpm",),
            gaps=("layer 2: it was truncated",),
        )
    )
    assert [entry["value"] for entry in made["metadata"]["properties"]] == [
        NOT_LISTED,
        "layer 2: it was truncated",
        "packages of rpm could not be read",
        "2 packages have no name or version in their database",
    ]


def test_a_rebuild_names_the_version_of_its_source() -> None:
    url = package_url(
        Package(
            "deb",
            "bash",
            "5.2.37-2+b10",
            "amd64",
            "",
            "5.2.37-2",
        ),
        "debian",
        "13",
    )
    assert url.endswith("&upstream=bash%405.2.37-2")


@given(
    st.lists(
        st.tuples(
            st.text(max_size=12),
            st.text(max_size=12),
            st.text(max_size=12),
        ),
        max_size=6,
    )
)
def test_any_names_give_a_valid_document(texts: list[tuple[str, str, str]]) -> None:
    packages = [
        Package("deb", name, version, license=text)
        for name, version, text in texts
        if name and version
    ]
    made = document(facts(*packages))
    references = [component["bom-ref"] for component in made["components"]]
    assert len(references) == len(set(references))


def test_files_have_safe_names_of_their_own(tmp_path: Path) -> None:
    inside = ImageInventory()
    images = [
        ImageFacts(
            "a" * 64,
            names=("-../x/y:1\n",),
            inventory=inside,
            now=NOW,
        ),
        ImageFacts(
            "b" * 64,
            names=("-..-x_y:1 ",),
            inventory=inside,
            now=NOW,
        ),
        ImageFacts(
            "c" * 64,
            inventory=inside,
            now=NOW,
        ),
    ]
    saved = [Path(written.path) for written in save_sboms(images, str(tmp_path))]
    assert {path.parent for path in saved} == {tmp_path}
    assert len({path.name for path in saved}) == 3
    assert all(path.name.endswith(".cdx.json") and path.name[0].isalnum() for path in saved)


def test_trivy_reads_the_source_package_of_each_distribution_package() -> None:
    made = document(
        facts(
            LIBC,
            Package("deb", "bash", "5.2.15-2+b2"),
            Package("npm", "lodash", "4.17.0"),
        )
    )
    properties = {
        component["name"]: {
            entry["name"]: entry["value"] for entry in component.get("properties", ())
        }
        for component in made["components"]
    }
    trivy = "aquasecurity:trivy:"
    assert properties["libc6"] == {f"{trivy}SrcName": "glibc", f"{trivy}SrcVersion": "2.41-12"}
    assert properties["bash"] == {f"{trivy}SrcName": "bash", f"{trivy}SrcVersion": "5.2.15-2+b2"}
    assert properties["lodash"] == {}
