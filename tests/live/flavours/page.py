"""docs/confusion.md: the table of a run as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.live.flavours.base import HARDENED
from tests.live.flavours.model import BOTH, KERNEL_DOORS, LIMITS, ROOTFUL, ROOTLESS, Flavour, Ids, Place
from tests.live.flavours.outcome import Row
from tests.live.flavours.table import FLAVOURS, MACHINE_DECIDES, NOT_LOOKED_AT

_INTRODUCTION = """\
# The confusion table

Written by `tools/confusion.py` from a run of `tests/live/test_confusion.py`; do not edit it by hand.

Are the results right? This table tests that. Each line is a real container, created on a rootful and on a
rootless Podman, with one bad condition on top of a hardened base. Its true state is known. The checks for
that condition **must fail**, and all other checks of the container **must not fail**: a bad condition that
is not reported is a false pass, a reported one that does not exist is a false failure, and "unknown" counts
as wrong unless the table says why the answer cannot be known.

"Tried" means that the true state was confirmed by trying: a process of the tests entered the container's
namespaces as its root, with no more capabilities than the container has, and read a file, tested whether it
could write, or talked to the socket. If the result differs from the table, the table is wrong.
"""


def figures(rows: Sequence[Row]) -> dict[str, int]:
    """The totals of a run."""
    return {
        "flavours": len(FLAVOURS),
        "flavours that were tried inside": sum(bool(flavour.probes) for flavour in FLAVOURS),
        "containers judged": len(rows),
        "assertions": sum(row.judged for row in rows),
        "bad conditions that must be reported": sum(len(row.bad) for row in rows),
        "false passes": sum(len(row.false_passes) for row in rows),
        "false failures": sum(len(row.false_failures) for row in rows),
        "undecided without need": sum(len(row.undecided) for row in rows),
    }


def page(rows: Sequence[Row], machine: str) -> str:
    """The page as Markdown. `machine` says where it ran."""
    numbers = "\n".join(f"| {name} | {count} |" for name, count in figures(rows).items())
    by_name = {(row.engine, row.name): row for row in rows}
    lines = "\n".join(_line(flavour, by_name) for flavour in FLAVOURS)
    pods = [flavour for flavour in FLAVOURS if flavour.pod is not None]
    infra = "\n".join(
        _line_of(f"{pod.name}-infra", dict.fromkeys(pod.engines, pod.infra_bad), by_name) for pod in pods
    )
    beside = "\n".join(
        _line_of(f"{pod.name}-beside", _on_each(pod, pod.beside_bad), by_name) for pod in pods if pod.beside
    )
    base = "\n".join(f"| {name} | {_words(part(_example(ROOTFUL)))} |" for name, part in HARDENED.items())
    tries = "\n".join(
        f"| {flavour.name} | `{check}` | {_words((_short(command),))} |"
        for flavour in FLAVOURS
        for check, command in flavour.tries.items()
    )
    left = "\n".join(f"| `{name}` | {why} |" for name, why in {**MACHINE_DECIDES, **NOT_LOOKED_AT}.items())
    return f"""{_INTRODUCTION}
## Figures

Run on {machine}.

| | |
|---|---|
{numbers}

## The hardened base

| part | options |
|---|---|
{base}

The image has a user of its own and declares the port that it listens on. Rootless containers have no
`--userns` and take a free port.

## The table

"Without" names parts of the base that are left out. The counts are checks that must not fail, on the rootful
and on the rootless engine; a dash means that this engine has no such container.

| container | made with | must fail | must not fail | wrong answers |
|---|---|---|---|---|
{lines}

Infra containers of the pods above:

| container | must fail | must not fail | wrong answers |
|---|---|---|---|
{infra}

Their second members, which share the network with the first:

| container | must fail | must not fail | wrong answers |
|---|---|---|---|
{beside}

{_doors_note()}{_limits_note(rows)}## What is tried inside

For these containers, the true state was tried inside while they ran: the command works exactly where the
check must fail. A container that does not match its description counts as undecided.

| container | check | command |
|---|---|---|
{tries}

## What a scan here cannot say

The first checks depend on the machine that runs the tests, and are not counted. The others must report
neither pass nor fail for something that was not inspected.

| check | why |
|---|---|
{left}

