"""Laws of the entries that come with HardenTUI: each is about what it says, weakens nothing, and
its fixes pass the checks that they are for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hardentui.features.applications.loading import SCHEMA, Library, our_files, parse
from hardentui.features.at_rest.checking import AtRest, Looked, look
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.fixing import Fixed, fix_all
from hardentui.model.application import Application, Family, PathUse, ProofKind, Variant
from hardentui.model.facts import STOCK_CAPABILITIES, capability_name
from hardentui.model.finding import Status
from hardentui.model.podman_version import NEWEST_KNOWN
from hardentui.reading.applications import AskedImage
from hardentui.reading.containers import is_root
from tests.support.known_upgrades import UPGRADES

TODAY = date(2026, 12, 1)
FAMILIES = Library().all()
VARIANTS = [
    pytest.param(family, variant, id=f"{family.name}-{number}")
    for family in FAMILIES
    for number, variant in enumerate(family.variants)
]
HARDENED = (
    "ReadOnly=true\nNoNewPrivileges=true\nDropCapability=all\nUser=4711:4711\nPodmanArgs=--cpus=1\n"
    "Memory=1g\nPidsLimit=100\nHealthCmd=/healthy\nUserNS=auto\n"
)


def tag_of(variant: Variant) -> str:
    """A tag that the variant is about."""
    number = variant.first or (
        f"{int(variant.until.partition('.')[0]) - 1}" if variant.until else ""
    )
    words = [number, *(pattern.strip("*") for pattern in variant.tags[:1])]
    return "-".join(word for word in words if word) or "latest"


def looked_at(
    tmp_path: Path,
    image: str,
    more: str = "",
) -> Looked:
    text = f"[Container]\nImage={image}\n{more}"
    (tmp_path / "app.container").write_text(text)
    return look(AtRest((str(tmp_path),)), TODAY)


def fixed(looked: Looked) -> Fixed:
    return fix_all(looked, Wanted(), NEWEST_KNOWN)[0]


def test_there_are_entries_and_none_is_refused() -> None:
    library = Library()
    assert len(library.all()) >= 60
    assert library.faults == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_an_image_is_known_by_every_name_that_people_write(family: Family) -> None:
    for repository in family.general.match.repositories:
        if "." in repository.partition("/")[0]:  # a registry that keeps it without a folder
            application = Library().find(AskedImage(f"{repository}:1"))
            assert application is not None
            assert application.name == family.name
            continue
        names = [f"mirror.example:5000/{repository}", f"mirror.example/hub/{repository}:latest"]
        if repository.startswith("library/"):
            short = repository.removeprefix("library/")
            names += [short, f"{short}:latest", f"docker.io/{short}", f"docker.io/{repository}"]
        for name in names:
            application = Library().find(AskedImage(name))
            assert application is not None, name
            assert application.name == family.name
        somebody = f"docker.io/somebody/{repository.rpartition('/')[2]}"
        other = Library().find(AskedImage(somebody))
        assert other is None or other.name != family.name


@pytest.mark.parametrize(("family", "variant"), VARIANTS)
def test_a_tag_leads_to_its_variant(family: Family, variant: Variant) -> None:
    image = f"docker.io/{family.general.match.repositories[0]}:{tag_of(variant)}"
    assert Library().find(AskedImage(image)) == variant.application


@pytest.mark.parametrize(("family", "variant"), VARIANTS)
def test_an_entry_agrees_with_itself(family: Family, variant: Variant) -> None:
    application = variant.application
    start = application.capabilities.start or ()
    needed = {*start, *application.capabilities.work}
    if is_root(application.user.image):
        assert application.user.why_root
    else:
        assert not application.user.start_as, "its image names an ordinary user already"
    assert len(needed) < len(STOCK_CAPABILITIES), "then nothing is dropped"
    assert {*application.capabilities.work} <= {*start}
    if application.user.start_as:
        assert application.user.start_as == application.user.work, "or its data has another owner"
        data = [path for path in application.path if path.use is PathUse.DATA]
        assert [path.owner for path in data] == ["work"] * len(data)
    assert all(sentence.endswith(".") for sentence in application.breaks.values())
    always = [path.path for path in application.path if not path.only_with]
    assert not {*always} & {*application.reads}, "it writes there"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_what_was_run_and_keeps_data_says_what_another_release_takes(family: Family) -> None:
    general = family.general
    keeps = any(path.use is PathUse.DATA for path in general.path)
    if keeps and general.proof.kind is ProofKind.RUN:
        assert general.upgrade
    assert general.upgrade == "" or general.upgrade.endswith(".")


def test_only_what_is_upgraded_says_so() -> None:
    told = {family.name for family in FAMILIES if "test_known_upgrades" in family.general.proof.how}
    assert told == {upgrade.application for upgrade in UPGRADES}


@pytest.mark.parametrize(("family", "variant"), VARIANTS)
def test_the_default_fix_writes_what_the_entry_knows(
    family: Family,
    variant: Variant,
    tmp_path: Path,
) -> None:
    """And what it writes passes the checks that it is for."""
    application = variant.application
    image = f"docker.io/{family.general.match.repositories[0]}:{tag_of(variant)}"
    done = fixed(looked_at(tmp_path, image))
    is_root_by_image = is_root(application.user.image)
    unknown = is_root_by_image and application.capabilities.start is None
    expected = set() if unknown else {"default-capabilities-kept"}
    expected |= {"new-privileges-allowed"} if application.privileges.needed is False else set()
    expected |= {"writable-rootfs"} if application.root.works else set()
    expected |= {"root-user"} if application.user.start_as else set()
    health = application.health
    expected |= {"missing-health-check"} if health.command and not health.in_image else set()
    assert expected <= set(done.made), done.left_out
    assert "no-memory-limit" not in done.made
    if not expected:
        return  # nothing is known of this variant
    text = done.files[str(tmp_path / "app.container")]
    for path, other in done.files.items():
        Path(path).write_text(other)
    again = looked_at(tmp_path, image, text.partition("\n")[2].partition("\n")[2])
    status = {finding.check: finding.status for finding in again.services[0].findings}
    assert {check: status[check] for check in expected} == dict.fromkeys(expected, Status.PASS)


@pytest.mark.parametrize(("family", "variant"), VARIANTS)
def test_no_entry_weakens_what_is_hardened(
    family: Family,
    variant: Variant,
    tmp_path: Path,
) -> None:
    image = f"docker.io/{family.general.match.repositories[0]}:{tag_of(variant)}"
    looked = looked_at(tmp_path, image, HARDENED)
    done = fixed(looked)
    for text in done.files.values():
        kept = text.splitlines()
        assert all(line in kept for line in HARDENED.splitlines())
        assert not any(line.startswith("AddCapability=") for line in kept)


@pytest.mark.parametrize(("family", "variant"), VARIANTS)
def test_another_program_in_the_image_is_not_the_application(
    family: Family,
    variant: Variant,
    tmp_path: Path,
) -> None:
    image = f"docker.io/{family.general.match.repositories[0]}:{tag_of(variant)}"
    looked = looked_at(tmp_path, image, "Entrypoint=/bin/sh\nExec=-c work\n")
    assert looked.services[0].facts.application is None
    assert "default-capabilities-kept" not in fixed(looked).made


ENTRY = f"""\
schema = "{SCHEMA}"
name = "shop"
title = "Shop"

