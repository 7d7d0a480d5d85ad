"""Data of known applications goes from one release to the next, with all fixes of the entry in
force before and after."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.test_known_applications import carried_out, entry_of, fixed_command, ready
from tests.support.known_applications import NAME, RunApplication, build_application
from tests.support.known_upgrades import UPGRADES, Upgrade
from tests.support.podman import Bench
from tests.support.worked_services import Step

pytestmark = [pytest.mark.live, pytest.mark.timeout(2400), pytest.mark.long]
DATA = "known-data"
"""The volume that goes from the old container to the new one."""


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.remove(NAME)
    podman.podman("volume", "rm", "-af")
    yield podman
    podman.remove(NAME)
    podman.podman("volume", "rm", "-af")


def started(
    bench: Bench,
    application: RunApplication,
    directory: Path,
) -> None:
    """As `fix` writes its command."""
    command = fixed_command(application, directory)
    assert "--cap-drop=all" in command
    assert ("--read-only" in command) == bool(entry_of(application).root.works)
    bench.podman(*command, timeout=120)
    ready(bench, application)


def fails_of(bench: Bench, application: RunApplication, *, kept: bool) -> list[str]:
    """What of its work fails; `kept`: after what the work of an earlier start left."""
    steps = [*application.work]
    if kept:
        steps.insert(0, Step("what it kept", "owner", application.kept, ""))
    failed = [carried_out(bench, entry_of(application), step) for step in steps]
    return [step for step in failed if step]


def version_of(bench: Bench, package: str) -> str:
    return bench.podman("exec", NAME, "dpkg-query", "-W", "-f", "${Version}", package)


def restored(bench: Bench, upgrade: Upgrade, dump: str) -> None:
    user = entry_of(upgrade.after).user.work
    inside = ("exec", "-i", "-u", user, NAME, "sh", "-c", upgrade.restore)
    subprocess.run(
        bench.command("podman", *inside),
        input=dump,
        text=True,
        check=True,
        timeout=300,
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("upgrade", UPGRADES, ids=lambda upgrade: upgrade.application)
def test_the_data_of_an_older_release_serves_the_newer_one(
    upgrade: Upgrade,
    bench: Bench,
    tmp_path: Path,
) -> None:
    old, new = upgrade.before, upgrade.after
    assert entry_of(new).upgrade, "the entry says what it takes"
    build_application(bench, old, upgrade.old.debian)
    started(bench, old, tmp_path)
    older = version_of(bench, upgrade.package)
    assert fails_of(bench, old, kept=False) == []
    dump = ""
    if upgrade.dump:
        user = entry_of(old).user.work
        dump = bench.podman("exec", "-u", user, NAME, "sh", "-c", upgrade.dump, timeout=300)
    bench.podman("stop", "-t", "60", NAME, timeout=120)
    bench.podman("rm", NAME)
    if upgrade.dump:
        bench.podman("volume", "rm", DATA)

    build_application(bench, new, upgrade.new.debian)
    started(bench, new, tmp_path)
    newer = version_of(bench, upgrade.package)
    bench.execute("dpkg", "--compare-versions", older, "lt", newer)
    if dump:
        restored(bench, upgrade, dump)
    assert fails_of(bench, new, kept=True) == []
    bench.podman("restart", "-t", "60", NAME, timeout=120)
    ready(bench, new)
    assert fails_of(bench, new, kept=True) == []
