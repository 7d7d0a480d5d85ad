"""Advice for the user: a probe that would prove more, and how to give a twin what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hardentui.account import find_program
from hardentui.features.change.probe import PROBE_LIMIT, ProbeResult, RunProbe
from hardentui.model.trial import Lack

_GREETINGS = {
    **dict.fromkeys((21, 25, 587), "220"),
    22: "SSH-",
    110: "+OK",
    143: "* OK",
}
"""Port -> how a service there greets."""
_CONNECT = "exec 3<>/dev/tcp/$TARGET/"
_TALKS = {
    53: (  # the name servers of the root, without recursion, over TCP
        (
            r'printf "\0\21\22\64\0\0\0\1\0\0\0\0\0\0\0\0\2\0\1" >&3; head -c 4 <&3 | tail -c 1 | grep '
            r"-qa 4"
        ),
        "answers DNS",
    ),
    389: (  # an anonymous bind; the answer has the tag of one, which is "a"
        r'printf "\60\14\2\1\1\140\7\2\1\3\4\0\200\0" >&3; head -c 12 <&3 | grep -qa a',
        "answers LDAP",
    ),
    1883: (
        r'printf "\20\14\0\4MQTT\4\2\0\74\0\0" >&3; head -c 1 <&3 | grep -q " "',
        "accepts MQTT",
    ),
    3306: ("head -c 5 <&3 | grep -qa .", "greets as a database"),
    5432: (
        r'printf "\0\0\0\10\4\322\26\57" >&3; head -c 1 <&3 | grep -q "[SN]"',
        "speaks PostgreSQL",
    ),
    6379: (
        r'printf "PING\r\n" >&3; head -c 5 <&3 | grep -q -e PONG -e NOAU',
        "answers PING",
    ),
    11211: (
        r'printf "version\r\n" >&3; head -c 7 <&3 | grep -q VERSION',
        "tells its version",
    ),
}
"""Port -> what a client says there and has to hear, which changes nothing; and what that shows."""
_POSTGRES = 5432
_MOST_ASKED = 4
_PAGE = re.compile(
    r"http://(?:127\.0\.0\.1|localhost)(?::(?P<port>\d{1,5}))?(?P<path>/[\w./-]*)?(?=[\s'\"]|$)",
    re.ASCII,
)
"""What a command asks of its own machine, if it can stand in a line of shell as it is."""
_REFUSED, _BROKEN = 400, 500
_TITLE = re.compile(
    r"<title>\s*([A-Za-z][A-Za-z .-]{1,60}[A-Za-z])\s*</title>",
    re.IGNORECASE,
)
"""A title that can stand in a line of shell between quotes, and that has no number which may
change."""
_NO_NAME = re.compile(
    r"(could not resolve|name or service not known|name resolution|no such host|unknown host|getaddrinfo"
    r"|enotfound|eai_again|bad address|nodename nor servname|host not found)",
    re.IGNORECASE,
)
_NO_WAY = re.compile(
    r"(network is unreachable|no route to host|connection (refused|timed out)|econnrefused|enetunreach"
    r"|could not connect|can't connect|cannot connect)",
    re.IGNORECASE,
)


class ProposedProbe(Struct, frozen=True):
    """A read-only probe that succeeds now, and how the service answers it."""

    command: str
    answer: str


def proposed_probe(
    ask: RunProbe,
    ports: Iterable[str],
    health: str = "",
) -> ProposedProbe | None:
    """A probe of the page that its health command asks for, else of the first port whose protocol
    is known; None if there is none.

    Args:
        ask: runs a command against the service.
        health: the command that its known application is asked with from inside.
    """
    numbers = sorted(int(port.partition("/")[2]) for port in ports if port.startswith("tcp/"))
    page = _PAGE.search(health)
    if page and int(page["port"] or 80) in numbers and find_program("curl"):
        url = f"http://$TARGET:{page['port'] or 80}{page['path'] or '/'}"
        if probe := _web_probe(ask, url, "curl -sS -m 5"):
            return probe
    probes = (_probe_of(ask, number) for number in numbers[:_MOST_ASKED])
    return next((probe for probe in probes if probe is not None), None)


def _probe_of(ask: RunProbe, port: int) -> ProposedProbe | None:
    if port == _POSTGRES and find_program("pg_isready"):
        return _tried(
            ask,
            "pg_isready -q -t 5 -h $TARGET",
            "accepts connections",
        )
    if port in _TALKS or port in _GREETINGS:
        greeting = _GREETINGS.get(port, "")
        hears = f'head -c {len(greeting)} <&3 | grep -qF -e "{greeting}"'
        talk, answer = _TALKS.get(port, (hears, f"greets with {greeting}"))
        return (
            _tried(
                ask,
                f"bash -c '{_CONNECT}{port}; {talk}'",
                answer,
            )
            if find_program("bash")
            else None
        )
    url = f"{'https' if port in (443, 8443) else 'http'}://$TARGET:{port}/"
    if find_program("curl"):
        return _web_probe(
            ask,
            url,
            f"curl{' -k' if url.startswith('https') else ''} -sS -m 5",
        )
    if find_program("wget") and url.startswith("http:"):
        return _tried(
            ask,
            f"wget -q -T 5 -O /dev/null {url}",
            "answers HTTP",
        )
    return None


def _tried(
    ask: RunProbe,
    command: str,
    answer: str,
) -> ProposedProbe | None:
    return ProposedProbe(command, answer) if ask(command, PROBE_LIMIT).succeeded else None


def _web_probe(
    ask: RunProbe,
    url: str,
    curl: str,
) -> ProposedProbe | None:
    """One that sees the title of its page, else the status that it answers now."""
    heard = ask(f"{curl} -w '\\n%{{http_code}}' {url}", PROBE_LIMIT)
    page, _, status = heard.output.rpartition("\n")
    if not heard.succeeded or not status.isdecimal() or not 200 <= int(status) < _BROKEN:
        return None
    title = _TITLE.search(page)
    if status == "200" and title:
        told = f'HTTP 200, page "{title[1]}"'
        if probe := _tried(
            ask,
            f"{curl} -f {url} | grep -qF -e '{title[1]}'",
            told,
        ):
            return probe
    if int(status) < _REFUSED:
        return ProposedProbe(f"{curl} -f -o /dev/null {url}", f"HTTP {status}")
    asks = f"test \"$({curl} -o /dev/null -w '%{{http_code}}' {url})\" = {status}"
    return _tried(ask, asks, f"HTTP {status}")


def advice_for(
    failed: ProbeResult | None,
    log: str,
    lacks: Sequence[Lack],
    *,
    outside: bool,
) -> str:
    """How to give the twin what it lacks, judging by the failed probe and its log."""
    sentences = []
    if failed is not None:
        if failed.lacks_program:
            sentences.append("The probe uses a program that this machine does not have.")
        else:
            sentences.append("A probe runs on this machine; check that it is right for $TARGET.")
    if _NO_NAME.search(log) or _NO_WAY.search(log):
        sentences.append(
            "It cannot reach a neighbour on its network: give it a twin of that container with "
            "--peer NAME."
        )
        if not outside:
            sentences.append("If it needs the outside, --outside lets the twin reach it.")
    if lacks:
        sentences.append(f"The twin lacks {'; '.join(str(lack) for lack in lacks)}.")
    return " ".join(sentences)
