"""The memory that configurations ask for, and limits that leave room for it."""

import pytest

from hardentui.checks.examples import container
from hardentui.checks.step05_security_contexts.limits import most_asked
from hardentui.features.checklists.loading import find_check, load
from hardentui.harden.plan import make_plan
from hardentui.model.plan import Choice
from hardentui.options import COMMAND, ENTRYPOINT, ENV, MEMORY

_MIB = 1 << 20


@pytest.mark.parametrize(
    ("entry", "command", "environment", "size"),
    [
        (("redis-server",), ("--maxmemory", "1gb"), (), 1 << 30),
        (("mariadbd",), ("--innodb-buffer-pool-size=2G",), (), 2 << 30),
        (("postgres",), ("-c", "shared_buffers=256MB"), (), 256 * _MIB),
        (("memcached",), ("-u", "nobody", "-m", "1024"), (), 1 << 30),
        (("app",), ("-m", "1024"), (), 0),
        (("redis-server",), ("--maxmemory", "0"), (), 0),
        (("postgres",), ("-c", "shared_buffers=16384"), (), 128 * _MIB),
        (("app",), ("my_shared_buffers_note=3GB",), (), 0),
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
    asked = most_asked(facts)
    assert (asked.size if asked else 0) == size


def test_the_limit_is_what_is_asked_and_the_default_for_the_rest() -> None:
    facts = container((ENTRYPOINT, ("redis-server", "--maxmemory", "1gb")))
    choices = [Choice("no-memory-limit")]
    plan = make_plan(facts, choices, [find_check("no-memory-limit")], load())
    assert plan.after[MEMORY] == (1 << 30) + 512 * _MIB
    assert any("maxmemory in its command asks for 1g" in note.text for note in plan.notes)


def test_a_value_that_the_user_chose_is_the_answer() -> None:
    facts = container((ENTRYPOINT, ("redis-server", "--maxmemory", "1gb")))
    choices = [Choice("no-memory-limit", (("memory", "700m"),))]
    plan = make_plan(facts, choices, [find_check("no-memory-limit")], load())
    assert plan.after[MEMORY] == 700 * _MIB
