"""The table, its codecs and the list of what is not carried fit together."""

import pytest

from hardentui.model.facts import ALL_CAPABILITIES, STOCK_CAPABILITIES
from hardentui.model.spec import UNKNOWABLE, Readability, Spec
from hardentui.options import *
from hardentui.options import NOT_CARRIED
from hardentui.options.argv import ALIASES, SHORT, SWITCHES
from hardentui.options.capability_sets import bounding_set
from hardentui.options.codecs import size_text
from hardentui.options.inspect import Sources
from hardentui.options.items import COMMA_LISTS
from hardentui.options.read import view_of


def test_a_flag_is_either_carried_or_has_a_reason() -> None:
    assert {option.flag for option in TABLE} & NOT_CARRIED.keys() == set()
    assert all(reason and not reason.endswith(".") for reason in NOT_CARRIED.values())


def test_spellings_lead_to_known_flags() -> None:
    known = {option.flag for option in TABLE} | NOT_CARRIED.keys() | {"--mount"}
    assert {
        *ALIASES.values(),
        *SHORT.values(),
        *SWITCHES,
        *COMMA_LISTS,
    } <= known


def test_only_rows_that_may_hide_can_be_unknowable() -> None:
    """An empty container that was made through the API: what is unknowable is marked so in the
    table."""
    view = view_of(
        Sources(
            {
                "Id": "0" * 64,
                "Config": {},
                "HostConfig": {"NetworkMode": "bridge"},
            }
        )
    )
    hidden = {option for option in TABLE if option.read(view) is UNKNOWABLE}
    assert SYSCTL in hidden
    assert {o for o in hidden if o.readability in (Readability.ALWAYS, Readability.CLIENT)} == set()


def test_lists_are_quoted_where_podman_splits() -> None:
    assert SYSCTL.to_arguments(("a=1,2", "b=3")) == ('"a=1,2"', "b=3")
    assert ULIMIT.to_arguments(("nofile=1:2",)) == ("nofile=1:2",)
    assert MASK.to_arguments(("/a", "/b")) == ("mask=/a:/b",)
    assert MASK.to_values(("/a", "/b")) == ("/a", "/b")


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (("/bin/x",), "/bin/x"),
        ((), ""),
        (("a", "b c"), '["a", "b c"]'),
        (("[x",), '["[x"]'),
    ],
)
def test_an_entry_point_is_written_as_one_argument(
    words: tuple[str, ...],
    argument: str,
) -> None:
    assert ENTRYPOINT.to_arguments(words) == (argument,)


def test_the_bounding_set_follows_added_and_dropped_capabilities() -> None:
    assert bounding_set(Spec(), STOCK_CAPABILITIES) == STOCK_CAPABILITIES
    assert (
        bounding_set(
            Spec.of((PRIVILEGED, True), (CAP_DROP, ("all",))),
            STOCK_CAPABILITIES,
        )
        == ALL_CAPABILITIES
    )
    only = Spec.of((CAP_DROP, ("all",)), (CAP_ADD, ("chown",)))
    assert bounding_set(only, STOCK_CAPABILITIES) == {"CAP_CHOWN"}
    less = Spec.of((CAP_DROP, ("KILL",)), (CAP_ADD, ("CAP_NET_ADMIN",)))
    assert bounding_set(less, STOCK_CAPABILITIES) == STOCK_CAPABILITIES - {"CAP_KILL"} | {
        "CAP_NET_ADMIN"
    }
    but = Spec.of((CAP_ADD, ("ALL",)), (CAP_DROP, ("SYS_ADMIN",)))
    assert bounding_set(but, STOCK_CAPABILITIES) == ALL_CAPABILITIES - {"CAP_SYS_ADMIN"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (512 << 20, "512m"),
        (3 << 30, "3g"),
        (1536 << 20, "1536m"),
        (65536000, "64000k"),
        (1000, "1000b"),
        (-1, "-1"),
    ],
)
def test_sizes_are_written_in_the_largest_unit_that_is_exact(
    value: int,
    text: str,
) -> None:
    assert size_text(value) == text
