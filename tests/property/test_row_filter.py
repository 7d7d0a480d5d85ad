"""Whatever somebody types into the filter."""

from hypothesis import given
from hypothesis import strategies as st

from hardentui.features.looking.row_filter import COLUMNS, parse_filter
from hardentui.features.views import Row
from tests.tui.replayed import judged_rows, some

ROWS: list[Row] = judged_rows(some())

signs = st.sampled_from([":", "=", "!=", "<", "<=", ">", ">=", ":<", ":>="])
values = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            "web",
            "high",
            "running",
            "50",
            "4",
            "root-user",
            "rootless",
            "",
            "999",
            "٣",
            "²",
        ]
    ),
)
words = st.one_of(
    values,
    st.builds(
        "{}{}{}".format,
        st.sampled_from([*COLUMNS, "size", "nginx", ""]),
        signs,
        values,
    ),
)
filters = st.lists(words, max_size=4).map(" ".join)


@given(filters)
def test_any_text_is_a_filter_that_keeps_rows_in_their_order(text: str) -> None:
    selection = parse_filter(text).select(ROWS)
    kept = [row for row in ROWS if row in selection.rows]
    assert kept == list(selection.rows)
    assert selection.trouble == "" or selection.trouble.endswith(".")


@given(words.filter(lambda word: word.split() == [word] and not word.startswith("!")))
def test_a_word_and_its_opposite_share_the_rows_out(word: str) -> None:
    plain, negated = (parse_filter(text).select(ROWS) for text in (word, f"!{word}"))
    assert plain.trouble == negated.trouble
    if plain.trouble:
        assert len(plain.rows) == len(negated.rows) == len(ROWS)
    else:
        assert sorted(row.key for row in (*plain.rows, *negated.rows)) == sorted(
            row.key for row in ROWS
        )


@given(filters, filters)
def test_two_filters_together_keep_what_both_keep(
    first: str,
    other: str,
) -> None:
    keys = [{row.key for row in parse_filter(text).select(ROWS).rows} for text in (first, other)]
    together = {row.key for row in parse_filter(f"{first} {other}").select(ROWS).rows}
    assert together == keys[0] & keys[1]


@given(filters)
def test_a_word_that_is_left_out_takes_no_row_away(text: str) -> None:
    with_slip = parse_filter(f"{text} size>5").select(ROWS)
    assert with_slip.rows == parse_filter(text).select(ROWS).rows
    assert with_slip.trouble
