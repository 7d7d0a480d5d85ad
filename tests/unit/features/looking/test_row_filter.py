"""The filter language of the container list."""

import pytest
from msgspec.structs import replace

from hardentui.features.looking.row_filter import COLUMNS, EXAMPLES, parse_filter
from hardentui.features.views import Row
from tests.tui.replayed import Host, judged_rows

ALL = ["db", "imp\x1b[31mort", "shop-web", "vault"]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    judged = judged_rows(
        Host(
            ("backup", "shop-web"),
            ("cache", "db"),
            ("node-exporter", "vault"),
            ("report", "imp\x1b[31mort"),
        )
    )
    return [
        replace(row, pod="shop", unit="web.service") if row.name == "shop-web" else row
        for row in judged
    ]


def _names(rows: list[Row], text: str) -> list[str]:
    return sorted(row.name for row in parse_filter(text).select(rows).rows)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ALL),
        ("SHOP", ["shop-web"]),
        ("example/rep", ["imp\x1b[31mort"]),
        ("anna", ["db"]),
        ("!anna !vault", ["imp\x1b[31mort", "shop-web"]),
        ("state:run", ["db", "shop-web", "vault"]),
        ("state:exited", ["imp\x1b[31mort"]),
        ("state!=running", ["imp\x1b[31mort"]),
        ("score<80", ["db", "imp\x1b[31mort", "shop-web"]),
        ("score:<80", ["db", "imp\x1b[31mort", "shop-web"]),
        ("score>=80", ["vault"]),
        ("!score<80", ["vault"]),
        ("score:21", ["shop-web"]),
        ("score!=21 score<80", ["db", "imp\x1b[31mort"]),
        ("sev:high", ["imp\x1b[31mort", "shop-web"]),
        ("sev>=high", ["imp\x1b[31mort", "shop-web"]),
        ("!sev>=high", ["db", "vault"]),
        ("fail:root-user", ["db", "imp\x1b[31mort", "shop-web"]),
        ("fail:root-user shop", ["shop-web"]),
        ("step:8 step:10", ["shop-web"]),
        ("image:ghcr.io/example/rep", ["imp\x1b[31mort"]),
        ("engine:anna", ["db"]),
        ("engine:rootless", ["db"]),
        (
            "engine=rootful",
            ["imp\x1b[31mort", "shop-web", "vault"],
        ),
        ("name:vau !unit:x", ["vault"]),
        ("name=vau", []),
        ("name=vault", ["vault"]),
        ("pod:shop", ["shop-web"]),
        ("unit:web", ["shop-web"]),
        ("unit=", ["db", "imp\x1b[31mort", "vault"]),
        ("unit!=", ["shop-web"]),
        ("label:no-such", []),
    ],
)
def test_a_filter_keeps_what_all_its_words_mean(
    rows: list[Row],
    text: str,
    names: list[str],
) -> None:
    assert _names(rows, text) == names
    assert parse_filter(text).select(rows).trouble == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mode:rootless", 'There is no column "mode". Columns: name, image,'),
        ("!size>5", 'There is no column "size".'),
        ("score:low", "score takes a number from 0 to 100, such as score<50."),
        ("score<", "score takes a number"),
        ("sev:bad", "sev takes low, medium, high or critical"),
        ("state:flying", "state takes a state of Podman"),
        ("state<run", "state cannot be compared with <"),
        ("step:four", "step takes the number of a step"),
        ("step:77", "There is no step 77"),
        ("fail:", "fail takes the name of a check"),
        ("fail:no-such-check", 'No check here is called "no-such-check".'),
        ("size>5 sev:bad", 'There is no column "size".'),
        ("image>3", "image cannot be compared with >"),
    ],
)
def test_a_slip_is_told_in_one_sentence_and_hides_nothing(
    rows: list[Row],
    text: str,
    sentence: str,
) -> None:
    selection = parse_filter(text).select(rows)
    assert sorted(row.name for row in selection.rows) == ALL
    assert selection.trouble.startswith(sentence)
    assert _names(rows, f"{text} shop") == ["shop-web"], "the other words still count"


def test_what_was_not_looked_at_has_no_score_and_makes_no_check_unknown(rows: list[Row]) -> None:
    bare = [replace(row, report=None) for row in rows]
    assert _names(bare, "score<100") == []
    assert _names(bare, "sev:high") == []
    assert parse_filter("fail:later-known").select(bare).trouble == ""


def test_the_examples_of_the_help_are_understood_and_name_the_columns(rows: list[Row]) -> None:
    told = " ".join(f"{example} {meaning}" for example, meaning in EXAMPLES)
    for example, _ in EXAMPLES:
        assert parse_filter(example).select(rows).trouble == "", example
    assert [column for column in COLUMNS if column not in told] == []
