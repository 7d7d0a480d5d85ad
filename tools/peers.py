"""Write its part of docs/accuracy.md: HardenTUI and other tools on containers whose state is known.

    python -m tools.peers [--rounds N]

Needs root, the packages of the live tests, Lynis (`apt-get install lynis`) and checkov (`pip
install checkov`, in its own environment). All tools check the same containers of the confusion
table. Lynis audits the host; checkov cannot read containers, so it gets the YAML that `podman kube
generate` produces for each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from hardentui.features.views import Report
from hardentui.model.finding import Status
from tests.live.flavours.making import PREFIX, World
from tests.live.flavours.model import ROOTFUL
from tests.live.flavours.peers import MEASURED, Measured, recorded_table
from tests.support.podman import Bench
from tools.page_parts import write_part

ROOT = Path(__file__).resolve().parent.parent
BASE = "hardened"
_JSON = ("-o", "json", "--compact", "--skip-download")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Answers:
    """What one tool reports.

    Attributes:
        failing, passing: container -> IDs of its tests that fail and pass there.
    """

    failing: Mapping[str, frozenset[str]]
    passing: Mapping[str, frozenset[str]]

    def about(
        self,
        container: str,
        ids: frozenset[str],
    ) -> str:
        """How the tool judges a bad container, compared with the hardened one."""
        if not ids:
            return "no such test"
        if container not in self.failing:
            return "cannot be asked"
        hit = self.failing[container] & ids
        if hit - self.failing[BASE]:
            return "**reports it**"
        if hit:
            return "reports it, but also for the hardened one"
        return "says it passes" if self.passing[container] & ids else "does not report it"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each tool runs; default: 3"
    )
    given = parser.parse_args()
    missing = [name for name in ("lynis", "checkov") if not shutil.which(name, path=_PATH)]
    if missing or os.getuid() != 0:
        print(
            f"missing: {', '.join(missing) or 'root'}; see --help",
            file=sys.stderr,
        )
        return 2
    names = {BASE, *(row.proof.flavour for row in MEASURED)}
    world = World(Bench(), ROOTFUL)
    world.flavours = tuple(flavour for flavour in world.flavours if flavour.name in names)
    try:
        world.start()
        world.make()
        write_part(ROOT / "docs" / "accuracy.md", "peers", _measure(world, given.rounds))
    finally:
        world.bench.stop()
    return 0


def _measure(world: World, rounds: int) -> str:
    directory = world.bench.directory / "peers"
    directory.mkdir()
    checkov = Checkov(world, directory)
    lynis = Lynis(world, directory)
    check = [
        sys.executable,
        "-m",
        "hardentui",
        "check",
        "--quiet",
        "--url",
        world.bench.url,
    ]
    tools: dict[str, Callable[[], object]] = {
        "HardenTUI": lambda: subprocess.run(
            check, cwd=ROOT, stdout=subprocess.DEVNULL, check=False
        ),
        "checkov": checkov.run,
        "Lynis": lynis.run,
    }
    times: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, run in tools.items():
            begun = perf_counter()
            run()
            times[name].append(perf_counter() - begun)
    world.scan()
    ours = Answers(*(_ids(world.reports, status) for status in (Status.FAIL, Status.PASS)))
    return _page(world, ours, checkov, lynis, times)


def _ids(
    reports: Mapping[str, Report],
    status: Status,
) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(finding.check for finding in report.findings if finding.status is status)
        for name, report in reports.items()
    }


class Checkov:
    """checkov on the YAML that Podman generates for each container."""

    def __init__(
        self,
        world: World,
        directory: Path,
    ) -> None:
        self._world = world
        self._directory = directory / "kube"
        self._directory.mkdir()
        self._said = directory / "checkov.json"
        self.version = _first_line("checkov", "--version")

    def run(self) -> None:
        for flavour in self._world.flavours:
            target = self._directory / f"{flavour.name}.yaml"
            try:
                target.write_text(
                    self._world.bench.podman(
                        "kube",
                        "generate",
                        PREFIX + flavour.name,
                    )
                )
            except subprocess.CalledProcessError:
                target.unlink(
                    missing_ok=True
                )  # Podman refuses some options; that container cannot be asked
        command = [
            "checkov",
            "-d",
            str(self._directory),
            "--framework",
            "kubernetes",
            "secrets",
        ]
        with self._said.open("w") as target_file:
            subprocess.run(
                [*command, *_JSON],
                stdout=target_file,
                check=False,
            )

    def answers(self) -> Answers:
        document = json.loads(self._said.read_text())
        results = [
            run["results"] for run in (document if isinstance(document, list) else [document])
        ]
        answers = []
        for kind in ("failed_checks", "passed_checks"):
            ids: dict[str, set[str]] = {path.stem: set() for path in self._directory.glob("*.yaml")}
            for result in results:
                for policy in result[kind]:
                    ids[Path(policy["file_path"]).stem].add(policy["check_id"])
            answers.append({name: frozenset(these) for name, these in ids.items()})
        return Answers(*answers)


class Lynis:
    """The container tests of Lynis, on the host that runs the containers."""

    def __init__(
        self,
        world: World,
        directory: Path,
    ) -> None:
        self._world = world
        self._log, self._report = directory / "lynis.log", directory / "lynis.dat"
        self.version = _first_line("lynis", "show", "version")

    def run(self) -> None:
        files = (
            "--logfile",
            str(self._log),
            "--report-file",
            str(self._report),
        )
        group = ("--tests-from-group", "containers")
        self._world.bench.execute(
            "lynis", "audit", "system", "--quick", "--quiet", *group, *files, timeout=300
        )

    def said(self) -> str:
        lines = self._report.read_text(errors="replace").splitlines()
        about = [line for line in lines if line.startswith(("suggestion[]=CONT", "warning[]=CONT"))]
        named = PREFIX in self._log.read_text(errors="replace") + "\n".join(lines)
        return (
            f"It made {len(about)} suggestions or warnings about containers and named "
            f"{'some' if named else 'none'} of these containers."
        )


def _first_line(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PATH": _PATH}
    )
    return done.stdout.strip().partition("\n")[0]


def _page(
    world: World,
    ours: Answers,
    checkov: Checkov,
    lynis: Lynis,
    times: Mapping[str, list[float]],
) -> str:
    theirs = checkov.answers()
    rows = "\n".join(
        f"| {row.truth} | {row.proof.flavour} "
        f"| {ours.about(row.proof.flavour, frozenset({row.proof.check}))} "
        f"| {theirs.about(row.proof.flavour, frozenset(row.checkov))} |"
        for row in MEASURED
    )
    ratio = [
        f"| {name} | {statistics.median(seconds):.1f} s "
        f"| {statistics.median(a / b for a, b in zip(seconds, times['HardenTUI'], strict=True)):.0f}× |"
        for name, seconds in times.items()
    ]
    return f"""\
