"""Run the live tests on the Podmans of several Debian releases, and write docs/support.md
and docs/accuracy.md from it.

`python -m tools.podman_versions` takes an hour or more; words choose releases (`forky`). What came
out of each area is kept in .versions: the next run goes on with what is missing or failed, and the
page is made of all that is kept; `rm -r .versions` begins anew. `--short` takes a few minutes, runs
what differs most between the Podmans, keeps nothing and writes no page; CI runs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.live.flavours.page import page as confusion_page
from tests.live.flavours.page import stored
from tests.support.podman import root_of
from tools.page_parts import write_part

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "support.md"
CONFUSION = ROOT / "docs" / "accuracy.md"
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13", "forky": "Debian's next"}
SHORT_RELEASES = ("bookworm", "forky")
KEPT = ROOT / ".versions"
REFUSED = "refused: "
PYTEST = (sys.executable, "-m", "pytest", "-q", "-n", "0")


@dataclass(frozen=True)
class Area:
    """What a row of the table is about.

    Attributes:
        file: the tests' file or directory below `place`; it belongs to one area.
        only, short: the tests that run, by the beginning of their names; empty = all, in a short
            run none.
        marks: those that run, by their marks.
    """

    title: str
    file: str
    only: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    place: str = "tests/live"
    marks: str = "long or not long"


AREAS = (
    Area(
        "Default values, compose, quadlet install, own Python",
        "test_podman_versions.py",
        short=("test_",),
    ),
    Area("Engine: list, inspect, events", "test_engine.py"),
    Area("Kernel facts", "test_kernel.py"),
    Area(
        "Every option: script and unit, created again",
        "test_round_trip.py",
        short=("test_chosen", "test_nasty"),
    ),
    Area("Values in units, by the generator", "test_round_trip_escaping.py"),
    Area("Sizes", "test_sizes.py"),
    Area(
        "Networks, volumes, pods, made through the API",
        "test_round_trip_around.py",
    ),
    Area(
        "Trial",
        "test_trial.py",
        only=(
            "test_redis_needs",
            "test_a_read_only_path",
            "test_one_that_cannot",
            "test_rootless",
        ),
        short=("test_one_that_cannot",),
    ),
    Area(
        "Learning",
        "test_learn.py",
        only=("test_redis", "test_nginx"),
    ),
    Area(
        "Apply and undo",
        "test_apply.py",
        only=(
            "test_the_hardened_container",
            "test_limits_change",
            "test_nobody_to_ask",
            "test_a_probe_that",
        ),
        short=("test_the_hardened_container",),
    ),
    Area(
        "Truth of the checks",
        "test_confusion.py",
        only=("test_every_answer_is_true",),
    ),
    Area(
        "Under systemd with cgroup v2, emulated", "host", place="tests", marks="host and not long"
    ),
)


@dataclass
class Result:
    """What came out for one area on one Podman."""

    passed: int = 0
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def cell(self) -> str:
        if self.failed:
            return f"**fails** ({len(self.failed)} of {self.passed + len(self.failed)})"
        if self.refused:
            return f"works; {len(self.refused)} refused" if self.passed else "refused"
        return "works" if self.passed else "–"


@dataclass
class Run:
    """What came out on one Podman."""

    release: str
    podman: str = "?"
    python: str = "?"
    results: dict[str, Result] = field(default_factory=dict)
    differs: list[str] = field(default_factory=list)
    said: str = ""


def wanted(area: Area, short: bool) -> str:
    """What pytest's `-k` chooses of an area; empty = all."""
    return " or ".join(area.short if short else area.only)


def run(
    release: str,
    areas: Iterable[Area],
    reports: Path,
    *,
    short: bool,
) -> Run:
    """Run areas on the Podman of a release, but not those that passed in an earlier run."""
    result = Run(release)
    environment = {
        **os.environ,
        "HARDENTUI_TEST_RELEASE": release,
        "HARDENTUI_REQUIRE_LIVE": "1",
    }
    reports.mkdir(parents=True, exist_ok=True)
    for area in areas:
        report = reports / f"{area.file}.xml"
        if passed(report):
            read(report, area, result)
            continue
        part = reports / f"{area.file}.part"
        told = (
            "--timeout=1200",
            "-o",
            "junit_family=xunit1",
            f"--junitxml={part}",
        )  # 2: no properties
        chosen = ("-m", area.marks, "-k", wanted(area, short))
        done = subprocess.run(
            [
                *PYTEST,
                "--tb=short",
                *told,
                *chosen,
                f"{area.place}/{area.file}",
            ],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"{release} {area.title}: {last_line(done.stdout)}", flush=True)
        if done.returncode <= 1:  # else it was cut off
            part.replace(report)
            read(report, area, result)
        if done.returncode:
            result.said += done.stdout[-20_000:] + done.stderr
    return result


