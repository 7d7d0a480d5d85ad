"""What the arguments of calls lead to is read while the caller waits, also by an ordinary user."""

from __future__ import annotations

import pytest

from hardentui.features.trial.learned.effects import capabilities
from hardentui.features.trial.observe.arguments import INSPECTED
from hardentui.features.trial.observe.inspector import Inspector
from hardentui.lib.observer.calls import CallWatcher
from hardentui.lib.observer.records import CallDetail
from hardentui.model.facts import STOCK_CAPABILITIES
from tests.support.observing import run, watching
from tests.support.podman import Bench

pytestmark = pytest.mark.live


def details(watcher: CallWatcher) -> tuple[CallDetail, ...]:
    log = watcher.finish()
    assert log.faults == ()
    assert log.unread == frozenset()
    return log.details


def of_script(
    bench: Bench,
    script: str,
    *options: str,
) -> tuple[CallDetail, ...]:
    with watching(
        bench,
        STOCK_CAPABILITIES,
        inspect=Inspector(),
        inspected=INSPECTED,
    ) as watcher:
        run(bench, watcher, script, *options)
        return details(watcher)


def needed(observed: tuple[CallDetail, ...]) -> set[str]:
    return {name.removeprefix("CAP_") for detail in observed for name in capabilities(detail)}


@pytest.mark.both
@pytest.mark.parametrize(
    ("script", "capability"),
    [
        ("echo x > /f; chown 33 /f", "CHOWN"),
        ("mkdir /d; chown 33 /d; chmod 700 /d; echo x > /d/f", "DAC_OVERRIDE"),
        ("echo x > /f; chown 33 /f; chmod 600 /f", "FOWNER"),
        ("nc -l -p 80 & sleep 0.3; kill $!", "NET_BIND_SERVICE"),
        ("chroot / true", "SYS_CHROOT"),
    ],
)
def test_a_right_that_is_used_is_seen(
    bench: Bench,
    script: str,
    capability: str,
) -> None:
    assert capability in needed(of_script(bench, script))


def test_a_program_that_needs_nothing_is_said_to_need_nothing(bench: Bench) -> None:
    result = of_script(
        bench, "echo x > /tmp/f; cat /tmp/f; mv /tmp/f /tmp/g; rm /tmp/g; nc -l -p 8080 & kill $!"
    )
    assert needed(result) == set()


def test_paths_are_those_of_the_container(bench: Bench) -> None:
    script = (
        "ln -s /elsewhere /link; mkdir /elsewhere; cd /elsewhere; echo x > ../link/f; echo y "
        "> /vol/g"
    )
    result = of_script(bench, script, "--volume=watched-vol:/vol")
    bench.podman("volume", "rm", "watched-vol")
    opened = {
        file.path: file
        for detail in result
        if detail.call in ("open", "openat")
        for file in detail.files
    }
    assert opened["/elsewhere/f"].mount == "/"
    assert not opened["/elsewhere/f"].exists
    assert opened["/vol/g"].mount == "/vol"
    made = [
        file.path
        for detail in result
        if detail.call in ("symlink", "symlinkat")
        for file in detail.files
    ]
    assert made == ["/link"]


@pytest.mark.both
def test_a_link_out_of_the_container_stays_inside(bench: Bench) -> None:
    """The host has this file, the container has not: the supervisor must not look at the host's."""
    result = of_script(
        bench,
        "ln -s /usr/share/containers/seccomp.json /l; cat /l; true",
    )
    files = [
        file for detail in result if detail.call in ("open", "openat") for file in detail.files
    ]
    assert not any(file.path.endswith("seccomp.json") and file.exists for file in files)