## Other tools, side by side

Generated by `tools/peers.py` from a run; do not edit.

What HardenTUI and other tools report about containers whose true state is known (some of the above), and
how long each tool takes.

### Measured

{len(world.flavours)} containers on {world.machine}: one is hardened, and each of the others adds bad
conditions to it. A tool is right when it reports the condition for the bad container and not for the
hardened one.

- **HardenTUI**: `check`, which reads from Podman and the kernel.
- **checkov {checkov.version}** cannot read containers. It was given the YAML that `podman kube generate`
  produces for each one, so checkov cannot see what Podman leaves out of it. It does not
  support Quadlet files.
- **Lynis {lynis.version}** audits the host; only its container tests were run.
  {lynis.said()}

| true state | container | HardenTUI | checkov |
|---|---|---|---|
{rows}

| | right, of {len(MEASURED)} | false alarms on the hardened container |
|---|---|---|
| HardenTUI | {_right(ours, _own)} | {_alarms(ours, _own)} |
| checkov | {_right(theirs, _of_checkov)} | {_alarms(theirs, _of_checkov)} |

| tool | median of {len(times["Lynis"])} runs | relative to HardenTUI, same run |
|---|---|---|
{chr(10).join(ratio)}

checkov's time includes `podman kube generate`. False alarms count only the tests in the table above;
checkov's other policies are specific to Kubernetes.

### Recorded, not measured here

Two benchmarks were written for this purpose: docker-bench-security 1.6.0 (run through Podman's
Docker-compatible command) and podman-security-bench 1.0.0. They are not available on every machine, so
these are their recorded answers from one run on Podman 5.4.2, again on containers whose true state was
known. They inspect running containers only, ignore secrets in environment variables, and run programs inside
the containers. With 10 containers, 5 of them running, they took 166 and 110 times as long as fetching
everything a check needs (`benchmarks/floor_scan.py`, in the same run).

{recorded_table()}

An empty cell means that no wrong answer was seen. The numbers are those of the benchmarks. The HardenTUI
column is asserted by the confusion table or by the named test.
"""


def _own(row: Measured) -> frozenset[str]:
    return frozenset({row.proof.check})


def _of_checkov(row: Measured) -> frozenset[str]:
    return frozenset(row.checkov)


def _right(
    said: Answers,
    ids: Callable[[Measured], frozenset[str]],
) -> int:
    return sum(said.about(row.proof.flavour, ids(row)) == "**reports it**" for row in MEASURED)


def _alarms(
    said: Answers,
    ids: Callable[[Measured], frozenset[str]],
) -> int:
    return len(said.failing[BASE] & frozenset[str]().union(*map(ids, MEASURED)))


if __name__ == "__main__":
    sys.exit(main())
