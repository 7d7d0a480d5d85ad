"""A fix of a vendor's unit lies where the vendor's tool leaves it alone, and repeats no command that the
next release may change."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.features.fix.edit_proofs import prove_edit
from hardentui.features.fix.unit_edits import UnitEdit, edited
from hardentui.features.looking.unit_origin import Origin, OriginKind, unit_spec
from hardentui.features.vendors.loading import overlays
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.reading.vendors import kept_drop_in
from hardentui.systemd.search_paths import ServiceManager
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

VERSION = Version(5, 4, 2)
UYUNI, FOREMAN = (
    next(vendor for vendor in overlays() if vendor.name == name) for name in ("uyuni", "foreman")
)
DATABASE = """\
[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
ExecStart=/bin/sh -c '/usr/bin/podman run \\
\t--cidfile=%t/%n.ctr-id \\
\t--shm-size=0 \\
\t-d \\
\t--name uyuni-db \\
\t-p 9187:9187 \\
\t--health-on-failure=stop \\
\t${PODMAN_EXTRA_ARGS} ${UYUNI_IMAGE}'
"""
NEXT = DATABASE.replace("-p 9187:9187", "-p 9187:9187 \\\n\t--secret brought,type=mount")
SALINE = """\
[Service]
ExecStart=/bin/sh -c '/usr/bin/podman run \\
\t-d \\
\t--name uyuni-saline-%i \\
\t${UYUNI_SALINE_IMAGE}'
"""
GENERATED = "[Service]\nEnvironment=UYUNI_IMAGE=registry.example.com/db:1\n"
IMAGE_OF_SALINE = "[Service]\nEnvironment=UYUNI_SALINE_IMAGE=registry.example.com/saline:1\n"
CUSTOM = '[Service]\n# ours\nEnvironment="PODMAN_EXTRA_ARGS=--memory 4g"\n'
KEPT = "/etc/systemd/system/uyuni-db.service.d/custom.conf"


def origin(text: str, unit: str, *drop_ins: tuple[str, str]) -> Origin:
    place = f"/etc/systemd/system/{unit}"
    return Origin(
        OriginKind.SERVICE,
        unit,
        place,
        text,
        ServiceManager(False),
        drop_ins=tuple(sorted((f"{place}.d/{name}", content) for name, content in drop_ins)),
    )


def database(*drop_ins: tuple[str, str], text: str = DATABASE) -> Origin:
    return origin(text, "uyuni-db.service", ("generated.conf", GENERATED), *drop_ins)


def written(before: Origin, after: Spec) -> UnitEdit:
    plan = Plan("uyuni-db", "uyuni-db", (), (), unit_spec(before), after)
    return edited(before, plan, VERSION, vendor=UYUNI)


def with_file(before: Origin, made: UnitEdit, text: str) -> Origin:
    """The unit as the next release writes it, with what was written here."""
    (file,) = made.files
    kept = [drop_in for drop_in in before.drop_ins if drop_in[0] != file.path]
    return replace(before, text=text, drop_ins=tuple(sorted((*kept, (file.path, file.text)))))


@pytest.mark.parametrize("custom", [(), (("custom.conf", CUSTOM),)])
def test_it_lies_in_the_drop_in_that_the_tool_keeps_and_outlives_an_upgrade(
    custom: tuple[tuple[str, str], ...],
) -> None:
    before = database(*custom)
    spec = unit_spec(before)
    made = written(before, spec.with_(CAP_DROP, ("all",)).with_(SHM_SIZE, 1 << 30))
    assert [file.path for file in made.files] == [KEPT]
    assert "ExecStart" not in made.files[0].text
    assert "X-HardenTUI" not in made.files[0].text  # mgradm appends to this file
    assert made.left_out == ()
    assert "only the planned changes" in prove_edit(before, made, VERSION, VERSION)
    after = unit_spec(with_file(before, made, NEXT))
    assert after[CAP_DROP] == ("all",)
    assert after[SHM_SIZE] == 1 << 30
    assert after[SECRETS] == ("brought,type=mount",)
    assert (after[MEMORY] == 4 << 30) is bool(custom)


def test_what_the_variable_cannot_take_back_is_left_out_instead_of_repeating_the_command() -> None:
    before = database()
    spec = unit_spec(before)
    made = written(before, spec.with_(PUBLISH, ()).with_(CAP_DROP, ("all",)))
    (sentence,) = made.left_out
    assert "--publish is not changed: PODMAN_EXTRA_ARGS cannot take it back" in sentence
    assert "ExecStart" not in made.files[0].text


def test_behind_a_drop_in_that_is_read_later_ours_is_read_last() -> None:
    before = database(("local.conf", CUSTOM))
    made = written(before, unit_spec(before).with_(CAP_DROP, ("all",)))
    assert made.files[0].path.endswith("/zz-hardentui.conf")


def test_where_the_tool_writes_the_drop_in_anew_ours_stands_alone() -> None:
    before = origin(SALINE, "uyuni-saline@0.service", ("custom.conf", IMAGE_OF_SALINE))
    spec = unit_spec(before)
    made = written(before, spec.with_(CAP_DROP, ("all",)))
    assert made.files[0].path.endswith("/50-hardentui.conf")
    assert any("mgradm upgrade podman" in note for note in made.notes)


def test_only_what_the_tool_never_overwrites_is_such_a_place() -> None:
    """mgradm writes custom.conf of Saline anew at each upgrade, and keeps those of server and database."""
    assert kept_drop_in(UYUNI, "uyuni-server.service") == "custom.conf"
    assert kept_drop_in(UYUNI, "uyuni-saline@0.service") == ""


def test_the_last_of_several_values_of_the_variable_is_the_one_that_is_changed() -> None:
    both = f'{CUSTOM}Environment="PODMAN_EXTRA_ARGS=--memory 8g"\n'
    before = database(("custom.conf", both))
    made = written(before, unit_spec(before).with_(CAP_DROP, ("all",)))
    after = unit_spec(with_file(before, made, DATABASE))
    assert (after[MEMORY], after[CAP_DROP]) == (8 << 30, ("all",))


def test_a_quadlet_of_a_vendor_gets_a_drop_in() -> None:
    path = "/etc/containers/systemd/foreman.container"
    before = Origin(
        OriginKind.QUADLET,
        "foreman.service",
        path,
        "[Container]\nContainerName=foreman\nImage=quay.io/foreman/foreman:3\n",
        ServiceManager(False),
        version=VERSION,
    )
    plan = Plan(
        "foreman",
        "foreman",
        (),
        (),
        unit_spec(before),
        unit_spec(before).with_(CAP_DROP, ("all",)),
    )
    made = edited(before, plan, VERSION, vendor=FOREMAN)
    assert [file.path for file in made.files] == [f"{path}.d/50-hardentui.conf"]


def test_a_rehearsal_keeps_the_drop_in_that_the_tool_keeps(run: Run) -> None:
    """A release that renders an empty custom.conf does not take away what is there."""
    empty = '[Service]\nEnvironment="PODMAN_EXTRA_ARGS="\n'
    files = {
        "now/uyuni-db.service": DATABASE,
        "now/uyuni-db.service.d/custom.conf": CUSTOM,
        "next/uyuni-db.service": NEXT,
        "next/uyuni-db.service.d/custom.conf": empty,
    }
    _, said = run(files, "check", "./now", "--against-release", "./next")
    assert "custom.conf: still applies: --memory 4g" in said
    assert "no-memory-limit" not in said


FILES = {
    "u/uyuni-db.service": DATABASE,
    "u/uyuni-db.service.d/generated.conf": GENERATED,
    "u/uyuni-saline@.service": SALINE,
    "u/uyuni-saline@.service.d/custom.conf": "[Service]\nEnvironment=TZ=Europe/Berlin\n",
    "u/foreman.container": "[Container]\nContainerName=foreman\nImage=quay.io/foreman/foreman:3\n",
}


def test_files_at_rest_of_vendors_are_not_edited_either(run: Run, tmp_path: Path) -> None:
    fix = ("fix", "./u", "--podman-version", "5.4", "--check", "default-capabilities-kept")
    code, said = run(FILES, *fix, "-o", "new")
    assert code == 0, said
    new = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*.conf")}
    assert new == {
        "uyuni-db.service.d/custom.conf",
        "uyuni-saline@.service.d/50-hardentui.conf",
        "foreman.container.d/50-hardentui.conf",
    }
    assert not list((tmp_path / "new").rglob("*.service"))
    assert not list((tmp_path / "new").rglob("*.container"))
    saline = (tmp_path / "new/uyuni-saline@.service.d/50-hardentui.conf").read_text()
    assert "CopiedCommand=" in saline
    assert "write it anew after mgradm upgrade podman" in " ".join(said.split())
