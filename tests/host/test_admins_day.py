"""A day of an Uyuni admin under a real systemd: look at the files, look at what runs, harden database and
server, upgrade to the vendor's next release, take everything back.

The units are those that mgradm writes, rendered from its templates where HARDENTUI_UYUNI_TOOLS names a
clone of them, else shortened ones of ours with the same settings. A small image with systemd inside
stands for the server, a port that answers for the database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.host.conftest import needs_quadlet
from tests.host.machine import Machine, Report, status_line
from tests.support.images import ServiceImage, write_tar
from tests.support.systemd_image import systemd_service
from tests.support.uyuni import CLONE, SERVER_FILES, TODAY, TOMORROW, unit_files
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.host,
    pytest.mark.long,
    pytest.mark.timeout(7200),
    needs_quadlet,
]

_UNITS = "/etc/systemd/system"
_NEXT = "/root/next"
_NAMES = ("uyuni-db", "uyuni-server")
_FIXES = ("new-privileges-allowed", "default-capabilities-kept")
_LONG = 2400.0
"""Seconds of a trial and a change on an emulated machine that shares its processors."""
_PROBES = {
    "uyuni-db": "curl -s -o /dev/null http://$TARGET:5432/",
    "uyuni-server": "curl -sf -o /dev/null http://$TARGET:80/",
}
_DATABASE = ServiceImage(
    reference="",
    package="busybox-static",
    program="busybox",
    files={"etc/passwd": "root:x:0:0::/:/bin/sh\n", "etc/group": "root:x:0:\n"},
    directories={"tmp": (0, 0o1777), "var/lib/pgsql/data": (0, 0o700)},
    changes=('CMD ["postgres"]', "EXPOSE 5432/tcp"),
    links={"bin/sh": "busybox"},
    scripts={
        "bin/postgres": "#!/bin/sh\ntrap 'exit 0' TERM\nbusybox httpd -f -p 5432 &\nwait $!\n",
    },
)
_HEALTHY = "#!/bin/busybox sh\nexec busybox wget -q -O /dev/null http://127.0.0.1/\n"
_CHECK = 'HEALTHCHECK CMD ["/bin/busybox", "true"]'
"""The next release says what follows when it fails, so that the images of the vendor have one."""
_STOP = "#!/bin/busybox sh\nexit 0\n"


class Day(Struct):
    """What was seen."""

    machine: Machine
    at_rest: Any
    live: Report
    asked: Any  # plan/1 of the database with all fixes
    before: dict[str, str]  # path -> digest, mode and owner
    cards: Mapping[str, Any]  # container -> harden/1
    hardened: Mapping[str, str]  # container -> NoNewPrivs of its main process
    custom: str
    rehearsed: Any  # release/1
    upgraded: Mapping[str, str]
    systemd_after: str
    undone: Mapping[str, str]
    after: dict[str, str]


@pytest.fixture(scope="module")
def day(bare_machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The whole day, once."""
    return lived(bare_machine, tmp_path_factory.mktemp("images"))


def lived(machine: Machine, directory: Path) -> Day:
    """The day on a machine that is up. `directory`: for its images."""
    _install(machine, directory)
    places = " ".join(f"{_UNITS}/{name}.service" for name in _NAMES)
    names = " ".join(_NAMES)
    at_rest = json.loads(machine.hardentui(f"check {places} --format json"))
    live = machine.report(f"check {names}")
    asked = json.loads(machine.hardentui("plan uyuni-db --all --format json"))
    before = _files(machine)
    cards = {
        name: json.loads(
            machine.hardentui(f"harden {name} --probe '{probe}' --yes --format json", seconds=_LONG)
        )
        for name, probe in _PROBES.items()
    }
    hardened = _no_new_privileges(machine)
    custom = machine.run(f"cat {_UNITS}/uyuni-db.service.d/custom.conf")
    rehearsal = f"check {places} --against-release {_NEXT} --format json"
    rehearsed = json.loads(machine.hardentui(rehearsal))
    machine.run(
        f"cd {_NEXT} && for unit in *.service; do cp $unit {_UNITS}/ && "
        f"cp $unit.d/generated.conf {_UNITS}/$unit.d/; done && "
        "systemctl daemon-reload && systemctl restart uyuni-db uyuni-server"
    )
    upgraded = _no_new_privileges(machine)
    inside = "podman exec uyuni-server busybox wget -q -O - http://127.0.0.1/"
    assert eventually(lambda: machine.ends(inside)[0] == 0)
    systemd_after = machine.run(inside)
    for _ in _NAMES:
        machine.hardentui("undo --yes", seconds=_LONG)
    return Day(
        machine=machine,
        at_rest=at_rest,
        live=live,
        asked=asked,
        before=before,
        cards=cards,
        hardened=hardened,
        custom=custom,
        rehearsed=rehearsed,
        upgraded=upgraded,
        systemd_after=systemd_after,
        undone=_no_new_privileges(machine),
        after=_files(machine),
    )