What other tools report about such containers: [peers.md](peers.md).
"""


def _example(engine: str) -> Place:
    return Place(engine, 1, "/FOLDER", "/ENGINE/podman.sock", True)


def _words(words: Iterable[str]) -> str:
    text = " ".join(f"'{word}'" if " " in word else word for word in words)
    return f"`{text}`".replace("|", "\\|") if text else ""


def _made_with(flavour: Flavour) -> str:
    engine = flavour.engines[0]
    if flavour.body is not None:
        made = "the API"
    else:
        words = flavour.options(_example(engine))
        made = _words(words) or ("the base" if flavour.image.endswith("truth-web:1.0") else "")
    if not flavour.image.endswith("truth-web:1.0"):
        made = f"{made} image `{flavour.image.removeprefix('localhost/')}`".strip()
    if flavour.command[:3] != ("httpd", "-f", "-p") or len(flavour.command) > 4 or "9090" in flavour.command:
        made += f" command {_words(flavour.command)}"
    if flavour.pod is not None:
        made += f" in a pod with {_words(flavour.pod_options(_example(engine)))}"
    if flavour.beside:
        made += f", beside a member that runs {_words(flavour.beside)}"
    for command in flavour.after:
        made += f"; then {_words(('podman', *command)).replace('{}', flavour.name)}"
    if flavour.probes:
        made += f"; tried: {', '.join(f'{kind} `{path}`' for kind, path in flavour.probes.values())}"
    if flavour.override:
        made += f"; CONTAINERS_CONF_OVERRIDE names `{flavour.override}`"
    if flavour.without:
        made += f"; without {', '.join(sorted(flavour.without))}"
    return made if flavour.state == "running" else f"{made}; {flavour.state}"


def _line(flavour: Flavour, rows: Mapping[tuple[str, str], Row]) -> str:
    result = {engine: rows[engine, flavour.name] for engine in flavour.engines}
    bad = _bad(_on_each(flavour, flavour.bad))
    return f"| {flavour.name} | {_made_with(flavour)} | {bad} | {_counts(result)} | {_wrong(result)} |"


def _line_of(name: str, bad: Mapping[str, Ids], rows: Mapping[tuple[str, str], Row]) -> str:
    """Another container of a pod."""
    result = {engine: rows[engine, name] for engine in bad}
    return f"| {name} | {_bad(bad)} | {_counts(result)} | {_wrong(result)} |"


def _on_each(flavour: Flavour, bad: Ids) -> dict[str, Ids]:
    return {engine: bad | flavour.bad_on.get(engine, frozenset()) for engine in flavour.engines}


def _bad(by_engine: Mapping[str, Ids]) -> str:
    everywhere = frozenset.intersection(*by_engine.values())
    parts = [f"`{check}`" for check in sorted(everywhere)]
    for engine, checks in by_engine.items():
        if more := sorted(checks - everywhere):
            parts.append(f"{engine}: " + ", ".join(f"`{check}`" for check in more))
    return ", ".join(parts) or "nothing"


def _counts(by_name: Mapping[str, Row]) -> str:
    return " / ".join(
        str(by_name[engine].judged - len(by_name[engine].bad)) if engine in by_name else "-"
        for engine in BOTH
    )


def _wrong(by_name: Mapping[str, Row]) -> str:
    return str(sum(len((*row.false_passes, *row.false_failures, *row.undecided)) for row in by_name.values()))


def _short(command: str) -> str:
    return command if len(command) <= 160 else f"{command[:160]}…"


def _doors_note() -> str:
    closed = ", ".join(f"`{flavour.name}`" for flavour in FLAVOURS if flavour.closes == KERNEL_DOORS)
    doors = " and ".join(f"`{check}`" for check in sorted(KERNEL_DOORS))
    return (
        f"Podman's own seccomp profile leaves what {doors} look for.\n"
        "So both must fail on every container that was started, besides what the table says, but for those\n"
        f"with a profile that closes it: {closed}.\n\n"
    )


def _limits_note(rows: Iterable[Row]) -> str:
    ignored = any(row.engine == ROOTLESS and row.bad >= LIMITS and row.name == "hardened" for row in rows)
    if not ignored:
        return ""
    return (
        "On this machine (cgroup v1) Podman ignores the limits of rootless containers without failing. So\n"
        f"{', '.join(f'`{check}`' for check in sorted(LIMITS))} must fail on every rootless container\n"
        "besides what the table says: what was asked for does not count, what the kernel enforces does.\n\n"
    )
