"""Overlays of the site: what is wrong with one is told in a sentence, and stops no check; what a valid
one says is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.features.vendors import loading
from tests.unit.features.at_rest.test_checking import GOOD, Run, run

__all__ = ["run"]

ACME = """\
schema = "hardentui/vendor/1"
name = "acme"
title = "ACME's shop"
tool = "acmectl"
upgrade = "acmectl upgrade"

[match]
units = ["acme-?*.service"]
names = ["acme-?*"]

[overrides]
place = "local.conf beside the unit."
drop_in = "local.conf"

[[purpose]]
members = ["acme-db"]
options = ["--shm-size"]
why = "its reports need more."
source = "https://acme.example/7"

[[source]]
address = "https://acme.example/manual"
read = 2026-12-01
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that another test's folder held."""
    for function in (loading._files, loading._valid):
        function.cache_clear()
        monkeypatch.setattr(loading, function.__name__, function)


def overlay(tmp_path: Path, text: str | bytes, name: str = "acme.toml") -> str:
    path = tmp_path / ".config/hardentui/vendors" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


FAULTY = [
    (ACME.replace('"--shm-size"', '"--shm-sise"'), "there is no option '--shm-sise'"),
    (ACME.replace('"local.conf"', '"../../cron.d/x"'), "drop_in is the name of a file"),
    (ACME.replace('"acmectl"', '" "'), "tool is empty"),
    (ACME.replace("ACME's", "ACME'\ns"), "invalid TOML"),
    (ACME.replace("[match]", "[[match]]"), "Expected"),
    (b"\xff\xfe\x00", "is not UTF-8 text"),
]


@pytest.mark.parametrize(("text", "why"), FAULTY, ids=[why for _, why in FAULTY])
def test_a_faulty_one_is_told_in_a_sentence_and_the_check_goes_on(
    run: Run,
    tmp_path: Path,
    text: str | bytes,
    why: str,
) -> None:
    path = overlay(tmp_path, text)
    code, said = run({"web.container": GOOD}, "check", "./web.container")
    assert code == 0
    told = " ".join(said.split())
    assert told.count("the overlay is not used") == 1
    assert f"{path}: the overlay is not used: " in told
    assert why in told
    assert why in " ".join(run({}, "config", "vendor", "list")[1].split())


def test_a_valid_one_says_nothing_of_faults_and_manages_its_containers(
    run: Run,
    tmp_path: Path,
) -> None:
    path = overlay(tmp_path, ACME)
    unit = "[Service]\nExecStart=/usr/bin/podman run --name acme-db --shm-size 1g x.example/db:1\n"
    _, said = run({"acme-db.service": unit}, "check", "./acme-db.service")
    told = " ".join(said.split())
    assert "acmectl manages acme-db (ACME's shop); to upgrade them: `acmectl upgrade`" in told
    assert "not used" not in told
    code, said = run({}, "config", "vendor", "lint", path)
    assert (code, said.split(": ")[1]) == (0, "acmectl, recognised by 2 patterns, 1 purpose\n")


def test_the_linter_tells_every_fault(run: Run, tmp_path: Path) -> None:
    text = ACME.replace("--shm-size", "--shm-sise").replace('"acmectl"', '""')
    code, said = run({}, "config", "vendor", "lint", overlay(tmp_path, text))
    assert code == 2
    assert "tool is empty" in said
    assert "did you mean '--shm-size'?" in said


@pytest.mark.parametrize("word", ["acme", "acme-db", "acme-db.service"])
def test_explain_tells_who_manages_a_container_and_why(
    run: Run,
    tmp_path: Path,
    word: str,
) -> None:
    overlay(tmp_path, ACME)
    code, said = run({}, "explain", word)
    assert code == 0
    assert "acme  managed by acmectl" in said
    assert "--shm-size of acme-db: its reports need more. (https://acme.example/7)" in said
    assert "local.conf beside the unit." in said
    assert "https://acme.example/manual, read on 2026-12-01" in said


def test_explain_of_a_member_leaves_out_what_is_about_others(run: Run, tmp_path: Path) -> None:
    overlay(tmp_path, ACME)
    assert "its reports need more" not in run({}, "explain", "acme-web")[1]


def test_an_application_that_a_vendor_manages_is_explained_with_both(run: Run) -> None:
    code, said = run({}, "explain", "uyuni-db")
    assert code == 0
    assert "uyuni  managed by mgradm" in said
    assert "declared by the known application uyuni-db" in said
