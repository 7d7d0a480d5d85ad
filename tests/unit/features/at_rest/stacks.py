"""Small compose files like those that people publish: databases, a web server with a database and
a cache, reverse proxies, monitoring… No `.env` lies beside them, as in a repository."""

from __future__ import annotations

from datetime import date
from pathlib import Path

DATA = Path(__file__).parents[3] / "data" / "stacks"
EXAMPLES = {path.stem: path.read_text() for path in sorted(DATA.glob("*.yaml"))}
TODAY = date(2026, 12, 1)


def write(folder: Path, name: str) -> Path:
    """An example as the compose file of a folder of its name."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "compose.yaml").write_text(EXAMPLES[name])
    return place
