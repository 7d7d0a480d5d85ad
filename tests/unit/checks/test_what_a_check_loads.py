"""What `hardentui check` must not load: each costs milliseconds at every start, and none is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hardentui

FACTS = Path(hardentui.__file__).parent / "workbench" / "opening" / "demo" / "host.json"
HEAVY = (
    "asyncio",
    "dataclasses",
    "difflib",
    "hardentui.quadlet.edit",
    "http",
    "logging",
    "pathlib",
    "podman",
    "rich",
    "secrets",
    "shutil",
    "textual",
    "urllib.parse",
)
CODE = (
    "import json, sys\n"
    "from hardentui.__main__ import main\n"
    "main(['check', '--facts', sys.argv[1]])\n"
    "print(json.dumps(sorted(sys.modules)))\n"
)

PATTERNS = """
import json, re, sys
compiled, places = re.compile, {}

class Pattern:
    def __init__(self, pattern, place):
        self._pattern, self._place = pattern, place
    def __getattr__(self, name):
        places[self._place] = True
        return getattr(self._pattern, name)

def compile(pattern, flags=0):
    frame = sys._getframe(1)
    if frame.f_code.co_name != "<module>" or "/hardentui/" not in frame.f_code.co_filename:
        return compiled(pattern, flags)
    place = frame.f_code.co_filename.rpartition("/hardentui/")[2] + ": " + str(pattern)
    places.setdefault(place, False)
    return Pattern(compiled(pattern, flags), place)

re.compile = compile
from hardentui.__main__ import main
main(["check", "--facts", sys.argv[1]])
print(json.dumps(places))
"""
"""Prints which patterns were compiled while modules were imported, and whether they were used."""
NOT_OF_EVERY_CHECK = (
    "engine/",
    "host/",
    "systemd/",
    "quadlet/",
    "options/argv/command.py",
    "reading/masking.py",
)
"""Used with a real engine, or loaded only for units and saved facts."""


def test_a_pattern_that_a_check_may_not_use_is_compiled_when_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATTERNS, str(FACTS)], capture_output=True, text=True, check=True, timeout=60
    )
    places = json.loads(done.stdout.splitlines()[-1])
    assert any(places.values())
    unused = [place for place, used in places.items() if not used]
    assert [place for place in unused if not place.startswith(NOT_OF_EVERY_CHECK)] == []


def test_a_check_loads_nothing_that_it_does_not_need() -> None:
    # -S: the environment's own start-up files load what they like
    paths = [path for path in sys.path if path]
    code = f"import sys\nsys.path[:] = {paths!r}\n{CODE}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, str(FACTS)], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "hardentui.workbench.workbench" in loaded
    assert sorted(loaded & set(HEAVY)) == []
    assert not {name for name in loaded if name.startswith("hardentui.tui")}


def test_the_command_ends_with_its_exit_code_and_all_of_its_words() -> None:
    words = [sys.executable, "-m", "hardentui", "check", "--facts", str(FACTS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "hardentui explain score" in done.stdout
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", *words], check=False, timeout=60, capture_output=True
    )
    assert closed.returncode == 1
