"""The option table: one row per option of `podman create`, grouped by area in `table/`.

A row is the single place that knows an option's spelling, type and default. Readers, writers, the diff
and the documentation walk over TABLE. Two rows may share a flag (`--security-opt`); their `name` tells them
apart. Everybody imports rows from here: `from hardentui.options import MEMORY, TABLE`.
"""

from hardentui.options.table import *
from hardentui.options.values import Mount as Mount
from hardentui.options.values import Port as Port
