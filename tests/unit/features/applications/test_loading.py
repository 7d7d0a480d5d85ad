"""Entries that somebody else wrote: faults have their line, and only the own folder is believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hardentui.errors import ChecklistError
from hardentui.features.applications.loading import Library, parse, site_directory
from hardentui.reading.applications import AskedImage
from tests.unit.features.applications.test_entries import ENTRY


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    directory = Path(site_directory())
    directory.mkdir(parents=True)
    return directory


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ChecklistError) as raised:
        parse(text, "shop.toml")
    return raised.value.faults


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('name = "shop"', 'name = "other"', "2: name must be that of the file, 'shop'"),
        ('"CHOWN"', '"CHWON"', "15: there is no capability 'CHWON'"),
        (
            '"team/shop"',
            '"shop"',
            "6: 'shop' must be a path without registry and tag: library/NAME",
        ),
        (
            '"team/shop"',
            '"quay.example/team/shop"',
            "6: 'quay.example/team/shop' must be a path without registry and tag: library/NAME",
        ),
        ('kind = "read"', 'kind = "run"', "21: how must say what was run"),
        ('kind = "read"', 'kind = "guessed"', "22: kind must be one of: read, run"),
        ("2026-11-01", '"last week"', "19: read must be a date such as 2026-12-01, without quotes"),
        ('["CHOWN"]', '"CHOWN"', "15: start must be a list"),
        (
            'title = "Shop"',
            'title = "Shop"\n[userr]',
            "4: there is no key 'userr'; did you mean 'user'?",
        ),
        ('image = "root"', "", "9: image is missing"),
        (
            "[proof]",
            '[[path]]\npath = "/a/../b"\nuse = "data"\n\n[proof]',
            "22: path must be absolute",
        ),
        ("[proof]", '[[path]]\npath = "/a:exec,suid"\nuse = "data"\n\n[proof]', "22: path must be"),
        (
            "[proof]",
            '[[path]]\npath = "/a"\nuse = "dta"\n\n[proof]',
            "23: use must be one of: data, ",
        ),
        ("[proof]", "[[port]]\nnumber = 70000\n\n[proof]", "22: number must be from 1 to 65535"),
        ("[proof]", '[[port]]\nnumber = "80"\n\n[proof]', "22: number must be a whole number"),
        (
            "[proof]",
            '[health]\ncommand = "a\\u001b[31m"\n\n[proof]',
            "22: command must be one line",
        ),
        ("[proof]", '[[variant]]\ntags = "x"\n\n[proof]', "22: tags must be a list of patterns"),
        ("[proof]", "[[variant]]\nuntil = 18\n\n[proof]", "22: until must be a version in quotes"),
        ('image = "root"', 'image = "root --privileged"', "10: image must be a user or USER:GROUP"),
        (
            'work = "1000:1000"',
            'work = "1000:1000"\nstart_as = "0:0"',
            "12: start_as must be the UID or UID:GID of an ordinary user",
        ),
        ('"team/shop"', '"team/shop:3"', "6: 'team/shop:3' must be a path without registry"),
        ('"team/shop"', '"r.example/a/shop"', "6: 'r.example/a/shop' must be a path without"),
        ("[proof]", '[[path]]\npath = "/a/"\nuse = "data"\n\n[proof]', "22: path must be"),
        ('title = "Shop"', 'title = "Shop"\nreads = ["etc"]', "4: path must be absolute"),
        (
            'title = "Shop"',
            'title = "Shop"\nallow = "all"',
            "4: there is no key 'allow'",
        ),
        (
            "[capabilities]",
            '[breaks]\nroot-usr = "It."\n\n[capabilities]',
            "15: there is no check 'root-usr'; did you mean 'root-user'?",
        ),
    ],
)
def test_a_fault_has_its_line(
    before: str,
    after: str,
    fault: str,
) -> None:
    told = faults(ENTRY.replace(before, after))
    assert any(line.startswith(fault) for line in told), told


def test_a_directory_that_its_user_cannot_write_is_a_fault() -> None:
    starts = ENTRY.replace('work = "1000:1000"', 'work = "7"\nstart_as = "7"')
    path = '[[path]]\npath = "/a"\nuse = "scratch"\n'
    told = faults(starts.replace("[proof]", f"{path}\n[proof]"))
    assert told == ("22: as 7 it cannot write there: owner or mode must let it",)
    for more in ('owner = "work"\n', 'mode = "1777"\n'):
        parse(starts.replace("[proof]", f"{path}{more}\n[proof]"), "shop.toml")


def test_an_entry_of_the_site_is_used_like_ours_and_before_them(site: Path) -> None:
    (site / "shop.toml").write_text(ENTRY)
    own = ENTRY.replace('name = "shop"', 'name = "postgres"').replace(
        "team/shop", "library/postgres"
    )
    (site / "postgres.toml").write_text(own)
    library = Library()
    shop = library.find(AskedImage("registry.example/team/shop:3"))
    postgres = library.find(AskedImage("postgres:17"))
    assert shop is not None
    assert shop.site
    assert postgres is not None
    assert postgres.title == "Shop"


def test_a_faulty_entry_of_the_site_is_told_and_not_used(site: Path) -> None:
    (site / "shop.toml").write_text(ENTRY.replace('"CHOWN"', "17"))
    library = Library()
    assert library.find(AskedImage("team/shop")) is None
    assert library.faults == [f"{site}/shop.toml:15: start must be a text in quotes"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_an_entry_of_another_account_is_not_believed(site: Path) -> None:
    path = site / "shop.toml"
    path.write_text(ENTRY)
    os.chown(path, 4711, 4711)
    library = Library()
    assert library.find(AskedImage("team/shop")) is None
    assert "it belongs to another account" in library.faults[0]


def test_a_link_in_the_folder_is_not_followed(site: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text(ENTRY)
    (site / "shop.toml").symlink_to(tmp_path / "elsewhere.toml")
    library = Library()
    assert library.find(AskedImage("team/shop")) is None
    assert library.faults
