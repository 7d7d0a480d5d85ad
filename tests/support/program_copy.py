"""A copy of the program, in which an example of CONTRIBUTING.md is tried literally."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class ProgramCopy:
    """The package and its checklists, in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("hardentui", "checklists"):
            shutil.copytree(ROOT / name, directory / name)

    def add_example(self, introduction: str, below: str = "") -> None:
        """Add the code block that follows this text and the path of a file: at the end of that
        file, or below the line with this text."""
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        pattern = rf"{introduction} `(hardentui/\S+\.py)`[^`]*:\n\n```(?:python|text)\n(.*?)```\n"
        example = re.search(pattern, text, re.DOTALL)
        assert example, f"CONTRIBUTING.md has no example after {introduction!r}"
        path = self.directory / example[1]
        if not below:
            with path.open("a", encoding="utf-8") as file:
                file.write(example[2])
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        (at,) = (number for number, line in enumerate(lines, 1) if below in line)
        path.write_text("".join([*lines[:at], example[2], *lines[at:]]), encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What Python says with these arguments, and nothing but the copy to import."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": str(self.directory),
            "NO_COLOR": "1",
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def passed(self, tests: Path, *arguments: str) -> int:
        """How many tests of a file pass on the copy; none may fail."""
        shutil.copy(tests, self.directory)
        (self.directory / "pytest.ini").write_text(
            "[pytest]\n",
            encoding="utf-8",
        )
        done = self.run(
            "-m",
            "pytest",
            "-q",
            "-c",
            "pytest.ini",
            *arguments,
            tests.name,
        )
        passed = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
        assert done.returncode == 0, done.stdout
        assert passed
        return int(passed[1])
