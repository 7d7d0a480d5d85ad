"""The memory that configurations ask for, and limits that leave room for it."""

import pytest

from hardentui.checks.examples import container
from hardentui.features.checklists.loading import find_check, load
from hardentui.harden.plan import make_plan
from hardentui.model.facts import AskedMemory
from hardentui.model.plan import Choice
from hardentui.options import COMMAND, ENTRYPOINT, ENV, MEMORY
from hardentui.reading.asked_memory import asked_by_command, asked_by_file, config_paths

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
        ("  wiredTiger:\n    engineConfig:\n      cacheSizeGB: 1.5\n", 1536 * _MIB),
        ("maxmemory 0", 0),
        ("nothing here 1G", 0),
        ("my_shared_buffers_note = 3GB", 0),
    ],
)
def test_a_file_asks_for_what_its_settings_say(text: str, size: int) -> None:
    asked = asked_by_file("/etc/app.conf", text)
    assert sum(request.size for request in asked) == size
    assert all("/etc/app.conf" in request.by for request in asked)


@pytest.mark.parametrize(
    ("entry", "command", "environment", "size"),
    [
        (("redis-server",), ("--maxmemory", "1gb"), (), 1 << 30),
        (("mariadbd",), ("--innodb-buffer-pool-size=2G",), (), 2 << 30),
        (("postgres",), ("-c", "shared_buffers=256MB"), (), 256 * _MIB),
        (("memcached",), ("-u", "nobody", "-m", "1024"), (), 1 << 30),
        (("app",), ("-m", "1024"), (), 0),
        (("java",), ("-Xmx3g", "-jar", "/app.jar"), (), 3 << 30),
        (("node",), ("--max-old-space-size=4096", "x.js"), (), 4 << 30),
        (("node",), ("x.js",), ("NODE_OPTIONS=--max-old-space-size=2048",), 2 << 30),
        (("java",), (), ("JAVA_OPTS=-Xmx768m",), 768 * _MIB),
    ],
)
def test_a_command_and_its_environment_ask(
    entry: tuple[str, ...], command: tuple[str, ...], environment: tuple[str, ...], size: int
) -> None:
    facts = container((ENTRYPOINT, entry), (COMMAND, command), (ENV, environment))
    assert sum(request.size for request in asked_by_command(facts)) == size


def test_the_limit_is_what_is_asked_and_the_default_for_the_rest() -> None:
    facts = container((ENTRYPOINT, ("redis-server", "--maxmemory", "1gb")))
    choices = [Choice("no-memory-limit")]
    plan = make_plan(facts, choices, [find_check("no-memory-limit")], load())
    assert plan.after[MEMORY] == (1 << 30) + 512 * _MIB
    assert any("maxmemory in its command asks for 1g" in note.text for note in plan.notes)


def test_a_value_that_the_user_chose_is_the_answer() -> None:
    facts = container(asked_memory=(AskedMemory(1 << 30, "maxmemory in /etc/redis.conf"),))
    choices = [Choice("no-memory-limit", (("memory", "700m"),))]
    plan = make_plan(facts, choices, [find_check("no-memory-limit")], load())
    assert plan.after[MEMORY] == 700 * _MIB


def test_files_that_the_command_names_are_read() -> None:
    facts = container((ENTRYPOINT, ("redis-server", "/srv/redis.conf")), (ENV, ("PGDATA=/data/pg",)))
    paths = config_paths(facts)
    assert {"/srv/redis.conf", "/data/pg/postgresql.conf", "/etc/mysql"} <= set(paths)
