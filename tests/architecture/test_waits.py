"""Every wait has a deadline: what does not come becomes "unknown because", never a program that
hangs."""

from __future__ import annotations

import ast

from tests.architecture.test_boring_python import nodes

WAITS = {"wait", "join", "acquire", "communicate"}
PROGRAMS = {"run", "call", "check_call", "check_output"}
OWN_CHILDREN = {
    "child_process.py": "the way of all that end by themselves",
    "engine/ssh.py": "a tunnel lives as long as its engine",
    "features/change/starting.py": "outlives this process on purpose",
    "features/training/seat.py": "answers a learner as long as the sandbox lives",
    "reader.py": "reads document after document, as long as its parent lives",
    "features/change/substitute.py": "asks until it is told to stop",
}
"""Modules that start a child process themselves, each with its reason."""
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


def test_children_are_started_and_fed_in_one_way() -> None:
    """`communicate` in slices of time loses its input, and what nobody kills lives on."""
    starters = {
        module
        for module, node in nodes(ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr in PROGRAMS | {"Popen"}
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "subprocess"
    }
    assert starters == OWN_CHILDREN.keys()


def test_communicate_is_called_once_for_a_child() -> None:
    in_loops = {
        f"{module}:{call.lineno}"
        for kind in (ast.While, ast.For)
        for module, loop in nodes(kind)
        for call in ast.walk(loop)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr == "communicate"
    }
    assert in_loops == set()