[match]
repositories = ["team/shop"]
entrypoint = "run.sh"

[user]
image = "root"
work = "1000:1000"
why_root = "It gives its data away."

[capabilities]
start = ["CHOWN"]

[[source]]
address = "our own Dockerfile"
read = 2026-11-01

[proof]
kind = "read"
"""


def shop(**changes: str) -> Application:
    text = ENTRY
    for before, after in changes.items():
        text = text.replace(before, after)
    return parse(text, "shop.toml").general


DIGEST = f"@sha256:{'ab' * 32}"


@pytest.mark.parametrize("family", Library(our_files()).all(), ids=lambda family: family.name)
def test_a_digest_alone_promises_what_holds_for_every_tag(family: Family) -> None:
    """Nobody knows which tag it is of: postgres becomes 999 or 70."""
    known = Library().find(AskedImage(family.general.match.repositories[0] + DIGEST))
    assert known is not None
    for each in (variant.application for variant in family.variants):
        assert known.user.start_as in ("", each.user.start_as)
        assert known.root.works is not True or each.root.works
        assert known.privileges.needed in ("unknown", each.privileges.needed)
        assert known.health.command in ("", each.health.command)
        needed = each.capabilities.start
        if known.capabilities.start is not None and needed is not None:
            assert {*needed} <= {*known.capabilities.start}


def test_a_tag_beside_a_digest_still_leads_to_its_variant() -> None:
    known = Library().find(AskedImage(f"docker.io/library/postgres:17-alpine{DIGEST}"))
    assert known is not None
    assert known.user.start_as == "70:70"


def test_a_local_copy_is_known_by_its_entry_point() -> None:
    from hardentui.features.applications.loading import EntryFile

    library = Library([EntryFile("shop.toml", ENTRY, site=True)])
    assert library.find(AskedImage("localhost/shop:1")) is None
    copied = AskedImage("localhost/shop:1", entrypoint=("/usr/bin/run.sh",))
    application = library.find(copied)
    assert application is not None
    assert application.site
    other = AskedImage("localhost/other:1", entrypoint=("/usr/bin/run.sh",))
    assert library.find(other) is None


def test_names_of_capabilities_are_read_as_the_engine_writes_them() -> None:
    assert [*map(capability_name, shop().capabilities.start or ())] == ["CAP_CHOWN"]
