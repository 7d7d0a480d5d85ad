"""Ports that pasta's own options open on the host: `--network pasta:-t,8080` publishes like `--publish`, but
`podman port` and inspect do not list it. passt(1), -t and -u."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from hardentui.model.configuration import Configuration
from hardentui.model.facts import ContainerFacts
from hardentui.model.known import known
from hardentui.model.spec import Spec
from hardentui.options import NETWORK, PUBLISH
from hardentui.options.values import Port
from hardentui.reading.containers import is_planned

_FLAGS = {"-t": "tcp", "--tcp-ports": "tcp", "-u": "udp", "--udp-ports": "udp"}
_DEFAULTS = frozenset({"", "default", "private"})
_MOST = 1024
"""More than these are as good as every port."""


class PastaPorts(Struct, frozen=True):
    """What options of pasta forward to a container.

    Attributes:
        ports: by number.
        everything: the option that forwards whatever the container listens on; empty if there is none.
    """

    ports: tuple[Port, ...] = ()
    everything: str = ""


_NOTHING = PastaPorts()


def opened_by_pasta(facts: ContainerFacts, published: tuple[Port, ...]) -> PastaPorts:
    """What pasta forwards besides the published ports. A running pasta has all of its options on its command
    line, those of containers.conf and of the API included; otherwise what is declared counts."""
    if facts.network_helper and not is_planned(facts):
        return _without(_opened(facts.network_helper), published)
    words = [word for value in facts.spec[NETWORK] for word in _words_of(value)]
    asked = facts.spec[NETWORK] or ("",)
    if facts.engine.rootless is True and any(_is_pasta(value) or value in _DEFAULTS for value in asked):
        words += _configured(facts)
    return _opened(words) if words else _NOTHING


def published_instead(spec: Spec) -> Spec:
    """The spec with the ports that its options of pasta open as `--publish`."""
    networks: list[str] = []
    published: tuple[Port, ...] = spec[PUBLISH]
    ports = [*published]
    for value in spec[NETWORK]:
        kept, opening = _split(_words_of(value))
        opened = _opened(opening)
        if opening and not opened.everything:
            networks.append(":".join(part for part in ("pasta", ",".join(kept)) if part))
            ports += opened.ports
        else:
            networks.append(value)
    return spec.with_(NETWORK, tuple(networks)).with_(PUBLISH, tuple(dict.fromkeys(ports)))


def _is_pasta(value: str) -> bool:
    return value.partition(":")[0] == "pasta"


def _words_of(value: str) -> list[str]:
    return [word for word in value.partition(":")[2].split(",") if word] if _is_pasta(value) else []


def _configured(facts: ContainerFacts) -> list[str]:
    configured = known(lambda: facts.engine.trust.configuration)
    options = configured.get("network.pasta_options") if isinstance(configured, Configuration) else None
    return [str(word) for word in options] if isinstance(options, list) else []


def _split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """(other words, words that open ports with their arguments)."""
    kept: list[str] = []
    opening: list[str] = []
    awaited = False
    for word in words:
        takes = awaited or word in _FLAGS
        glued = word.partition("=")[0] in _FLAGS or (word[:2] in ("-t", "-u") and len(word) > 2)
        (opening if takes or glued else kept).append(word)
        awaited = word in _FLAGS and not awaited
    return kept, opening


def _opened(words: Iterable[str]) -> PastaPorts:
    """What the options in a list of words open."""
    ports: list[Port] = []
    everything = flag = ""
    for word in _split(words)[1]:
        name, equals, argument = word.partition("=")
        if word in _FLAGS and not flag:
            flag = word
            continue
        if flag:
            argument = word
        elif equals and name in _FLAGS:
            flag = name
        else:
            flag, argument = word[:2], word[2:]
        opened = _ports(argument, _FLAGS[flag])
        if opened is None or len(ports) > _MOST:
            everything = f"pasta {flag} {argument}"
        else:
            ports += opened
        flag = ""
    return PastaPorts(tuple(dict.fromkeys(ports)), everything)


def _ports(argument: str, protocol: str) -> list[Port] | None:
    """The ports of `[ADDRESS[%INTERFACE]/]HOST[-HOST][:INSIDE[-INSIDE]],…`; None if it is as good as all."""
    address, slash, ranges = argument.rpartition("/")
    if not slash and argument in ("none", ""):
        return []
    address = address.partition("%")[0]
    ports: list[Port] = []
    for word in ranges.split(","):
        outside, _, inside = word.partition(":")
        first, last = _range(outside)
        start, _ = _range(inside or outside)
        if word.startswith("~") or not first or not start or len(ports) + last - first > _MOST:
            return None
        ports += [Port(start + at, str(first + at), address, protocol) for at in range(last - first + 1)]
    return ports


def _range(text: str) -> tuple[int, int]:
    """`8000-8010` as numbers; zeros if it is none."""
    ends = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    return (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)


def _without(opened: PastaPorts, published: tuple[Port, ...]) -> PastaPorts:
    """Podman hands the published ports to pasta in the same options; a random host port is only known there.

    Podman writes `-t 8080-8080:80-80`; a published range is one entry of the spec per port.
    """
    known = {(port.container, port.protocol, port.host) for port in published}
    known_inside = {(port.container, port.protocol) for port in published if not port.host}
    ports = tuple(
        port
        for port in opened.ports
        if (port.container, port.protocol, port.host) not in known
        and (port.container, port.protocol) not in known_inside
    )
    return PastaPorts(ports, opened.everything)
