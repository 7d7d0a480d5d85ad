"""Every nasty value in every kind of key, through the real generator and systemd's parsing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.host.podman.generator import dry_run, exec_start
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.argv import parse_create_command
from hardentui.options.run_command import RunCommand
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.write.bundle import UnitContext, bundle
from tests.support.podman import NO_QUADLET, Bench

pytestmark = pytest.mark.live

DATA = Path(__file__).parents[1] / "data" / "quadlet-escaping" / "cases.json"
VALUES: list[str] = [case["value"] for case in json.loads(DATA.read_text())["cases"]]

TEXTS: tuple[Option[str], ...] = (
    TIMEZONE,
    WORKDIR,
    HOSTNAME,
    HEALTH_CMD,
    HEALTH_STARTUP_CMD,
    LOG_DRIVER,
    STOP_SIGNAL,
    SECCOMP_PROFILE,
    PASSWD_ENTRY,
)
LISTS: tuple[Option[tuple[str, ...]], ...] = (
    ULIMIT,
    DNS,
    DNS_OPTION,
    DNS_SEARCH,
    ADD_HOST,
    TMPFS,
    NETWORK_ALIAS,
    GROUP_ADD,
    SYSCTL,
    LOG_OPT,
    UIDMAP,
    SECRETS,
    CAP_ADD,
    EXPOSE,
)


def generated(
    bench: Bench,
    spec: Spec,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(argv that systemd would execute, argv that was meant)."""
    generator = bench.generator()
    if generator is None:
        pytest.skip(NO_QUADLET)
    made = bundle(spec, UnitContext(version=bench.version))
    done = dry_run(
        {file.name: file.text for file in made.files},
        user=False,
        generator=generator,
    )
    assert done.ok, done.stderr + made.files[0].text
    return exec_start(done.services[made.service]), made.argv


def parsed(argv: tuple[str, ...]) -> RunCommand:
    result = parse_create_command(list(argv))
    assert result is not None
    return result


@pytest.mark.parametrize(
    "value",
    VALUES,
    ids=lambda value: ascii(value)[:30],
)
def test_a_value_reaches_podman_unchanged_in_every_key(
    podman: Bench,
    value: str,
) -> None:
    pairs: list[tuple[Option[Any], Any]] = [(NAME, "web"), (IMAGE, "localhost/bb:1")]
    pairs += [(option, value) for option in TEXTS if value]
    pairs += [(option, ("first", value)) for option in LISTS if value]
    pairs += [(option, (f"A={value}",)) for option in (ENV, LABELS, ANNOTATIONS)]
    pairs += [
        (USER, f"u{value}"),
        (ENTRYPOINT, ("/bin/x", value)),
        (COMMAND, ("cmd", value, "mid", value)),
    ]
    pairs += [
        (MASK, (f"/m{value.replace(':', '_')}",)),
        (DEVICES, (f"/dev/{value}:/dev/x:r",)),
    ]
    pairs += [(NETWORK, (f"net{value}",))]
    pairs += [
        (
            MOUNTS,
            (
                Mount(
                    "bind",
                    f"/host/{value}",
                    "/dst",
                    ("ro",),
                ),
                Mount("image", f"i{value}", "/i"),
            ),
        )
    ]
    argv, intended = generated(podman, Spec.of(*pairs))
    assert compare_arguments(argv, intended) == ()
    command = parsed(argv)
    assert command.rest == ("cmd", value, "mid", value)
    assert command.all("--env") == (f"A={value}",)
    assert command.all("--label") == (f"A={value}",)
    for option in TEXTS:
        if option is not SECCOMP_PROFILE and value:
            assert command.last(option.flag) == value, option
    for listed in LISTS:
        if listed is not CAP_ADD and value:
            assert sorted(command.all(listed.flag)) == sorted(("first", value)), listed


def test_names_like_units_are_no_references(podman: Bench) -> None:
    spec = Spec.of(
        (NAME, "web"),
        (IMAGE, "localhost/x.image"),
        (NETWORK, ("x.network",)),
        (
            MOUNTS,
            (
                Mount("volume", "x.volume", "/v"),
                Mount("image", "y.image", "/i"),
            ),
        ),
    )
    argv, intended = generated(podman, spec)
    assert compare_arguments(argv, intended) == ()
    assert parsed(argv).all("--volume") == ("x.volume:/v",)
