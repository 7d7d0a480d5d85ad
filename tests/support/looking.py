"""What the workbench knows of containers on a real Podman."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hardentui.features.views import Report, Selection
from hardentui.features.workbench import Workbench


@contextmanager
def looked_at(url: str, *names: str) -> Iterator[tuple[Workbench, dict[str, Report]]]:
    """A workbench that has looked closely at these containers, or at all, and their reports."""
    workbench = Workbench.open(Selection(url=url))
    try:
        rows = [row for row in workbench.containers.rows() if row.name in names or not names]
        keys = [row.key for row in rows]
        workbench.containers.scan(
            lambda _: None,
            lambda _: None,
            threading.Event(),
            keys,
        )
        looked = [row for row in map(workbench.containers.refresh, keys) if row is not None]
        yield workbench, {row.name: row.report for row in looked if row.report is not None}
    finally:
        workbench.close()
