"""A path that a script only makes, reads or writes is no program of the container."""

import pytest

from hardentui.reading.behaviour import program_paths


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["/opt/app/run", "--data", "/data/db"], ["/opt/app/run", "/data/db"]),
        (["/entry.sh", "/opt/app/../app/run"], ["/entry.sh", "/opt/app/run"]),
        (["sh", "-c", "mkdir -p /data/x; echo hi > /data/x/f; exec /opt/app/run -x"], ["/opt/app/run"]),
        (["/bin/sh", "-c", "/opt/app/run -x"], ["/bin/sh", "/opt/app/run"]),
        (["bash", "-o", "pipefail", "-ec", "cat /data/a|/opt/b>/data/c"], ["/opt/b"]),
        (["tini", "--", "ash", "-c", "A=/data/a /opt/run && rm -f /data/b"], ["/opt/run"]),
        (["sh", "-c", "python3 /opt/app/main.py 2>&1 </data/in"], ["/opt/app/main.py"]),
        (["sh", "-c", ". /opt/env; cd /data\nwhile :; do /opt/tick; done"], ["/opt/env", "/opt/tick"]),
        (["sh", "-c", "test -d /data/x || su app -c '/opt/run --to /data/x'"], ["/opt/run", "/data/x"]),
        (["sh", "-c", "trap 'rm /data/pid' TERM; if [ -e /data/x ]; then /opt/run; fi"], ["/opt/run"]),
        (["sh", "-c", "tail -f $(/opt/which) >>/data/log & /opt/run"], ["/opt/which", "/opt/run"]),
        (["sh", "-c", "cat <(/opt/list) /data/x"], ["/opt/list", "/data/x"]),
        (["sh", "-c", "echo 'not closed /opt/run"], ["/opt/run"]),
        (["sh", "-c", "exec \"$@\"", "sh", "/opt/run"], ["/opt/run"]),
        (["sh", "/opt/start.sh", "/data"], ["/opt/start.sh", "/data"]),
        (["sh", "-c"], []),
        ([], []),
    ],
)  # fmt: skip
def test_programs_of_a_command(words: list[str], paths: list[str]) -> None:
    assert list(program_paths(words)) == paths
