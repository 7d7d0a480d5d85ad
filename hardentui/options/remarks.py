"""Remarks on a container's own command line: flags that are not carried over."""

from __future__ import annotations

from hardentui.options.argv.flags import CARRIED_GLOBALS
from hardentui.options.inspect.view import CommandLine, View
from hardentui.options.table import TABLE
from hardentui.options.table.not_carried import FLAGS_WITHOUT_ROW, NOT_CARRIED

_CARRIED = frozenset(flag for option in TABLE for flag in (option.flag, *dict(option.also)))
_TOLD = frozenset(known.flag for known in FLAGS_WITHOUT_ROW if known.is_told)

_CONNECTION_GLOBALS = frozenset(
    [
        "--cgroup-manager",
        "--config",
        "--conmon",
        "--connection",
        "--events-backend",
        "--help",
        "--identity",
        "--imagestore",
        "--log-level",
        "--network-cmd-path",
        "--network-config-dir",
        "--noout",
        "--out",
        "--remote",
        "--root",
        "--runroot",
        "--ssh",
        "--storage-driver",
        "--storage-opt",
        "--syslog",
        "--tmpdir",
        "--trace",
        "--transient-store",
        "--url",
        "--version",
        "--volumepath",
        "--volume-path",
        "--db-backend",
        "--default-mounts-file",
        "--tls-ca",
        "--tls-cert",
        "--tls-key",
    ]
)
"""Global flags that select the engine, which the caller of a unit or script has to do."""

_STORAGE_GLOBALS = ("--root", "--imagestore", "--connection", "--url", "--transient-store")


def remarks_on(view: View) -> list[str]:
    """One sentence for each relevant flag of the command line that is not carried over."""
    if view.command is None:
        return []
    return [*_flag_remarks(view.command), *_global_remarks(view.command)]


def _flag_remarks(command: CommandLine) -> list[str]:
    remarks = [f"{flag} is not carried over: {NOT_CARRIED[flag]}" for flag in command.flags if flag in _TOLD]
    unknown = sorted(flag for flag in command.flags if flag not in _CARRIED and flag not in NOT_CARRIED)
    return remarks + [f"{flag} is not carried over: HardenTUI does not know it" for flag in unknown]


def _global_remarks(command: CommandLine) -> list[str]:
    chosen = [flag for flag in _STORAGE_GLOBALS if flag in command.globals]
    remarks = []
    if chosen:
        remarks.append(f"{', '.join(chosen)}: use the same engine or storage to run the result")
    known = _CONNECTION_GLOBALS | CARRIED_GLOBALS
    unknown = sorted(flag for flag in command.globals if flag not in known)
    return remarks + [f"{flag} is not carried over: HardenTUI does not know it" for flag in unknown]
