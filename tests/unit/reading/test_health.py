"""Whether a health check can fail at all."""

import pytest

from hardentui.reading.images import always_passes

ASKS = (
    "curl -fsS http://localhost/",
    "redis-cli ping",
    "curl -f localhost || exit 1",
    "curl -f localhost && exit 0 || exit 1",
    "wget -q -O- http://x | grep ok",
    "echo ruok | nc localhost 2181 | grep imok",
    "true && curl -f x",
    "sh -c 'curl -f x'",
    "if curl -f x; then exit 0; else exit 1; fi",
    'test "$(curl -s x)" = ok',
    "curl -s x; test $? -eq 0",
    "curl -f x & wait",
    "curl -f http://x > /dev/null 2>&1 || exit 1",
    "! pgrep gone",
    "cat /run/ready",
    "test -f /run/ready",
    "exit 1",
    "/bin/check 'unbalanced",
    "",
)
NEVER_FAILS = (
    "true",
    "/bin/true",
    ":",
    "exit 0",
    "curl -f x || true",
    "curl -f x || exit 0",
    "curl -f x || :",
    "curl -f x || echo failed",
    "curl -f x; true",
    "curl -f x; exit 0",
    "curl -f x\ntrue",
    "curl -f x | cat",
    "curl -f x | tee /dev/null",
    "curl -f x > /dev/null 2>&1 || true",
    "curl -f x &",
    "sh -c 'exit 0'",
    "sh -c exit 0",
    "sh -c 'curl -f x || true'",
    "/bin/sh -c true",
    "busybox true",
    "test 1 -eq 1",
    "[ 1 = 1 ]",
    "ls /",
    "date",
    "echo ok",
    "A=1 true",
)


@pytest.mark.parametrize("command", ASKS)
def test_a_check_that_asks_something_may_fail(command: str) -> None:
    assert not always_passes(command)


@pytest.mark.parametrize("command", NEVER_FAILS)
def test_a_check_that_asks_nothing_is_told_from_one_that_does(command: str) -> None:
    assert always_passes(command)
