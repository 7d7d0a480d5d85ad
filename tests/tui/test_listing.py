"""Filter and order of the list."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hardentui.model.finding import Status
from hardentui.tui.listing import arrange, parse_filter, summary
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


def _names(rows: list[Row], text: str, order: int = 1) -> list[str]:
    return [row.name for row in arrange(rows, order, parse_filter(text))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["db", "imp\x1b[31mort", "shop-web", "vault"]),
        ("SHOP", ["shop-web"]),
        ("example/rep", ["imp\x1b[31mort"]),
        ("anna", ["db"]),
        ("!anna !vault", ["imp\x1b[31mort", "shop-web"]),
        ("state:run", ["db", "shop-web", "vault"]),
        ("state:exited", ["imp\x1b[31mort"]),
        ("score:<80", ["db", "imp\x1b[31mort", "shop-web"]),
        ("score:>=80", ["vault"]),
        ("!score:<80", ["vault"]),
        ("fail:root-user", ["db", "imp\x1b[31mort", "shop-web"]),
        ("fail:root-user shop", ["shop-web"]),
        ("image:ghcr.io/example/rep", ["imp\x1b[31mort"]),
        ("engine:anna", ["db"]),
        ("name:vau !unit:x", ["vault"]),
        ("label:no-such", []),
    ],
)
def test_a_filter_keeps_what_all_its_words_mean(rows: list[Row], text: str, names: list[str]) -> None:
    assert _names(rows, text) == names


def test_a_filter_says_what_it_did_not_understand_and_uses_the_rest(rows: list[Row]) -> None:
    understood = parse_filter("shop score:low")
    assert "score:<60" in understood.trouble
    assert [row.name for row in arrange(rows, 1, understood)] == ["shop-web"]


def test_a_word_that_looks_like_a_key_and_is_none_is_told() -> None:
    assert "mode: is no key of a filter; there are state:" in parse_filter("mode:rootless").doubt
    assert parse_filter("label:app=x state:running nginx-1:27").doubt == ""


def test_a_digest_is_shortened() -> None:
    image = f"docker.io/library/web@sha256:{'ab' * 32}"
    assert short_image(image) == "docker.io/library/web@sha256:abababababab"
    assert short_image("web@sha256:abc") == "web@sha256:abc"


def test_worst_first_puts_unknown_scores_last(rows: list[Row]) -> None:
    rows = [*rows]
    rows.insert(0, replace(rows[0], report=None))
    scores = [row.report.score.value if row.report else None for row in arrange(rows, 0, parse_filter(""))]
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
