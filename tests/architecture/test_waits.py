"""Every wait has a deadline: what does not come becomes "unknown because", never a program that
hangs."""

from __future__ import annotations

import ast

from tests.architecture.test_boring_python import nodes

WAITS = {"wait", "join", "acquire", "communicate"}
PROGRAMS = {"run", "call", "check_call", "check_output"}
UNTIL_STOPPED = {"features/looking/containers.py"}
"""Following events is over when its caller sets the stop sign; nobody waits for what comes of it.
"""


def _without_deadline(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    of, name = call.func.value, call.func.attr
    if name in WAITS:
        return not call.args and not call.keywords
    if isinstance(of, ast.Name) and of.id == "subprocess" and name in PROGRAMS:
        return "timeout" not in {keyword.arg for keyword in call.keywords}
    return False


def test_every_wait_has_a_deadline() -> None:
    sleeps = {
        f"{name}:{node.lineno}"
        for name, node in nodes(ast.Call)
        if name not in UNTIL_STOPPED and _without_deadline(node)
    }
    assert sleeps == set()
