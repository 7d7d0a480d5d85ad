"""What an argument means stands in its row: it is read as it is written, and spellings are told
apart."""

from typing import Any

import pytest

from hardentui.model.open_value import UNKNOWN
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.argv import spec_from_argv
from hardentui.options.codecs import size_of
from hardentui.options.items import Item, item_word, items_of, parse_argument, same
from tests.support.option_samples import NO_SIZES, SIZES, sample

POSITIONAL = {"image", "command", "rootfs"}


@pytest.mark.parametrize(
    "option",
    [o for o in TABLE if o.name not in POSITIONAL],
    ids=repr,
)
def test_what_a_row_writes_it_reads_again(option: Option[Any]) -> None:
    spec = Spec.of((option, sample(option)))
    words = option.to_words(sample(option))
    before, after = (words, ()) if option.before_verb else ((), words)
    assert (
        spec_from_argv(["podman", *before, "run", *after, "img"]).without(BY_NAME["image"]) == spec
    )


@pytest.mark.parametrize(
    "option",
    [o for o in TABLE if o.name not in POSITIONAL],
    ids=repr,
)
def test_an_entry_is_the_same_whether_it_comes_from_a_spec_or_from_its_word(
    option: Option[Any],
) -> None:
    for item in items_of(Spec.of((option, sample(option))), option):
        flag, _, argument = item_word(item).partition("=")
        (again,) = parse_argument(flag, argument or "true")
        assert (again.option, again.value, again.identity) == (option, item.value, item.identity)
        assert same(item, again)


def item(flag: str, argument: str) -> Item:
    (result,) = parse_argument(flag, argument)
    return result


@pytest.mark.parametrize(
    ("flag", "spelling", "other"),
    [
        ("--cap-add", "net_raw", "CAP_NET_RAW"),
        ("--publish", "80:80/tcp", "80:80"),
        ("--publish", "[::1]:80:80", "[::1]:80:80/tcp"),
        ("--device", "/dev/kvm", "/dev/kvm:/dev/kvm:rwm"),
        ("--secret", "key", "key,type=mount"),
        ("--tmpfs", "/run/", "/run:rw"),
        ("--volume", "/a:/b:rw,rbind", "/a:/b/"),
        (
            "--mount",
            "type=bind,src=/a,dst=/b,readonly",
            "type=bind,source=/a,target=/b,ro=true",
        ),
        ("--memory", "1024m", "1g"),
        ("--health-interval", "1m30s", "90s"),
        ("--entrypoint", '["sh"]', "sh"),
        ("--security-opt", "seccomp:unconfined", "seccomp=unconfined"),
        ("--security-opt", "label:type:spc_t", "label=type:spc_t"),
        ("--security-opt", "no-new-privileges", "no-new-privileges:true"),
        ("--security-opt", "no-new-privileges", "no-new-privileges=1"),
        ("--security-opt", "no-new-privileges:false", "no-new-privileges=F"),
        ("--pids-limit", "0x14", "20"),
        ("--pids-limit", "024", "20"),
        ("--cpu-quota", "-01", "-1"),
        ("--tty", "true", "1"),
    ],
)
def test_two_spellings_of_one_thing(
    flag: str,
    spelling: str,
    other: str,
) -> None:
    first, second = item(flag, spelling), item(flag, other)
    assert first.known
    assert second.known
    assert same(first, second)
    assert first.identity == second.identity


@pytest.mark.parametrize(
    ("flag", "argument", "identity"),
    [
        ("--env", f"HOME={UNKNOWN}%h", "HOME"),
        ("--volume", f"{UNKNOWN}%h/x:/data:ro", "/data"),
        (
            "--mount",
            f"type=bind,source={UNKNOWN}%h,destination=/data",
            "/data",
        ),
        (
            "--mount",
            f"type=tmpfs,destination=/data,tmpfs-size={UNKNOWN}%i",
            "/data",
        ),
    ],
)
def test_an_entry_that_only_systemd_knows_is_still_told_apart(
    flag: str,
    argument: str,
    identity: str,
) -> None:
    result = item(flag, argument)
    assert not result.known
    assert result.identity == identity


def test_a_range_of_ports_is_spread() -> None:
    assert [item.value for item in parse_argument("--publish", "8000-8001:80-81,90")] == [
        Port(80, "8000"),
        Port(81, "8001"),
        Port(90),
    ]


def test_a_port_that_cannot_be_read_is_unknown_and_stays_as_it_is_written() -> None:
    result = item("--publish", "some:thing:odd:80")
    assert not result.known
    assert item_word(result) == "--publish=some:thing:odd:80"


@pytest.mark.parametrize("text", SIZES)
def test_a_size_is_what_podman_takes(text: str) -> None:
    assert size_of(text) == SIZES[text]


@pytest.mark.parametrize(
    "text",
    [*NO_SIZES, "", "inf", "nan", "1e400g", "1" * 400],
)
def test_what_is_no_size_is_told_and_ends_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        size_of(text)
