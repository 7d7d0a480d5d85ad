"""The memory that configurations ask for, and limits that leave room for it."""

import pytest

from hardentui.checks.prelude import container
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.checklists.loading import load
from hardentui.harden.plan import make_plan
from hardentui.model.facts import AskedMemory
from hardentui.model.plan import Choice
from hardentui.options import COMMAND, ENTRYPOINT, ENV, MEMORY
from hardentui.reading.asked_memory import asked_by_command, asked_by_file, config_paths
from hardentui.reading.behaviour import program_paths

_MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("[mysqld]\ninnodb_buffer_pool_size = 1G\n", 1 << 30),
        ("innodb-buffer-pool-size=134217728", 128 * _MIB),
        ("shared_buffers = 128MB\t# min 128kB", 128 * _MIB),
        ("shared_buffers = 16384", 128 * _MIB),
        ("#shared_buffers = 4GB\n", 0),
        ("maxmemory 2gb\nmaxmemory-policy allkeys-lru", 2 << 30),
        ("cache_mem 256 MB", 256 * _MIB),
        ("-Xms1g\n-Xmx2g\n", 2 << 30),
        ('CATALINA_OPTS="-Xmx512m -Dx=y"', 512 * _MIB),
        (
            "  wiredTiger:\n    engineConfig:\n      cacheSizeGB: 1.5\n",
            1536 * _MIB,
        ),
        ("maxmemory 0", 0),
        ("nothing here 1G", 0),
        ("my_shared_buffers_note = 3GB", 0),
    ],
)
def test_a_file_asks_for_what_its_settings_say(
    text: str,
    size: int,
) -> None:
    asked = asked_by_file("/etc/app.conf", text)
    assert sum(request.size for request in asked) == size
    assert all("/etc/app.conf" in request.by for request in asked)


@pytest.mark.parametrize(
    ("entry", "command", "environment", "size"),
    [
        (("redis-server",), ("--maxmemory", "1gb"), (), 1 << 30),
        (
            ("mariadbd",),
            ("--innodb-buffer-pool-size=2G",),
            (),
            2 << 30,
        ),
        (
            ("postgres",),
            ("-c", "shared_buffers=256MB"),
            (),
            256 * _MIB,
        ),
        (
            ("memcached",),
            ("-u", "nobody", "-m", "1024"),
            (),
            1 << 30,
        ),
        (("app",), ("-m", "1024"), (), 0),
        (("java",), ("-Xmx3g", "-jar", "/app.jar"), (), 3 << 30),
        (
            ("node",),
            ("--max-old-space-size=4096", "x.js"),
            (),
            4 << 30,
        ),
        (
            ("node",),
            ("x.js",),
            ("NODE_OPTIONS=--max-old-space-size=2048",),
            2 << 30,
        ),
        (("java",), (), ("JAVA_OPTS=-Xmx768m",), 768 * _MIB),
    ],
)
def test_a_command_and_its_environment_ask(
    entry: tuple[str, ...],
    command: tuple[str, ...],
    environment: tuple[str, ...],
    size: int,
) -> None:
    facts = container(
        (ENTRYPOINT, entry),
        (COMMAND, command),
        (ENV, environment),
    )
    assert sum(request.size for request in asked_by_command(facts)) == size


def test_the_limit_is_what_is_asked_and_the_default_for_the_rest() -> None:
    facts = container('\'--entrypoint=["redis-server", "--maxmemory", "1gb"]\'')
    choices = [Choice("no-memory-limit")]
    plan = make_plan(
        facts,
        choices,
        [find_check("no-memory-limit")],
        load(),
    )
    assert plan.after[MEMORY] == (1 << 30) + 512 * _MIB
    assert any("maxmemory in its command asks for 1g" in note.text for note in plan.notes)


def test_a_value_that_the_user_chose_is_the_answer() -> None:
    facts = container(asked_memory=(AskedMemory(1 << 30, "maxmemory in /etc/redis.conf"),))
    choices = [Choice("no-memory-limit", (("memory", "700m"),))]
    plan = make_plan(
        facts,
        choices,
        [find_check("no-memory-limit")],
        load(),
    )
    assert plan.after[MEMORY] == 700 * _MIB


def test_files_that_the_command_names_are_read() -> None:
    facts = container('\'--entrypoint=["redis-server", "/srv/redis.conf"]\' --env=PGDATA=/data/pg')
    paths = config_paths(facts)
    assert {"/srv/redis.conf", "/data/pg/postgresql.conf", "/etc/mysql"} <= set(paths)


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
def test_programs_of_a_command(
    words: list[str],
    paths: list[str],
) -> None:
    assert list(program_paths(words)) == paths
