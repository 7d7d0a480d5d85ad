"""Options of pasta that open ports of the host, as passt(1) describes them."""

import pytest

from hardentui.checks.prelude import container, rootless
from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts
from hardentui.options import NETWORK
from hardentui.reading.networks import opened_by_pasta
from tests.support.judging import FAIL, fix, status_of


def _with(*words: str) -> ContainerFacts:
    value = ":".join(part for part in ("pasta", ",".join(words)) if part)
    return container((NETWORK, (value,)), engine=rootless())


@pytest.mark.parametrize(
    "words",
    [
        ("-t", "9472:80"),
        ("-t9472:80",),
        ("--tcp-ports=5432",),
        ("--udp-ports", "53"),
        ("-u", "192.0.2.7/53"),
        ("--mtu", "1400", "-t", "none", "-u", "auto"),
    ],
)
def test_an_option_that_opens_a_port_is_a_failure_that_a_person_mends(
    words: tuple[str, ...],
) -> None:
    facts = _with(*words)
    assert opened_by_pasta(facts).startswith("pasta -")
    assert status_of("wildcard-port", facts) is FAIL
    with pytest.raises(CannotFix):
        fix("wildcard-port", facts)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-t", "none", "-u", "none"),
        ("-T", "5432", "--map-gw", "-4"),
        ("-t", "127.0.0.1%lo/8080:80"),
    ],
)
def test_other_options_open_none_beyond_loopback(words: tuple[str, ...]) -> None:
    assert not opened_by_pasta(_with(*words))
