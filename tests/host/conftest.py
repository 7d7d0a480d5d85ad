"""One machine for the session, with containers to look at. They run only when asked for: `pytest -m host`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import cannot_run
from tests.host.machine import Machine, MachineFailed, Report

_IMAGE = """
set -e
tree=$(mktemp -d)
mkdir -p "$tree"/bin "$tree"/etc "$tree"/data
cp /usr/bin/busybox "$tree"/bin/
for name in sh sleep cat id echo touch; do ln -s busybox "$tree"/bin/$name; done
echo 'root:x:0:0::/:/bin/sh' >"$tree"/etc/passwd
install -d -m 1777 "$tree"/tmp
tar -C "$tree" -cf /tmp/image.tar .
chmod 644 /tmp/image.tar
"""
_IMPORT = 'podman import -q --change \'CMD ["sleep","100000"]\' /tmp/image.tar localhost/bb:1'
LIMITED = """# Ask Anna before you change it.
[Unit]
Description = limited by its service

[Container]
Image=localhost/bb:1
ContainerName=limited
Network=none
RunInit=true

[Service]
MemoryMax=64M
TasksMax=50
CPUQuota=50%
"""
OWN = LIMITED.replace("limited", "own")
QUADLETS = "/etc/containers/systemd"
OWN_QUADLETS = "/home/bench/.config/containers/systemd"
_ROOTFUL = f"""
set -e
{_IMPORT}
systemctl daemon-reload
systemctl start limited
podman run -d --init --name plain --network none localhost/bb:1
podman run -d --init --name nnp --network none --security-opt no-new-privileges localhost/bb:1
podman run -d --init --name open --network none --security-opt apparmor=unconfined \
    --security-opt seccomp=unconfined localhost/bb:1
podman run -d --init --name web -p 8080:80 -v webdata:/data -e GREETING='hi there' --cap-add SYS_ADMIN \
    localhost/bb:1
"""
_ROOTLESS = f"""
set -e
{_IMPORT}
systemctl --user daemon-reload
systemctl --user start own
podman run -d --init --name mine --network none --memory 32m localhost/bb:1
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out of every run that does not name their marker: they take minutes."""
    words = str(config.option.markexpr).replace("(", " ").replace(")", " ").split()
    wanted = any(word == "host" and words[max(at - 1, 0)] != "not" for at, word in enumerate(words))
    if not wanted:
        left_out = [item for item in items if item.get_closest_marker("host")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """The running host with its containers."""
    found = Machine()
    try:
        found.start()
    except (MachineFailed, subprocess.TimeoutExpired) as error:
        cannot_run(f"no machine could be started: {error}")
    try:
        found.run("sh", text=_IMAGE)
        found.write(f"{QUADLETS}/limited.container", LIMITED)
        found.write(f"{OWN_QUADLETS}/own.container", OWN, "bench")
        found.run("sh", text=_ROOTFUL)
        found.run("sh", "bench", _ROOTLESS)
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def as_found(machine: Machine) -> Report:
    """What `check` says of root's containers before anything is fixed."""
    return machine.report("check limited plain nnp open web")


@pytest.fixture(scope="session")
def as_found_rootless(machine: Machine) -> Report:
    return machine.report("check own mine", "bench")


@pytest.fixture(scope="session")
def host_report(machine: Machine) -> Report:
    return machine.report("host")
