"""The option table: one row per option of `podman create`, grouped by area in `rows.py`.

A row is the only place that defines an option's flag, type and default. Readers, writers, the diff and the
documentation iterate over TABLE. Two rows may share a flag (`--security-opt`) but not a `name`. Import rows
from here: `from hardentui.options import MEMORY, TABLE`, or `*` where many are used.
"""

from hardentui.model.spec import Option
from hardentui.options.table import *
from hardentui.options.values import Mount as Mount
from hardentui.options.values import Port as Port

_HANDED_ON = ("BY_NAME", "TABLE", "Mount", "Port")
# What `*` gives: the rows and these. Not by a plain assignment, which mypy would read as an empty list.
globals()["__all__"] = [
    name for name, value in globals().items() if isinstance(value, Option) or name in _HANDED_ON
]
