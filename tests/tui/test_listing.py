"""Order of the list, and what it adds up to."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from hardentui.features.views import Row
from hardentui.harden.score import Level
from hardentui.model.finding import Status
from hardentui.tui.listing import COLUMNS, CYCLED, ListView, arrange, summary
from hardentui.tui.widgets.container_list import (
    columns_for,
    headings,
    level_text,
    short_image,
    state_text,
)
from tests.tui.replayed import Host, judged_rows, some


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return judged_rows(
        Host(
            ("backup", "shop-web"),
            ("cache", "db"),
            ("node-exporter", "vault"),
            ("report", "imp\x1b[31mort"),
        )
    )


def test_a_digest_is_shortened() -> None:
    image = f"docker.io/library/web@sha256:{'ab' * 32}"
    assert short_image(image) == "docker.io/library/web@sha256:abababababab"
    assert short_image("web@sha256:abc") == "web@sha256:abc"


def test_worst_first_puts_unknown_scores_last(rows: list[Row]) -> None:
    rows = [*rows]
    rows.insert(0, replace(rows[0], report=None))
    scores = [row.report.score.value if row.report else None for row in arrange(rows, ListView())]
    known = [score for score in scores if score is not None]
    assert known == sorted(known)
    assert scores[-1] is None


def test_the_summary_adds_up_what_was_looked_at(rows: list[Row]) -> None:
    levels, failing, unknown = summary(rows)
    levelled = [
        row.report.score.level for row in rows if row.report and row.report.score.value is not None
    ]
    assert levels == {level: levelled.count(level) for level in Level if level in levelled}
    assert len(levels) > 1
    assert sum(failing.values()) == sum(
        f.failing for row in rows if row.report for f in row.report.findings
    )
    assert unknown == sum(
        f.status is Status.UNKNOWN for row in rows if row.report for f in row.report.findings
    )


@pytest.mark.parametrize("column", COLUMNS)
def test_every_order_keeps_all_rows_and_reversed_turns_only_the_column_round(
    rows: list[Row],
    column: str,
) -> None:
    rows = [
        *rows,
        replace(
            rows[0],
            key="bare",
            image="",
            report=None,
        ),
    ]
    straight = arrange(rows, ListView(column=column))
    assert arrange(straight[::-1], ListView(column=column)) == straight, "however they came"
    back = arrange(rows, ListView(column=column, reverse=True))
    assert sorted(row.key for row in back) == sorted(row.key for row in straight)
    if column in ("score", "image") or column.startswith("step"):
        assert straight[-1].key == back[-1].key == "bare", "what has no value comes last both times"


def test_reversed_keeps_equal_rows_in_their_order(rows: list[Row]) -> None:
    same = [replace(row, image="same") for row in rows]
    view = ListView(column="image")
    assert (
        arrange(same, view) == arrange(same, view.sorted_by("image")) == arrange(same, ListView())
    )


def test_one_key_goes_round_all_columns_and_comes_back() -> None:
    view, seen = ListView(), []
    for _ in CYCLED:
        view = view.sorted_by(view.next_column)
        seen.append(view.column)
    assert seen == [*CYCLED[1:], CYCLED[0]]
    assert not view.reverse
    assert view.sorted_by("score").words == "best first"
    assert view.sorted_by("score").sorted_by("score") == view
    assert view.rises
    assert not ListView(column="step 4").rises, "the worst severity comes first"
    assert ListView(column="step 4").sorted_by("name") == ListView(column="name")


def test_the_view_can_be_kept_and_an_unknown_column_is_worst_first(rows: list[Row]) -> None:
    view = ListView(
        filter="score<50",
        column="step 10",
        reverse=True,
    )
    assert msgspec.json.decode(msgspec.json.encode(view), type=ListView) == view
    assert arrange(rows, ListView(column="of an older version")) == arrange(rows, ListView())


def test_twins_and_labs_stand_apart_and_are_not_counted() -> None:
    rows = judged_rows(some())
    worst = arrange(rows, ListView())[0]
    apart = [replace(row, aside="twin") if row is worst else row for row in rows]
    assert arrange(apart, ListView())[-1].name == worst.name
    assert sum(summary(apart)[0].values()) == len(rows) - 1
    assert level_text(replace(worst, aside="lab")) == "lab"


def test_what_belongs_together_stands_together(rows: list[Row]) -> None:
    pods = ["b", "", "a", "b"]
    mixed = [replace(row, pod=pod) for row, pod in zip(rows, pods, strict=True)]
    ordered = [row.pod for row in arrange(mixed, ListView(column="stack"))]
    assert ordered == ["a", "b", "b", ""]


def test_the_column_of_files_ends_with_the_name_of_the_file(rows: list[Row]) -> None:
    path = "deploy/production/quadlets/web.container"
    files = [replace(row, state="file", status=path) for row in rows]
    for width in (60, 80, 120, 200):
        columns = columns_for(width, files)
        assert "File" in headings(columns)
        assert "State" not in headings(columns)
        shown = state_text(files[0], columns.state)
        assert shown.endswith("container")
        assert len(shown) <= columns.state
