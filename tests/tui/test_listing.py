"""Order of the list, and what it adds up to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hardentui.model.finding import Status
from hardentui.tui.listing import arrange, summary
from hardentui.tui.widgets.columns import short_image
from hardentui.workbench.views import Row
from tests.tui.replayed import Host, judged_rows


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return judged_rows(
        Host(
            ("backup", "shop-web"), ("cache", "db"), ("node-exporter", "vault"), ("report", "imp\x1b[31mort")
        )
    )


def test_a_digest_is_shortened() -> None:
    image = f"docker.io/library/web@sha256:{'ab' * 32}"
    assert short_image(image) == "docker.io/library/web@sha256:abababababab"
    assert short_image("web@sha256:abc") == "web@sha256:abc"


def test_worst_first_puts_unknown_scores_last(rows: list[Row]) -> None:
    rows = [*rows]
    rows.insert(0, replace(rows[0], report=None))
    scores = [row.report.score.value if row.report else None for row in arrange(rows, 0)]
    known = [score for score in scores if score is not None]
    assert known == sorted(known)
    assert scores[-1] is None


def test_the_summary_adds_up_what_was_looked_at(rows: list[Row]) -> None:
    score, failing, unknown = summary(rows)
    values = [row.report.score.value for row in rows if row.report and row.report.score.value is not None]
    assert score == round(sum(values) / len(values))
    assert sum(failing.values()) == sum(f.failing for row in rows if row.report for f in row.report.findings)
    assert unknown == sum(
        f.status is Status.UNKNOWN for row in rows if row.report for f in row.report.findings
    )