def last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "said nothing")


def passed(report: Path) -> bool:
    """Whether that report is there and tells of no failure."""
    if not report.exists():
        return False
    suite = ElementTree.parse(report).find("testsuite")  # noqa: S314 - our own
    return suite is not None and suite.get("errors") == suite.get("failures") == "0"


def read(report: Path, area: Area, result: Run) -> None:
    """Add an area's junit report."""
    of_area = result.results.setdefault(area.title, Result())
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            of_area.failed.append(case.get("name", ""))
        elif skipped is None:
            of_area.passed += 1
        elif (reason := skipped.get("message", "")).startswith(REFUSED):
            of_area.refused.append(
                reason.removeprefix(REFUSED).removeprefix("Error: ").splitlines()[0]
            )
        for fact in case.iter("property"):
            value = fact.get("value", "")
            match fact.get("name"):
                case "podman":
                    result.podman = value
                case "python":
                    result.python = value.removeprefix("Python ")
                case "differs" if value not in result.differs:
                    result.differs.append(value)


def page(runs: Sequence[Run]) -> str:
    lines = [
        "## What differs between Podmans",
        "",
        "The live tests on three Podmans, each with the rest of its Debian release. `make test-versions`"
        " writes this page. *n refused*: what that Podman does not know; the list is below; –: not run. The"
        " last row: `make test-host-short`, as root and rootless; without Quadlet, on units of `podman"
        " generate systemd`.",
        "",
        "Podman 4.4 and newer have Quadlet. 5.6 and newer also have `podman quadlet install`, which `fix`"
        " then names; the commands that it prints work without. Before 5.4, limits take a new container,"
        " because `podman update` forgets them, or the others, at the next start. Debian's next release gives"
        " `--userns=auto` only if there is an account `containers`, too; the tests make one.",
        "",
        "| | "
        + " | ".join(f"Podman {run.podman} ({RELEASES[run.release]})" for run in runs)
        + " |",
        "|---|" + "---|" * len(runs),
        "| Python of the release | " + " | ".join(run.python for run in runs) + " |",
    ]
    for area in AREAS:
        cells = (run.results.get(area.title, Result()).cell() for run in runs)
        lines.append(f"| {area.title} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "### How they differ",
        "",
        "What a container has that was given no option:",
        "",
    ]
    shared = set.intersection(*(set(run.differs) for run in runs)) if runs else set()
    for ran in runs:
        lines.append(
            f"- {ran.podman}: " + "; ".join(text for text in ran.differs if text not in shared)
        )
    for ran in runs:
        refused = sorted({text for result in ran.results.values() for text in result.refused})
        if refused:
            lines += [
                "",
                f"### Refused by Podman {ran.podman}",
                "",
                *(f"- {text}" for text in refused),
            ]
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    short = "--short" in words
    asked = [word for word in words if word in RELEASES]
    releases = asked or (SHORT_RELEASES if short else tuple(RELEASES))
    areas = [area for area in AREAS if area.short or not short]
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(2) as pool:
        reports = Path(directory) if short else KEPT
        list(pool.map(root_of, releases))
        runs = list(
            pool.map(
                lambda name: run(
                    name,
                    areas,
                    reports / name,
                    short=short,
                ),
                releases,
            )
        )
    text = page(runs)
    print(text)
    failed = [(ran, result) for ran in runs for result in ran.results.values() if result.failed]
    for ran, result in failed:
        print(f"{ran.podman}: {' '.join(result.failed)}")
    for ran in runs:
        print(ran.said)
    whole = not failed and all(len(ran.results) == len(areas) for ran in runs)
    if whole and not short and not asked:
        write_part(PAGE, "podman_versions", text)
        write_part(CONFUSION, "confusion", confusion_page(stored()))
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
