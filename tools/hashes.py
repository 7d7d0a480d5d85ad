"""Write packaging/*requirements.txt: what is installed with us, and to build us, each archive by its
hash. usage: make hashes"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "requirements.txt": ("pyproject.toml",),
    "build-requirements.txt": ("-",),
}
"""Name -> what is asked for; `-` is standard input."""
BUILD = "hatchling\n"


def main() -> None:
    for name, words in FILES.items():
        subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", *words),
                *("--constraint", "constraints.txt", "--generate-hashes"),
                *("--universal", "--python-version", "3.11"),
                *("--no-emit-index-url", "--no-header", "--no-annotate"),
                *("--output-file", f"packaging/{name}"),
            ],
            cwd=ROOT,
            input=BUILD,
            text=True,
            check=True,
        )


if __name__ == "__main__":
    main()
