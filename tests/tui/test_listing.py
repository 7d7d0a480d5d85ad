"""Filter and order of the list."""

from __future__ import annotations

import threading

import pytest

from hardentui.tui.listing import arrange, parse_filter, summary
from hardentui.tui.widgets.columns import short_image
from hardentui.workbench.views import Row
from tests.tui.stand_in import StandIn, facts, some


def _rows() -> list[Row]:
    bench = StandIn.of(*some(), facts("imp\x1b[31mort", image="localhost/Imp:2"))
    found: list[Row] = []
    bench.scan(found.append, lambda progress: None, threading.Event())
    return found


def _names(text: str, order: int = 1) -> list[str]:
    return [row.name for row in arrange(_rows(), order, parse_filter(text))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["db", "imp\x1b[31mort", "shop-web", "vault"]),
        ("SHOP", ["shop-web"]),
        ("localhost/imp", ["imp\x1b[31mort"]),
        ("anna", ["db"]),
        ("!anna !vault", ["imp\x1b[31mort", "shop-web"]),
        ("state:run", ["db", "imp\x1b[31mort", "shop-web", "vault"]),
        ("state:exited", []),
        ("score:<80", ["db", "imp\x1b[31mort", "shop-web"]),
        ("score:>=80", ["vault"]),
        ("!score:<80", ["vault"]),
        ("fail:root-user", ["imp\x1b[31mort", "shop-web"]),
        ("fail:root-user shop", ["shop-web"]),
        ("image:localhost/imp", ["imp\x1b[31mort"]),
        ("engine:anna", ["db"]),
        ("name:vau !unit:x", ["vault"]),
        ("label:no-such", []),
    ],
)
def test_a_filter_keeps_what_all_its_words_mean(text: str, names: list[str]) -> None:
    assert _names(text) == names


def test_a_filter_says_what_it_did_not_understand_and_uses_the_rest() -> None:
    understood = parse_filter("shop score:low")
    assert "score:<60" in understood.trouble
    assert [row.name for row in arrange(_rows(), 1, understood)] == ["shop-web"]


def test_a_word_that_looks_like_a_key_and_is_none_is_told() -> None:
    assert "mode: is no key of a filter; there are state:" in parse_filter("mode:rootless").doubt
    assert parse_filter("label:app=x state:running nginx-1:27").doubt == ""


def test_a_digest_is_shortened() -> None:
    image = f"docker.io/library/web@sha256:{'ab' * 32}"
    assert short_image(image) == "docker.io/library/web@sha256:abababababab"
    assert short_image("web@sha256:abc") == "web@sha256:abc"


def test_worst_first_puts_unknown_scores_last() -> None:
    rows = [*_rows()]
    bench = StandIn.of(facts("new"))
    rows.insert(0, bench.rows()[0])
    scores = [row.report.score.value if row.report else None for row in arrange(rows, 0, parse_filter(""))]
    known = [score for score in scores if score is not None]
    assert known == sorted(known)
    assert scores[-1] is None


def test_the_summary_adds_up_what_was_looked_at() -> None:
    rows = _rows()
    score, failing, unknown = summary(rows)
    values = [row.report.score.value for row in rows if row.report and row.report.score.value is not None]
    assert score == round(sum(values) / len(values))
    assert sum(failing.values()) == sum(f.failing for row in rows if row.report for f in row.report.findings)
    assert unknown == 2 * len(rows)  # of each: the registry was not asked, nobody looked into the image
