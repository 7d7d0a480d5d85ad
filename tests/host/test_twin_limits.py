"""Under a real systemd, what the twins of a trial may take is in force in the kernel."""

from __future__ import annotations

import pytest

from tests.host.machine import Machine
from tests.support.waiting import eventually

pytestmark = [pytest.mark.host, pytest.mark.timeout(1800)]
_LOOK = """
cd /opt/hardentui
python3 -m hardentui trial {name} --check new-privileges-allowed >/tmp/trial.said 2>&1 &
trial=$!
rm -f /tmp/twins.seen
while kill -0 $trial 2>/dev/null; do
    for group in $(find {root} -type d -name 'hardentui-*.slice'); do
        for process in $(find $group -name cgroup.procs ! -path '*conmon*' -exec cat {{}} +); do
            {{
                echo slice ${{group##*/}}
                for file in memory.max memory.swap.max pids.max cpu.weight; do
                    echo $file $(cat $group/$file)
                done
                echo oom_score_adj $(cat /proc/$process/oom_score_adj)
            }} >/tmp/twins.now 2>/dev/null && mv /tmp/twins.now /tmp/twins.seen
            {{ {units}; }} >>/tmp/twins.units 2>&1
        done
    done
    sleep 0.2
done
wait $trial
echo $? >/tmp/trial.code
"""


_UNITS = "systemctl {} list-units --all --no-legend '*.slice'; ls -R {}; true"


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "user", "root", "units"),
    [
        (
            "plain",
            "root",
            "/sys/fs/cgroup",
            _UNITS.format("--system", "/run/systemd/system.control"),
        ),
        (
            "mine",
            "bench",
            "/sys/fs/cgroup/user.slice",
            _UNITS.format("--user", "/run/user/$(id -u)/systemd/user.control"),
        ),
    ],
    ids=["root", "bench"],
)
def test_the_slice_of_the_twins_binds_and_goes(
    machine: Machine,
    name: str,
    user: str,
    root: str,
    units: str,
) -> None:
    machine.run("rm -f /tmp/trial.* /tmp/twins.*")
    machine.write(f"/tmp/look-{user}.sh", _LOOK.format(name=name, root=root, units=units), user)
    machine.run(f"nohup sh /tmp/look-{user}.sh >/dev/null 2>&1 &", user)
    assert eventually(lambda: machine.run("cat /tmp/trial.code 2>/dev/null || true", user), 900), (
        machine.run("cat /tmp/trial.said")
    )
    assert machine.run("cat /tmp/trial.code", user).strip() in ("0", "1"), machine.run(
        "cat /tmp/trial.said"
    )
    seen = dict(line.split(" ", 1) for line in machine.run("cat /tmp/twins.seen").splitlines())
    memory = int(machine.run("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) << 10
    assert int(seen["memory.max"]) < memory, seen
    assert int(seen["pids.max"]) > 0, seen
    assert seen["memory.swap.max"] == "0", seen
    assert seen["cpu.weight"] == "1", seen
    assert seen["oom_score_adj"] == "1000", seen
    number = seen["slice"]
    assert number in machine.run("cat /tmp/twins.units"), "it and its properties are units"
    assert number not in machine.run(units, user), "the slice and its properties are gone"
