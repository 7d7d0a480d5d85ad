"""Ports that options of pasta open: read as passt(1) describes them, and told apart from published ones."""

from typing import Any

import pytest

from hardentui.checks.examples import container, rootless
from hardentui.errors import CannotFix
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.finding import Status
from hardentui.options import NETWORK, Port
from hardentui.reading.networks import opened_by_pasta
from tests.support.judging import fix, judge

_BY_PODMAN = ("pasta", "--config-net", "-t", "8080-8080:80-80", "-u", "none", "-T", "none", "--no-map-gw")


def _status(name: str, facts: ContainerFacts) -> Status:
    return judge(name, facts).status


def _with(*words: str, **over: Any) -> ContainerFacts:
    value = ":".join(part for part in ("pasta", ",".join(words)) if part)
    return container((NETWORK, (value,)), engine=rootless(), **over)


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        (("-t", "9472:80"), (Port(80, "9472"),)),
        (("-t9472:80",), (Port(80, "9472"),)),
        (("--tcp-ports=5432",), (Port(5432, "5432"),)),
        (("--udp-ports", "53"), (Port(53, "53", "", "udp"),)),
        (("-u", "192.0.2.7/53"), (Port(53, "53", "192.0.2.7", "udp"),)),
        (("-t", "127.0.0.1%lo/8080:80"), (Port(80, "8080", "127.0.0.1"),)),
        (("-t", "8000-8001:80-81"), (Port(80, "8000"), Port(81, "8001"))),
        (("-t", "80", "-t", "443", "--mtu", "1400"), (Port(80, "80"), Port(443, "443"))),
        (("-t", "none", "-u", "none"), ()),
        (("-T", "5432", "--map-gw", "-4"), ()),
    ],
)
def test_ports_by_number_are_read(words: tuple[str, ...], ports: tuple[Port, ...]) -> None:
    opened = opened_by_pasta(_with(*words), ())
    assert opened.ports == ports
    assert not opened.everything


_MANY = tuple(word for first in range(1, 60_000, 900) for word in ("-t", f"{first}-{first + 899}"))


@pytest.mark.parametrize(
    "words",
    [
        *(("-t", "auto"), ("-t", "all"), ("-u", "~25"), ("--tcp-ports=1-60000",), _MANY),
        ("-t", "9" * 5000),  # Python refuses to read such a number
    ],
    ids=lambda words: words[1][:9] if len(words) == 2 else words[0],
)
def test_what_is_as_good_as_every_port_is_told(words: tuple[str, ...]) -> None:
    facts = _with(*words)
    assert opened_by_pasta(facts, ()).everything
    assert _status("wildcard-port", facts) is Status.FAIL
    with pytest.raises(CannotFix):
        fix("wildcard-port", facts)


def test_podmans_own_words_for_published_ports_are_no_further_ports() -> None:
    published = (Port(80, "8080"),)
    facts = _with(network_helper=_BY_PODMAN, kernel=Kernel(7))
    assert opened_by_pasta(facts, published).ports == ()
    assert opened_by_pasta(facts, (Port(80),)).ports == ()
    assert opened_by_pasta(facts, ()).ports == published
