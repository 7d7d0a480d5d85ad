"""Flags of `podman run` and `podman create` that no unit or script carries, and why."""

from __future__ import annotations

from hardentui.options import TABLE
from hardentui.options.argv.command_line import CommandLine
from hardentui.options.argv.flags import CARRIED_GLOBALS
from hardentui.options.sources import View

NOT_CARRIED = {
    "--attach": "it belongs to the terminal from which the container was started",
    "--cidfile": "the file belongs to whoever starts the container; Quadlet has its own",
    "--creds": "credentials are never copied; log in with podman login or use an authentication file",
    "--decryption-key": "keys are never copied; the image has been decrypted already",
    "--detach": "the unit or script decides whether it waits",
    "--detach-keys": "it belongs to the terminal from which the container was started",
    "--disable-content-trust": "Podman ignores it",
    "--env-merge": "its result is written as --env",
    "--help": "it prints a text",
    "--label-file": "its lines are written as --label",
    "--no-healthcheck": "it is written as --health-cmd=none",
    "--pod-id-file": "the pod is named with --pod",
    "--preserve-fd": "file descriptors of a terminal cannot be passed on by a unit or script",
    "--preserve-fds": "file descriptors of a terminal cannot be passed on by a unit or script",
    "--quiet": "it belongs to the terminal from which the container was started",
    "--replace": "a script does not remove a container on its own; Quadlet always replaces",
    "--sig-proxy": "it belongs to the terminal from which the container was started",
}
"""Flag -> reason."""

_CARRIED = frozenset(option.flag for option in TABLE) | {"--mount"}

_TOLD = frozenset({"--creds", "--decryption-key", "--preserve-fd", "--preserve-fds"})

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
"""Global flags that choose the engine; the caller of a unit or script chooses it."""

_STORAGE_GLOBALS = ("--root", "--imagestore", "--connection", "--url", "--transient-store")


def remarks_on(view: View) -> list[str]:
    """One sentence for each flag of the command line that is not carried over and matters."""
    if view.command is None:
        return []
    return [*_flag_remarks(view.command), *_global_remarks(view.command)]


def _flag_remarks(command: CommandLine) -> list[str]:
    found = [f"{flag} is not carried over: {NOT_CARRIED[flag]}" for flag in command.flags if flag in _TOLD]
    unknown = sorted(flag for flag in command.flags if flag not in _CARRIED and flag not in NOT_CARRIED)
    return found + [f"{flag} is not carried over: HardenTUI does not know it" for flag in unknown]


def _global_remarks(command: CommandLine) -> list[str]:
    chosen = [flag for flag in _STORAGE_GLOBALS if flag in command.globals]
    found = []
    if chosen:
        found.append(f"{', '.join(chosen)}: use the same engine or storage when you run what was written")
    known = _CONNECTION_GLOBALS | CARRIED_GLOBALS
    unknown = sorted(flag for flag in command.globals if flag not in known)
    return found + [f"{flag} is not carried over: HardenTUI does not know it" for flag in unknown]
