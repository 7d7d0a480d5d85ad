"""Apply under a real systemd: units are changed, proven, and brought back with what depends on
them."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.host.conftest import HAS_QUADLET, add_unit, start_containers, unit_path
from tests.host.machine import Machine, cgroup_value, status_line
from tests.support.waiting import eventually

pytestmark = [pytest.mark.host, pytest.mark.timeout(1800)]

_QUADLET = """# Ask Anna before you change it.
[Unit]
Description = served to others

[Container]
Image=localhost/bb:1
ContainerName={name}
Network=none
RunInit=true
Volume={name}:/data

[Service]
Restart=on-failure

[Install]
WantedBy={target}
"""
_FOLLOWER = """[Unit]
Requires=served.service
After=served.service

[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
"""
_BY_HAND = """[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
ExecStartPre=-/usr/bin/podman rm -f byhand
ExecStart=/usr/bin/podman run --rm --init --name byhand --network none --sdnotify=conmon -d localhost/bb:1
ExecStop=/usr/bin/podman stop -t 1 byhand
Type=notify
NotifyAccess=all

[Install]
WantedBy=multi-user.target
"""
_FIX = "--check new-privileges-allowed"
_OTHER_USER = """fix = [
    { check = "new-privileges-allowed" },
    { check = "root-user", parameters = { user = "1001:1002" } },
]
"""
_FILL = "podman exec served sh -c 'cd /data && touch roots its && busybox chown 33:44 its'"
_OWNERS = "podman exec -u 0 served busybox stat -c '%u:%g %n' /data /data/roots /data/its"
_UNIT = unit_path("served")
_OWN_UNIT = unit_path("served", "bench")
_BY_HAND_UNIT = "/etc/systemd/system/byhand.service"
_TEXT = "cat {0} {0}.d/*.conf 2>/dev/null || true"


@pytest.fixture(scope="module")
def served(machine: Machine) -> Machine:
    """The machine with a Quadlet, a unit that requires it, a unit written by hand, and a user's
    Quadlet."""
    add_unit(
        machine,
        "served",
        _QUADLET.format(
            name="served",
            target="multi-user.target",
        ),
    )
    machine.run(
        f"chmod 640 {_UNIT}; chown root:adm {_UNIT}; touch -d '2024-05-06 07:08:09' {_UNIT}"
    )
    machine.write("/etc/systemd/system/follower.service", _FOLLOWER)
    machine.write("/etc/systemd/system/byhand.service", _BY_HAND)
    machine.run(
        "systemctl daemon-reload; systemctl enable -q follower byhand; systemctl start served "
        "follower byhand"
    )
    add_unit(
        machine,
        "served",
        _QUADLET.format(
            name="served",
            target="default.target",
        ),
        "bench",
    )
    machine.run(
        "systemctl --user daemon-reload; systemctl --user start served",
        "bench",
    )
    return machine


class State:
    """A unit and its files as they have to be again afterwards."""

    def __init__(
        self,
        machine: Machine,
        path: str = _UNIT,
        user: str = "root",
    ) -> None:
        self._machine, self._path, self._user = machine, path, user
        self.file = machine.run(
            f"sha256sum {path}; stat -c '%a %U %G %Y' {path}; ls {path}.d 2>&1 || true", user
        )
        self.active = self.units()

    def is_again(self) -> None:
        now = State(self._machine, self._path, self._user)
        assert (now.file, now.active) == (self.file, self.active)

    def units(self) -> str:
        systemctl = "systemctl" if self._user == "root" else "systemctl --user"
        names = "served follower byhand" if self._user == "root" else "served"
        return self._machine.run(f"{systemctl} is-active {names}", self._user)


def _hardentui(
    machine: Machine,
    words: str,
    user: str,
    ends: int,
) -> str:
    """What it says; it has to end with that code."""
    code, said = machine.ends(f"cd /opt/hardentui && python3 -m hardentui {words}", user)
    assert code == ends, said
    return said


def _apply(
    machine: Machine,
    name: str,
    words: str,
    user: str = "root",
    *,
    ends: int = 0,
) -> str:
    return _hardentui(
        machine,
        f"apply {name} {words}",
        user,
        ends,
    )


def _entry(machine: Machine, user: str = "root") -> Any:
    said = machine.run(
        "cd /opt/hardentui && python3 -m hardentui journal --format json",
        user,
    )
    return next(entry for entry in json.loads(said)["entries"] if entry["action"] == "apply")


def _undo(
    machine: Machine,
    user: str = "root",
    *,
    ends: int = 0,
    more: str = "",
) -> str:
    return _hardentui(
        machine,
        f"undo --yes {more}",
        user,
        ends,
    )


def _no_new_privileges(
    machine: Machine,
    name: str,
    user: str = "root",
) -> str:
    return status_line(
        machine,
        machine.main_process(name, user),
        "NoNewPrivs",
    )


def test_a_quadlet_is_hardened_in_place_and_brought_back_byte_for_byte(served: Machine) -> None:
    before = State(served)
    served.run(_FILL)
    owners = served.run(_OWNERS)
    served.write("/root/plan.toml", _OTHER_USER)
    _apply(served, "served", "--plan /root/plan.toml --yes")
    assert _no_new_privileges(served, "served") == "1"
    text = served.run(_TEXT.format(_UNIT))
    assert "NoNewPrivileges=true" in text or "--security-opt=no-new-privileges" in text
    assert "# Ask Anna" in text or not HAS_QUADLET
    assert re.findall(r"(\d+:\d+) ", served.run(_OWNERS)) == ["1001:1002"] * 3
    entry = _entry(served)
    assert (entry["state"], entry["proof"][0]["status"]) == ("done", "pass")
    assert 0 < entry["downtime_seconds"] < 90
    assert State(served).active == before.active, "what requires it runs again"
    _undo(served)
    before.is_again()
    assert _no_new_privileges(served, "served") == "0"
    assert served.run(_OWNERS) == owners


def test_a_quadlet_of_a_user_too(served: Machine) -> None:
    before = State(served, _OWN_UNIT, "bench")
    served.run(_FILL, "bench")
    owners = served.run(_OWNERS, "bench")
    served.write("/tmp/own.toml", _OTHER_USER, "bench")
    _apply(
        served,
        "served",
        "--plan /tmp/own.toml --yes",
        "bench",
    )
    assert _no_new_privileges(served, "served", "bench") == "1"
    assert re.findall(r"(\d+:\d+) ", served.run(_OWNERS, "bench")) == ["1001:1002"] * 3
    _undo(served, "bench")
    before.is_again()
    assert _no_new_privileges(served, "served", "bench") == "0"
    assert served.run(_OWNERS, "bench") == owners


@pytest.mark.long
def test_a_unit_written_by_hand_gets_a_drop_in_that_goes_away_again(served: Machine) -> None:
    path = "/etc/systemd/system/byhand.service"
    before = State(served, path)
    _apply(served, "byhand", f"{_FIX} --yes")
    assert _no_new_privileges(served, "byhand") == "1"
    assert ".conf" in served.run(f"ls {path}.d")
    _undo(served)
    before.is_again()
    assert _no_new_privileges(served, "byhand") == "0"


@pytest.mark.long
def test_a_probe_that_fails_afterwards_brings_unit_and_dependents_back(served: Machine) -> None:
    before = State(served)
    probe = "grep -q NoNewPrivs:.0 /proc/$(podman inspect -f {{.State.Pid}} served)/status"
    said = _apply(
        served,
        "served",
        f"{_FIX} --yes --patience 4 --probe '{probe}'",
        ends=5,
    )
    assert "Everything is as before" in said
    before.is_again()
    assert _no_new_privileges(served, "served") == "0"
    assert _entry(served)["state"] == "rolled-back"


@pytest.mark.long
def test_a_unit_that_does_not_start_comes_back(served: Machine) -> None:
    before = State(served)
    served.write(
        "/etc/systemd/system/served.service.d/gate.conf",
        "[Service]\nExecStartPre=/bin/sh -c '! grep -q NoNewPriv "
        "/etc/containers/systemd/served.container'\n",
    )
    served.run("systemctl daemon-reload")
    said = _apply(
        served,
        "served",
        f"{_FIX} --yes",
        ends=5,
    )
    served.run("rm -r /etc/systemd/system/served.service.d; systemctl daemon-reload")
    assert "did not start" in said
    before.is_again()


@pytest.mark.long
def test_an_original_that_does_not_start_any_more_leaves_the_hardened_unit_running(
    served: Machine,
) -> None:
    before = State(served)
    _apply(served, "served", f"{_FIX} --yes")
    served.write(
        "/etc/systemd/system/served.service.d/gate.conf",
        "[Service]\nExecStartPre=/bin/grep -q NoNewPriv /etc/containers/systemd/served.container\n",
    )
    served.run("systemctl daemon-reload")
    said = _undo(served, ends=5)
    assert "So served runs with the change again" in said
    assert _no_new_privileges(served, "served") == "1"
    assert "NoNewPrivileges=true" in served.run(f"cat {_UNIT}")
    assert State(served).active == before.active, "what requires it runs again"
    assert _entry(served)["state"] == "done"
    served.run("rm -r /etc/systemd/system/served.service.d; systemctl daemon-reload")
    _undo(served)
    before.is_again()
    assert _no_new_privileges(served, "served") == "0"


@pytest.mark.long
def test_data_in_the_layer_of_a_unit_is_refused_with_the_commands_that_keep_it(
    served: Machine,
) -> None:
    before, process = State(served), served.main_process("served")
    served.run("podman exec served sh -c 'mkdir -p /srv; echo mine >/srv/file'")
    for option in ("", "--keep-data"):
        said = _apply(
            served,
            "served",
            f"{_FIX} --yes {option}",
            ends=2,
        )
        assert "/srv/file" in said
        assert "any restart loses this data" in said
        assert "podman volume create served-srv-data" in said
    assert served.main_process("served") == process
    served.run("systemctl restart served && systemctl start follower")  # its layer goes with it
    before.is_again()


_NEWER = "mkdir -p /srv/notes && echo {text} >/srv/notes/file"


@pytest.mark.parametrize(
    ("name", "user", "path"),
    [
        ("served", "root", _UNIT),
        pytest.param("served", "bench", _OWN_UNIT, marks=pytest.mark.long),
        pytest.param("byhand", "root", _BY_HAND_UNIT, marks=pytest.mark.long),
    ],
)
def test_newer_data_comes_back_to_a_unit_and_stays(
    served: Machine,
    name: str,
    user: str,
    path: str,
) -> None:
    """A unit makes its container anew at each start, so it mounts the volume; all else is as before."""
    systemctl = "systemctl" if user == "root" else "systemctl --user"
    served.run(f"cp -a {path} /tmp/kept-{user}-{name}", user)
    before = served.run(_TEXT.format(path), user)
    served.run(f"podman exec {name} sh -c '{_NEWER.format(text='old')}'", user)
    try:
        _apply(served, name, "--check writable-rootfs --discard-data --yes", user)
        served.run(f"podman exec {name} sh -c '{_NEWER.format(text='newer')}'", user)
        said = _undo(served, user, more="--bring-back")
        assert f"/srv/notes: {name} has again what was written since; its unit mounts" in said
        for _ in range(2):
            shown = served.run(f"podman exec {name} cat /srv/notes/file", user)
            assert shown.strip() == "newer"
            served.run(f"{systemctl} restart {name}", user)  # which a layer does not survive
        root = f"podman inspect -f '{{{{.HostConfig.ReadonlyRootfs}}}}' {name}"
        assert served.run(root, user).strip() == "false"
        after = served.run(_TEXT.format(path), user)
        added = [line for line in after.splitlines() if line not in before.splitlines()]
        assert "/srv/notes" in "".join(added)
        assert name == "byhand" or [line for line in added if line.strip()] == [
            line for line in added if line.startswith("Volume=")
        ]
    finally:
        served.run(
            f"mv /tmp/kept-{user}-{name} {path}; rm -rf {path}.d $(dirname {path})/{name}-*.volume; "
            f"{systemctl} daemon-reload; {systemctl} restart {name}",
            user,
        )


@pytest.mark.long
def test_limits_of_a_quadlet_change_without_a_restart(served: Machine) -> None:
    before, process = State(served), served.main_process("served")
    _apply(
        served,
        "served",
        "--check no-memory-limit --yes",
    )
    assert served.main_process("served") == process
    assert cgroup_value(served, process, "memory.max") != "max"
    assert State(served).file != before.file, "and it is there after the next restart too"
    _undo(served)
    assert served.main_process("served") == process
    assert cgroup_value(served, process, "memory.max") == "max"
    assert State(served).file == before.file


@pytest.mark.long
def test_a_health_check_of_a_quadlet_comes_and_goes_without_a_restart(served: Machine) -> None:
    before, process = State(served), served.main_process("served")
    fix = '{ check = "missing-health-check", parameters = { command = "busybox pidof sleep" } }'
    served.write("/root/plan.toml", f"fix = [{fix}]\n")
    _apply(served, "served", "--plan /root/plan.toml --yes")
    assert served.main_process("served") == process
    assert "HealthCmd=busybox pidof sleep" in served.run(f"cat {_UNIT}")
    assert served.run("podman healthcheck run served && echo healthy").strip().endswith("healthy")
    _undo(served)
    assert served.main_process("served") == process
    assert "pidof" not in served.run("podman inspect served")
    assert State(served).file == before.file


@pytest.mark.long
def test_limits_go_back_also_where_the_unit_was_restarted_since(served: Machine) -> None:
    before = State(served)
    _apply(
        served,
        "served",
        "--check no-memory-limit --yes",
    )
    served.run("systemctl restart served && systemctl start follower")
    assert (
        cgroup_value(
            served,
            served.main_process("served"),
            "memory.max",
        )
        != "max"
    )
    _undo(served)
    assert (
        cgroup_value(
            served,
            served.main_process("served"),
            "memory.max",
        )
        == "max"
    )
    before.is_again()


@pytest.mark.long
def test_a_unit_that_somebody_edits_after_it_is_left_alone(served: Machine) -> None:
    before = State(served)
    _apply(served, "served", f"{_FIX} --yes")
    process = served.main_process("served")
    served.run(f"cp -p {_UNIT} /root/ours && echo '# by hand' >>{_UNIT}")
    said = _undo(served, ends=2)
    assert f"{_UNIT} has since been changed by somebody else" in said
    assert served.main_process("served") == process, "nothing was restarted for it"
    assert _entry(served)["state"] == "done"
    served.run(f"cp -p /root/ours {_UNIT}")
    _undo(served)
    before.is_again()


@pytest.mark.long
def test_a_container_that_stands_on_a_unit_and_has_none_is_named(served: Machine) -> None:
    """Podman would neither stop nor remove the one that it stands on."""
    before, process = State(served), served.main_process("served")
    served.run("podman run -d --name tenant --network container:served localhost/bb:1")
    try:
        said = _apply(
            served,
            "served",
            f"{_FIX} --yes",
            ends=2,
        )
        assert "tenant" in said
        before.is_again()
        assert served.main_process("served") == process
    finally:
        served.run("podman rm -f -t 0 tenant")


@pytest.mark.long
def test_what_nobody_confirms_goes_back_by_a_timer(served: Machine) -> None:
    before = State(served)
    _apply(
        served,
        "served",
        f"{_FIX} --yes --confirm-within 20",
    )
    entry = _entry(served)
    assert entry["state"] == "waiting-for-confirm"
    assert f"hardentui-confirm-{entry['id']}.timer" in served.run(
        "systemctl list-timers --plain --no-legend"
    )
    end = time.monotonic() + 120
    while _entry(served)["state"] == "waiting-for-confirm" and time.monotonic() < end:
        time.sleep(1)
    while _entry(served)["state"] != "rolled-back" and time.monotonic() < end:
        time.sleep(1)
    started = served.run(
        f"systemctl show -p ExecMainStartTimestamp --value hardentui-confirm-{entry['id']}.service "
        "|| true"
    )
    assert _entry(served)["state"] == "rolled-back", started
    before.is_again()


@pytest.mark.long
def test_what_is_confirmed_stays(served: Machine) -> None:
    _apply(
        served,
        "served",
        f"{_FIX} --yes --confirm-within 600",
    )
    _hardentui(served, "confirm", "root", 0)
    assert "hardentui-confirm" not in served.run("systemctl list-timers --plain --no-legend")
    _undo(served)


@pytest.mark.long
def test_after_a_power_failure_in_the_middle_the_original_comes_back(served: Machine) -> None:
    before = State(served)
    served.run("sync")
    # the probe succeeds at once before the change, and takes for ever after it
    served.write(
        "/root/probe",
        "test -e /run/probed && sleep 600\ntouch /run/probed\n",
    )
    served.run(
        "cd /opt/hardentui && (setsid python3 -m hardentui apply served"
        f" {_FIX} --yes --patience 500 --probe 'sh /root/probe' >/root/apply.log 2>&1 &)"
    )
    end = time.monotonic() + 120
    while "NoNewPrivileges" not in served.run(f"cat {_UNIT}") and time.monotonic() < end:
        time.sleep(0.5)
    assert _entry(served)["state"] == "open"
    served.crash()
    start_containers(served)
    entry = _entry(served)
    assert entry["state"] == "open", "the journal was on the disk"
    said = _apply(
        served,
        "served",
        f"{_FIX} --yes",
        ends=2,
    )
    assert "was interrupted" in said
    _undo(served)
    before.is_again()
    assert _no_new_privileges(served, "served") == "0"


@pytest.mark.long
@pytest.mark.parametrize("user", ["root", "bench"])
def test_what_nobody_confirms_goes_back_after_a_reboot_too(
    served: Machine,
    user: str,
) -> None:
    """The transient timer is gone then; an enabled unit of the system, or of the user, sees to it."""
    path = _UNIT if user == "root" else _OWN_UNIT
    before = State(served, path, user)
    # long enough for a slow machine to be cut off before the time is over
    _apply(
        served,
        "served",
        f"{_FIX} --yes --confirm-within 180",
        user,
    )
    entry = _entry(served, user)
    systemctl = "systemctl" if user == "root" else "systemctl --user"
    unit = f"hardentui-expire-{entry['id']}.service"
    assert served.run(f"{systemctl} is-enabled {unit}", user).strip() == "enabled"
    served.run("sync")
    served.crash()
    end = time.monotonic() + 600
    while _entry(served, user)["state"] != "rolled-back" and time.monotonic() < end:
        time.sleep(2)
    entry = _entry(served, user)
    assert (entry["state"], entry["reason"]) == ("rolled-back", "It was not confirmed in time.")
    start_containers(served)
    before.is_again()
    assert _no_new_privileges(served, "served", user) == "0"
    listed = f"{systemctl} list-unit-files --no-legend"
    assert eventually(lambda: unit not in served.run(listed, user), 120)


@pytest.mark.long
def test_what_is_confirmed_needs_no_unit_for_a_reboot_any_more(served: Machine) -> None:
    _apply(
        served,
        "served",
        f"{_FIX} --yes --confirm-within 600",
    )
    assert "hardentui-expire-" in served.run("ls /etc/systemd/system")
    _hardentui(served, "confirm", "root", 0)
    assert "hardentui-expire-" not in served.run("ls -R /etc/systemd/system")
    _undo(served)
