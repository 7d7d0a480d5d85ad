"""The whole job on a real terminal and a real container: open, the worst container, its ten steps,
plan, try, write, quit. The written file passes this host's generator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui.features.checklists.loading import load
from hardentui.host.podman.generator import dry_run, find_generator
from tests.conftest import cannot_run
from tests.support.podman import BUSYBOX, Bench
from tests.support.real_terminal import Terminal

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
WORST, BETTER = "whole-job-worst", "whole-job-better"
ENTER, ESCAPE, CTRL_S = "\r", "\x1b", "\x13"


@pytest.fixture
def containers(podman: Bench) -> Iterator[Bench]:
    serve = ("sh", "-c", "mkdir -p /tmp/www && exec httpd -f -p 8080 -h /tmp/www")
    podman.run(
        WORST, "--network", "none", "--pids-limit", "-1", "--cap-add", "SYS_ADMIN", BUSYBOX, *serve
    )
    podman.run(
        BETTER, "--network", "none", "--cap-drop", "all", "--read-only", BUSYBOX, "sleep", "1000000"
    )
    yield podman
    podman.remove(WORST, BETTER)


@pytest.fixture
def terminal(containers: Bench, tmp_path: Path) -> Iterator[Terminal]:
    own = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    environ = {name: str(tmp_path / name) for name in own}
    environ |= {
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }
    (tmp_path / "HOME").mkdir()
    process = Terminal(environ, "--url", containers.url)
    yield process
    process.close()


def test_from_the_list_to_a_tried_and_written_quadlet(
    terminal: Terminal,
    containers: Bench,
    tmp_path: Path,
) -> None:
    generator = find_generator()
    if generator is None:
        cannot_run("a program is missing; run: apt-get install podman")
    before = containers.podman(
        "inspect",
        "--format",
        "{{.Id}} {{.State.StartedAt}}",
        WORST,
    )

    terminal.wait_for(WORST)
    terminal.wait_for("Helps most")  # the worst row is judged
    terminal.wait_for("image:nginx", terminal.type("/"))  # what may be typed stands in the field
    terminal.wait_for("1 of ", terminal.type("name:worst"))
    terminal.wait_for("Again", terminal.type(ENTER))  # keys are keys again
    terminal.wait_for("› ", terminal.type(ENTER))
    steps = load().steps
    for step in (
        *steps[-2:],
        *steps[:-2],
    ):  # the walk begins at the first step that fails, and not with these
        at = terminal.type(str(step.number % 10))
        terminal.wait_for(f"› {step.number} {step.title}", at)
    at = terminal.type("F")
    terminal.wait_for(" fixes", at)
    at = terminal.type("t")
    terminal.wait_for("Enter starts the trial", at)
    at = terminal.type(ENTER)
    terminal.wait_for("hardened twin works", at, 120)
    at = terminal.type("w")
    terminal.wait_for("Goes to", at)
    at = terminal.type(CTRL_S)
    terminal.wait_for("next:", at)
    terminal.wait_for("hardened twin works", terminal.type(ESCAPE))
    terminal.wait_for(
        f"› {steps[-3].number} {steps[-3].title}",
        terminal.type(ESCAPE),
    )
    terminal.wait_for("Helps most", terminal.type(ESCAPE))
    at = terminal.type("q")
    assert terminal.wait_for_end() == 0
    assert b"\x1b[?1049l" in terminal.seen[at:], "it left the terminal as it was"

    written = tmp_path / "HOME" / "hardened"
    unit = (written / f"{WORST}.container").read_text()
    assert "--memory=" in unit, "a limit was set, tried on the twin, and written"
    units = {
        path.name: path.read_text() for path in written.iterdir() if path.suffix == ".container"
    }
    done = dry_run(
        units,
        user=False,
        generator=generator,
    )
    assert done.ok, done.stderr
    assert (
        containers.podman(
            "inspect",
            "--format",
            "{{.Id}} {{.State.StartedAt}}",
            WORST,
        )
        == before
    )
