"""The data ledger of a plan: every path that changes its home has a row that tells what that means."""

from __future__ import annotations

import pytest

from hardentui.checks.prelude import container
from hardentui.features.change.data_told import size_of, told_newer, told_rows, told_way_back
from hardentui.model.facts import ContainerFacts, FileChange, WrittenDirectory
from hardentui.model.ledger import Holds, Home, LedgerRow, Lost, NewerData
from hardentui.reading.layer import LayerData, layer_data
from hardentui.reading.ledger import ledger
from tests.unit.reading.test_scratch import planned

FILES = {
    "/srv/notes/one": 1000,
    "/var/log/app/app.log": 5 << 20,
    "/var/cache/app/x": 10,
}


def written() -> ContainerFacts:
    changes = tuple(FileChange(path, "added", False, size) for path, size in FILES.items())
    return container(changes=changes)


def rows_of(
    facts: ContainerFacts,
    kept: dict[str, str] | None = None,
) -> dict[str, LedgerRow]:
    plan = planned(facts)
    changes = facts.changes
    assert isinstance(changes, tuple)
    rows = ledger(facts, plan.before, plan.after, layer_data(changes, ()), kept or {})
    return {row.path: row for row in rows}


def test_each_path_that_moves_has_a_row() -> None:
    rows = rows_of(written())
    assert set(rows) == {"/srv/notes", "/var/log/app", "/var/cache/app", "/run", "/tmp", "/var/tmp"}
    notes, log, cache = (rows[path] for path in ("/srv/notes", "/var/log/app", "/var/cache/app"))
    assert (notes.before, notes.after, notes.bytes) == (Home.LAYER, Home.VOLUME, 1000)
    assert (notes.copied, notes.lost, notes.source) == (True, Lost.NEVER, "web-srv-notes-data")
    assert (log.holds, log.after, log.copied) == (Holds.LOGS, Home.VOLUME, True)
    assert (cache.after, cache.limit, cache.lost) == (Home.TMPFS, 64 << 20, Lost.AT_STOP)


def test_a_volume_over_files_of_the_image_hides_the_next_ones() -> None:
    facts = written().replace(written_directories={"/srv/notes": WrittenDirectory(50)})
    assert rows_of(facts)["/srv/notes"].hides
    assert "hides what the next image brings there" in "\n".join(told_rows(rows_of(facts).values()))


def test_what_stays_with_the_original_has_a_row_too() -> None:
    facts = written()
    spec = facts.spec
    rows = ledger(facts, spec, spec, LayerData(("/srv/a", "/srv/b"), ("/var/log/x.log",)), {})
    assert [(row.path, row.holds, row.after, row.lost) for row in rows] == [
        ("/srv", Holds.DATA, Home.LAYER, Lost.WITH_CONTAINER),
        ("/var/log/x.log", Holds.LOGS, Home.LAYER, Lost.WITH_CONTAINER),
    ]
    assert "stays in the layer of the original" in told_rows(rows)[0]


def test_what_moves_alike_is_told_in_one_sentence() -> None:
    told = told_rows(rows_of(written()).values())
    assert told == (
        "/run, /tmp, /var/tmp → tmpfs of at most half of the memory, where more fails; lost at "
        "each stop",
        "/srv/notes (1000 bytes) → volume web-srv-notes-data, copied, no limit but its disk",
        "/var/cache/app (10 bytes) → tmpfs of at most 64 MiB, where more fails; lost at each stop",
        "/var/log/app (5 MiB) → volume web-var-log-app-data, copied, no limit but its disk",
        "a rename or a hard link between /srv/notes, /var/cache/app, /var/log/app, /run, /tmp and "
        "/var/tmp fails from now on: they become separate file systems",
    )


def test_what_becomes_a_file_system_of_its_own_is_told() -> None:
    spec, kept = written().spec, {"/srv/notes": "v"}
    rows = ledger(written(), spec, spec, LayerData(("/srv/notes/one",)), kept)
    assert told_rows(rows)[-1].startswith("a rename or a hard link into or out of /srv/notes fails")
    only_scratch = [row for row in rows_of(written()).values() if row.path == "/tmp"]
    assert len(told_rows(only_scratch)) == 1


def test_the_way_back_names_each_volume_that_keeps_newer_data() -> None:
    rows = rows_of(written()).values()
    told, offer = told_way_back(rows, offers=True)
    assert "/srv/notes in the volume web-srv-notes-data" in told
    assert "/var/log/app in the volume web-var-log-app-data" in told
    assert "/var/cache" not in told
    assert offer.startswith("--bring-back ")
    assert list(told_way_back((), offers=True)) == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            NewerData(container="web", path="/d", home=Home.VOLUME, source="v"),
            "/d: what was written since lies in the volume v; web runs without it",
        ),
        (
            NewerData(container="web", path="/d", home=Home.LAYER, source="web-x"),
            "/d: what was written since lies in the stopped container web-x"
            " (podman cp web-x:/d …); web runs without it",
        ),
        (
            NewerData(
                container="web",
                path="/d",
                home=Home.VOLUME,
                source="v",
                brought=True,
                former="f",
            ),
            "/d: web has again what was written since, also in the volume v;"
            " what it had there before is in the volume f",
        ),
    ],
)
def test_where_newer_data_lies_is_one_sentence(data: NewerData, told: str) -> None:
    assert list(told_newer((data,))) == [told]


def test_names_of_strangers_are_shown_safely() -> None:
    row = rows_of(written())["/srv/notes"]
    evil = LedgerRow(
        container=row.container,
        path="/srv/\x1b[31m",
        holds=row.holds,
        before=row.before,
        after=row.after,
        lost=row.lost,
    )
    assert "\x1b" not in "".join(told_rows((evil,)))


def test_sizes_are_rounded_up() -> None:
    assert [size_of(count) for count in (1, 1024, 1025, 64 << 20)] == [
        "1 bytes",
        "1 KiB",
        "2 KiB",
        "64 MiB",
    ]
