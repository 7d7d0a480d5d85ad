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

How accurate are the checks? This table measures it. Each row is a *flavour*: a real container with one bad
condition on top of a hardened base, created on a rootful and on a rootless Podman. The condition is known in
advance. The checks for that condition **must fail**; all other container checks **must not fail**. A missed
condition is a false pass, a reported condition that does not exist is a false failure. "Unknown" counts as
wrong unless the table says why the answer cannot be known.

Before any check is judged, the tests verify the condition on the running container:

- **From inside.** A shell started by the runtime, as root with the rights of the main process, tries its
  capabilities, system calls, a setuid program, writes to the root file system, reads of masked paths,
  connections to the host, and looks for the host's processes and memory.
- **From the host.** The kernel reports which host users the container's users map to, and which devices its
  cgroup allows.
- **From the network.** A separate network namespace, linked by a virtual cable, connects to every published
  port.
- **To the limit.** In the containers that are about limits, a process asks for a little more than each limit
  grants: memory, processes, open files, a core file, a tmpfs, CPU time. A limit that is read but does not
  hit, or hits without being read, counts as undecided.
- **Per flavour.** Where the table says "tried", a test process enters the container as root and reads a file,
  checks whether it can write, or talks to a socket. Further down are the commands run inside; for example, a
  health check is run where nothing listens.

If a test can verify a condition, its result decides which checks must fail, and a flavour that declares
something else is itself an error. What cannot be tested (a container that is not started, a label, an image
name) is taken from the row. None of these tests uses the code with which HardenTUI reads a host.
"""


def figures(rows: Sequence[Row]) -> dict[str, int]:
    """What a run comes to."""
    names = {flavour.name for flavour in FLAVOURS}
    own = {(flavour.name, check) for flavour in FLAVOURS for check in flavour.bad}
    conditions = {(row.name, check) for row in rows for check in row.bad_found}
    return {
        "flavours": len(FLAVOURS),
        "flavours verified by tests": len({row.name for row in rows if row.observed} & names),
        "flavours with a bad condition": len({name for name, _ in own}),
        "of these, verified by tests": len({name for name, _ in own & conditions}),
        "containers judged": len(rows),
        "assertions": sum(row.judged for row in rows),
        "containers whose limits were driven": sum(row.driven is not None for row in rows),
        "limits that hit there": sum(len(row.driven or ()) for row in rows),
        "assertions verified by tests": sum(len(row.observed) for row in rows),
        "bad conditions to report": sum(len(row.bad) for row in rows),
        "bad conditions verified by tests": sum(len(row.bad_found) for row in rows),
        "false passes": sum(len(row.false_passes) for row in rows),
        "false failures": sum(len(row.false_failures) for row in rows),
        "undecided without a reason": sum(len(row.undecided) for row in rows),
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

The image has its own user and declares the port on which it listens. Rootless containers are created without
`--userns` and use a free port.

## The table

"Without" lists the parts of the base that were left out. "Must not fail" counts checks on the rootful and the
rootless engine; a dash means that the flavour is not created on that engine.

| container | made with | must fail | must not fail | wrong answers |
|---|---|---|---|---|
{lines}

Infra containers of these pods:

| container | must fail | must not fail | wrong answers |
|---|---|---|---|
{infra}

Second members of these pods, which share the network of the first:

| container | must fail | must not fail | wrong answers |
|---|---|---|---|
{beside}

{_doors_note()}{_limits_note(rows)}## Conditions verified by tests

How often the tests found the condition of a check in a container, and how often they found it absent.

| check | found | not there |
|---|---|---|
{tried}

## Commands run inside

These flavours were verified in the running container: the command succeeds exactly where the check must fail.
A flavour that is not what it declares counts as undecided.

| container | check | command |
|---|---|---|
{tries}

## What this scan cannot decide

The first checks depend on the machine that runs the tests and are not counted. For the others this scan lacks
the input; the tests assert that they then do not report a pass.

| check | why |
|---|---|
{left}

What other tools report about these containers: [peers.md](peers.md).
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
        f"Podman's default seccomp profile leaves open what {doors} look for.\n"
        "So, besides the checks in the table, both must fail on every started container, except those whose\n"
        f"profile closes it: {closed}.\n\n"
    )


def _limits_note(rows: Iterable[Row]) -> str:
    ignored = any(row.engine == ROOTLESS and row.bad >= LIMITS and row.name == "hardened" for row in rows)
    if not ignored:
        return ""
    return (
        "On this machine (cgroup v1) Podman silently ignores the limits of rootless containers. So\n"
        f"{', '.join(f'`{check}`' for check in sorted(LIMITS))} must fail on every rootless container\n"
        "as well: what the kernel enforces counts, not what was requested.\n\n"
    )
