"""Measure how much of random containers can be read back: writes docs/options-measured.md.

usage: tools/measure_options.py [NUMBER]    (default 200; about two seconds each on a Podman of its own)
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from hardentui.model.spec import Spec
from hardentui.model.version import Version
from hardentui.options import NETWORK_ALIAS, TABLE
from hardentui.writers.context import UnitContext
from tests.live.test_round_trip import FOLDER, NET, SAME_EFFECT, Place, Refused, all_aliases, prepared
from tests.property.containers import Words, containers
from tests.support.podman import Bench

PAGE = Path(__file__).resolve().parent.parent / "docs" / "options-measured.md"
ROWS = (
    ("created, with its create command", "written as a script, created again and read again"),
    ("created, without it", "as a container made through the API"),
    ("running, with its create command", "compared with what was read before its start"),
    ("running, without it", "the OCI configuration is not readable"),
    ("running, without it, with the OCI config", "the engine's files are readable"),
)


class Measure:
    """Counts of what came through, by way of reading."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.equal: Counter[str] = Counter()
        self.named: Counter[str] = Counter()
        self.silent: Counter[str] = Counter()
        self.unknowable: Counter[str] = Counter()
        self.refused = 0
        self.not_startable = 0

    def count(self, row: str, found: Spec, meant: Spec) -> None:
        """Whether the spec is the one that was meant, and if not, whether all that is missing is named."""
        self.tried[row] += 1
        different = [
            option
            for option in TABLE
            if found[option] != meant[option] and option not in SAME_EFFECT and option is not NETWORK_ALIAS
        ]
        if all_aliases(found) != all_aliases(meant):
            different.append(NETWORK_ALIAS)
        if not different:
            self.equal[row] += 1
            return
        told = {option.flag for option in found.unknowable}
        words = " ".join(found.remarks)
        lost = [option for option in different if option.flag not in told and option.flag not in words]
        self.unknowable.update(option.name for option in different)
        for option in lost:
            print(f"lost in silence, {row}: {option.name}: {meant[option]!r} reads {found[option]!r}")
        (self.silent if lost else self.named)[row] += 1


def measure(place: Place, number: int) -> Measure:
    """Create that many random containers, and read each in every way."""
    result = Measure()

    @settings(
        max_examples=number, derandomize=True, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=containers(FOLDER, NET))
    def one(case: tuple[Words, Words]) -> None:
        _one(place, result, *case)

    one()
    return result


def _one(place: Place, result: Measure, flags: Words, words: Words) -> None:
    name = "rt-measured"
    place.remove(name)
    flags = tuple(word for word in flags if not word.startswith(("--entrypoint", "--rm", "--timeout")))
    try:
        place.create(name, flags, ("/bin/sh", "-c", "exec sleep 300", *words))
    except Refused:
        result.refused += 1
        return
    created = place.read(name)
    result.count(ROWS[1][0], place.read(name, with_command=False), place.as_given(created))
    place.create_again(created, name, UnitContext(version=Version.parse(place.engine["version"]["Version"])))
    result.count(ROWS[0][0], place.read(name), created)
    try:
        place.bench.podman("start", name)
    except subprocess.CalledProcessError:
        result.not_startable += 1
        return
    result.count(ROWS[2][0], place.read(name), created)
    result.count(ROWS[3][0], place.read(name, with_command=False), place.as_given(created))
    with_oci = place.read(name, with_command=False, with_oci=True)
    result.count(ROWS[4][0], with_oci, place.as_given(created))


def page(result: Measure, number: int, version: str) -> str:
    """The measurement as Markdown."""
    lines = [
        "# What comes through, measured",
        "",
        "Written by `tools/measure_options.py`, which creates random containers over all rows of the option",
        "table and reads them back in five ways. *Named* means: the output says by name what it cannot know.",
        "*In silence* must be 0.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d} · Podman {version} · {number} random containers, of which Podman"
        f" refused {result.refused} and could not start {result.not_startable} here.",
        "",
        "| the container is | N | without loss | named as unknowable | lost in silence | how |",
        "|---|---|---|---|---|---|",
    ]
    for row, how in ROWS:
        tried = result.tried[row]
        share = f"{result.equal[row]} ({100 * result.equal[row] / tried:.0f} %)" if tried else "–"
        lines.append(f"| {row} | {tried} | {share} | {result.named[row]} | {result.silent[row]} | {how} |")
    lines += ["", "What was not to be known, by option, most often first:", ""]
    lines += [f"- `{name}` {times} times" for name, times in result.unknowable.most_common()]
    return "\n".join((*lines, ""))


def main(arguments: list[str]) -> int:
    number = int(arguments[0]) if arguments else 200
    bench = Bench()
    bench.start()
    try:
        bench.image()
        with prepared(bench) as place:
            result = measure(place, number)
            PAGE.write_text(page(result, number, str(place.engine["version"]["Version"])))
    finally:
        bench.stop()
    print(PAGE.read_text())
    return 1 if sum(result.silent.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