def _install(machine: Machine, directory: Path) -> None:
    """Images, secrets, units of today in their place and those of the next release in another."""
    today, tomorrow = unit_files(TODAY), unit_files(TOMORROW)
    images = {
        "uyuni-db": _DATABASE,
        "uyuni-server": systemd_service(
            "",
            scripts={
                "usr/bin/healthcheck.sh": _HEALTHY,
                "usr/bin/startup-check.sh": _HEALTHY,
                "bin/bash": _STOP,
            },
        ),
    }
    for name, image in images.items():
        tar = directory / f"{name}.tar"
        write_tar(tar, image)
        machine.push(tar, "/root")
        changes = " ".join(f"--change '{change}'" for change in image.changes)
        first, second = (_image(files, name) for files in (today, tomorrow))
        machine.run(f"podman import -q {changes} /root/{tar.name} {first} && rm /root/{tar.name}")
        build = f"podman build -q --pull=never --format docker -f - -t {first} -t {second}"
        machine.run(
            f"mkdir -p /root/empty && {build} /root/empty", text=f"FROM {first}\n{_CHECK}\n"
        )
    secrets = re.findall(r"--secret ([\w-]+)", "".join((*today.values(), *tomorrow.values())))
    machine.run(
        f"for name in {' '.join(dict.fromkeys(secrets))}; do echo made-up | "
        "podman secret create $name - >/dev/null; done; podman network create uyuni"
    )
    for path, text in SERVER_FILES.items():
        machine.write(path, text)
    for place, files in ((_UNITS, today), (_NEXT, tomorrow)):
        for path, text in files.items():
            machine.write(f"{place}/{path}", text)
    machine.run(f"systemctl daemon-reload && systemctl start {' '.join(_NAMES)}")


def _image(files: Mapping[str, str], name: str) -> str:
    text = files[f"{name}.service.d/generated.conf"]
    (image,) = re.findall(r"UYUNI_IMAGE=(\S+)", text)
    return str(image)


def _files(machine: Machine) -> dict[str, str]:
    """Digest, mode and owner of what an admin has beside the units, and which files there are."""
    told = machine.run(
        f"cd {_UNITS} && find . -path './uyuni-*.d/*' -exec sha256sum {{}} + "
        "-exec stat -c '%n %a %U %G' {} +"
    )
    return {line: line for line in told.splitlines() if "generated.conf" not in line}


def _no_new_privileges(machine: Machine) -> dict[str, str]:
    states = machine.run(f"systemctl is-active {' '.join(f'{name}.service' for name in _NAMES)}")
    assert states.split() == ["active"] * len(_NAMES)
    return {name: status_line(machine, machine.main_process(name), "NoNewPrivs") for name in _NAMES}


def test_at_rest_every_unit_is_read_and_its_vendor_known(day: Day) -> None:
    names = {subject["name"] for subject in day.at_rest["subjects"] if subject["kind"] == "service"}
    assert names == set(_NAMES)
    (managed,) = day.at_rest["managed"]
    assert (managed["tool"], managed["checklist"]) == ("mgradm", "systemd")


def test_live_its_vendor_is_named_and_what_was_set_on_purpose_is_a_decision(day: Day) -> None:
    (managed,) = day.live.managed
    assert (managed["tool"], set(managed["containers"])) == ("mgradm", set(_NAMES))
    assert day.live.status("uyuni-db", "loose-tmpfs") == "fail"
    assert "shm-size" not in {change["option"] for change in day.asked["changes"]}
    (question,) = [each for each in day.asked["decide"] if each["check"] == "loose-tmpfs"]
    assert any("bsc#1243274" in reason for reason in question["reasons"])


def test_fixes_are_proven_in_the_kernel_and_lie_where_mgradm_leaves_them(day: Day) -> None:
    for name, card in day.cards.items():
        assert card["apply"]["state"] == "done", name
        assert card["after"]["score"] > card["before"]["score"], name
        proven = {(proof["check"], proof["status"]) for proof in card["apply"]["proof"]}
        assert proven >= {(check, "pass") for check in _FIXES}, name
    assert "shm-size" not in day.custom
    assert "no-new-privileges" in day.custom
    assert "--cap-drop=all" in day.custom
    assert "ExecStart" not in day.custom


def test_the_options_are_in_force_after_a_restart_through_systemd(day: Day) -> None:
    assert day.hardened == dict.fromkeys(_NAMES, "1")


def test_the_rehearsal_says_what_the_upgrade_then_shows(day: Day) -> None:
    outcomes = {
        (line["service"], line.get("drop_in")): line["outcome"] for line in day.rehearsed["lines"]
    }
    for name in _NAMES:
        assert outcomes[f"{name}.service", "custom.conf"] == "still applies"
    assert day.upgraded == dict.fromkeys(_NAMES, "1")
    assert day.systemd_after == "it works"


def test_undo_brings_the_files_back_byte_for_byte_also_after_the_upgrade(day: Day) -> None:
    assert day.after == day.before
    assert day.undone == dict.fromkeys(_NAMES, "0")
    running = day.machine.run("podman inspect -f '{{.Config.Image}}' uyuni-db uyuni-server")
    assert running.split() == [_image(unit_files(TOMORROW), name) for name in _NAMES]


def test_it_ran_on_the_units_that_mgradm_writes() -> None:
    """Says so where it did not."""
    if not CLONE:
        pytest.skip("HARDENTUI_UYUNI_TOOLS names no clone of uyuni-tools: shortened units of ours")
