"""Verdicts about containers that hang on the host: what an account may not see, what only systemd knows.

Each is decided by trying it inside the container, or by what the kernel and systemd did.
"""

from __future__ import annotations

import pytest

from tests.host.conftest import QUADLETS
from tests.host.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.long, pytest.mark.timeout(1800)]

_CHECK = "mounted-engine-socket"
_GATE = "/etc/systemd/system/gate.socket"
_OPEN_GATE = f"""
cat >{_GATE} <<END
[Socket]
ListenStream=127.0.0.1:2375
END
cat >/etc/systemd/system/gate.service <<END
[Service]
ExecStart=/usr/lib/systemd/systemd-socket-proxyd /run/podman/podman.sock
END
systemctl daemon-reload && systemctl start podman.socket gate.socket
"""
_CLOSE_GATE = """
systemctl stop gate.socket gate.service
rm /etc/systemd/system/gate.*
systemctl daemon-reload
"""
_LIMIT = 65536
_TALKS = """[Container]
Image=localhost/bb:1
ContainerName=talks
Network=none
LogDriver=k8s-file
Exec=sh -c "busybox yes 3456789012345678901 | busybox head -n 9000; touch /tmp/said; exec sleep 100000"
"""
_OVERRIDE = "[Service]\nEnvironment=CONTAINERS_CONF_OVERRIDE=/srv/limit.conf\n"


def answers(machine: Machine, container: str, address: str, user: str) -> bool:
    """An engine answers to the container at that address."""
    ask = f"busybox wget -q -T 30 -O- http://{address}/v5.0.0/libpod/_ping"
    return machine.ends(f"podman exec {container} {ask}", user)[0] == 0


def status(machine: Machine, container: str, check: str, user: str = "root") -> str:
    return machine.report(f"check {container}", user).status(container, check)


def test_an_engine_that_only_root_can_see_is_no_pass_for_an_ordinary_account(machine: Machine) -> None:
    machine.run("podman run -d --init --name reach --network host localhost/bb:1", "bench")
    try:
        assert not answers(machine, "reach", "127.0.0.1:2375", "bench")
        assert status(machine, "reach", _CHECK, "bench") == "pass"
        machine.run(_OPEN_GATE)
        try:
            for mode, verdict in (("600", "unknown"), ("644", "fail")):
                machine.run(f"chmod {mode} {_GATE}")
                assert answers(machine, "reach", "127.0.0.1:2375", "bench")
                assert status(machine, "reach", _CHECK, "bench") == verdict
        finally:
            machine.run(_CLOSE_GATE)
        machine.write("/etc/systemd/system/secret.service", "[Service]\nExecStart=/bin/true\n")
        machine.run("chmod 600 /etc/systemd/system/secret.service")
        assert status(machine, "reach", _CHECK, "bench") == "pass", "a service that runs shows itself"
    finally:
        machine.run("rm -f /etc/systemd/system/secret.service")
        machine.run("podman rm -f -t0 reach", "bench")


def test_an_engine_at_an_address_of_the_host_is_reached_from_bridges(machine: Machine) -> None:
    address = machine.run("hostname -I").split()[0]
    machine.run(f"systemd-run -q --unit lan podman system service -t 0 tcp:{address}:2377")
    machine.run("podman network create --internal --subnet 10.77.7.0/24 closed")
    machine.run("podman run -d --init --name bridged localhost/bb:1")
    machine.run("podman run -d --init --name shut --network closed localhost/bb:1")
    try:
        machine.run(f"until curl -sf http://{address}:2377/v5.0.0/libpod/_ping; do sleep 1; done")
        for container, verdict in (("bridged", "fail"), ("shut", "pass")):
            assert answers(machine, container, f"{address}:2377", "root") is (verdict == "fail")
            assert status(machine, container, _CHECK) == verdict
    finally:
        machine.run("podman rm -f -t0 bridged shut; podman network rm closed; systemctl stop lan")


def test_a_unit_whose_file_is_gone_owns_nothing(machine: Machine) -> None:
    unit = f"{QUADLETS}/owned.container"
    machine.write(unit, _TALKS.replace("talks", "owned"))
    machine.run("systemctl daemon-reload && systemctl start owned")
    try:
        assert status(machine, "owned", "unowned-container") == "pass"
        machine.run(f"rm {unit}; systemctl daemon-reload")
        assert machine.run("systemctl show -p LoadState --value owned") == "not-found"
        assert status(machine, "owned", "unowned-container") == "fail"
    finally:
        machine.run(f"rm -f {unit}; systemctl stop owned; podman rm -f -t0 -i owned; systemctl daemon-reload")


@pytest.mark.parametrize("override", ["", _OVERRIDE], ids=["without", "with"])
def test_the_limit_of_a_log_is_the_one_that_its_unit_names(machine: Machine, override: str) -> None:
    unit = f"{QUADLETS}/talks.container"
    machine.write("/srv/limit.conf", f"[containers]\nlog_size_max = {_LIMIT}\n")
    machine.write(unit, _TALKS + override)
    machine.run("systemctl daemon-reload && systemctl start talks")
    try:
        machine.run("until podman exec talks cat /tmp/said; do sleep 1; done")
        log = machine.run("podman inspect -f '{{.HostConfig.LogConfig.Path}}' talks")
        size = int(machine.run(f"stat -c %s {log}"))
        assert (size <= _LIMIT) is bool(override)
        assert status(machine, "talks", "unbounded-logs") == ("pass" if override else "fail")
    finally:
        machine.run(f"systemctl stop talks; rm -f {unit} /srv/limit.conf; systemctl daemon-reload")
