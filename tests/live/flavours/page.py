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

Can the answers be believed? This table is the test of that. Each line is a container that was really made, on
a rootful and on a rootless Podman, with one bad condition on top of a hardened base. What is wrong with it is
known beforehand. The checks that judge that condition **must fail**, and all the other checks of a container
**must not fail**: a bad condition that is not reported is a false pass, a reported one that is not there is a
false failure, and an "unknown" counts as wrong unless the table says why nobody can tell.

What is wrong with a container is not only told, but tried, once it runs, before any answer is judged:

- The runtime starts a shell in every container as its root, with the rights of the main process. It uses
  them: its capabilities, system calls, a setuid program, the root file system, what is to be masked, a
  connection to the host, a look for processes and memory of the host.
- The kernel of the host tells who the users of each container are outside, and which devices its cgroup lets
  through.
- Another machine, made of a network namespace and a cable, connects to every published port.
- What only one flavour is about is tried there: where the table says "tried", a process of the tests enters
  the container as its root and reads, asks whether it may write, or talks to a socket; further down are the
  commands that are run inside. A health check, for example, is run where nothing listens.

Where this shows whether a condition is there, that decides which checks must fail, and a flavour that says
otherwise is wrong itself. What cannot be tried (a container that is not started, a label, a name of an image)
is as its line says. None of this uses HardenTUI's own reading.
"""


def figures(rows: Sequence[Row]) -> dict[str, int]:
    """What a run comes to."""
    names = {flavour.name for flavour in FLAVOURS}
    own = {(flavour.name, check) for flavour in FLAVOURS for check in flavour.bad}
    conditions = {(row.name, check) for row in rows for check in row.bad_found}
    return {
        "flavours": len(FLAVOURS),
        "flavours that were tried": len({row.name for row in rows if row.observed} & names),
        "flavours with a bad condition of their own": len({name for name, _ in own}),
        "of these, found by trying": len({name for name, _ in own & conditions}),
        "containers judged": len(rows),
        "assertions": sum(row.judged for row in rows),
        "assertions that rest on what was tried": sum(len(row.observed) for row in rows),
        "bad conditions that must be reported": sum(len(row.bad) for row in rows),
        "bad conditions that were found by trying": sum(len(row.bad_found) for row in rows),
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
    tried = _tried(rows)
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
and on the rootless engine; a dash stands for an engine that the flavour is not made on.

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

{_doors_note()}{_limits_note(rows)}## What was found by trying

How often the condition of a check was found in a container, and how often it was found not to be there.

| check | found | not there |
|---|---|---|
{tried}

## What is tried inside some

What is said of these flavours was tried in the container itself, once it ran: the command works exactly where
the check must fail. A flavour that is not what it says counts as undecided.

| container | check | command |
|---|---|---|
{tries}

## What a scan here cannot say

The first checks, which depend on the machine that the tests run on, are in no count. Of the others it is
asserted that they neither claim a pass nor a failure for what nobody looked at.

| check | why |
|---|---|
{left}

What other benches say of such containers: [peers.md](peers.md).
"""


def _tried(rows: Sequence[Row]) -> str:
    checks = sorted({check for row in rows for check in row.observed})
    counts = {check: [row.observed[check] for row in rows if check in row.observed] for check in checks}
    return "\n".join(
        f"| `{check}` | {sum(there)} | {len(there) - sum(there)} |" for check, there in counts.items()
    )


def _example(engine: str) -> Place:
    return Place(engine, 1, "/DIRECTORY", "/ENGINE/podman.sock", True)


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
