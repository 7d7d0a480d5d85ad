"""How `podman run` reads its command line: one place for aliases, short flags and arity.

Podman uses pflag: `--flag value`, `--flag=value`, `-p8080:80`, clusters such as `-dit`; a switch takes its
value only after `=`; flags stop at the first word that is none (the image) or at `--`.
"""

from __future__ import annotations

ALIASES = {
    "--net": "--network",
    "--net-alias": "--network-alias",
    "--dns-opt": "--dns-option",
    "--timezone": "--tz",
    "--healthcheck-command": "--health-cmd",
    "--healthcheck-interval": "--health-interval",
    "--healthcheck-retries": "--health-retries",
    "--healthcheck-start-period": "--health-start-period",
    "--healthcheck-timeout": "--health-timeout",
}
"""Spellings that Podman accepts besides the one that its help shows."""

SHORT = {
    "a": "--attach",
    "c": "--cpu-shares",
    "d": "--detach",
    "e": "--env",
    "h": "--hostname",
    "i": "--interactive",
    "l": "--label",
    "m": "--memory",
    "p": "--publish",
    "P": "--publish-all",
    "q": "--quiet",
    "t": "--tty",
    "u": "--user",
    "v": "--volume",
    "w": "--workdir",
}

SWITCHES = frozenset(
    {
        "--detach",
        "--disable-content-trust",
        "--env-host",
        "--help",
        "--http-proxy",
        "--init",
        "--interactive",
        "--no-healthcheck",
        "--no-hostname",
        "--no-hosts",
        "--oom-kill-disable",
        "--passwd",
        "--privileged",
        "--publish-all",
        "--quiet",
        "--read-only",
        "--read-only-tmpfs",
        "--replace",
        "--rm",
        "--rmi",
        "--rootfs",
        "--sig-proxy",
        "--tls-verify",
        "--tty",
        "--unsetenv-all",
    }
)
"""Flags without an argument (`--flag=false` switches them off)."""

COMMA_LISTS = frozenset(
    {
        "--add-host",
        "--attach",
        "--cap-add",
        "--cap-drop",
        "--cgroup-conf",
        "--device-cgroup-rule",
        "--dns",
        "--dns-option",
        "--dns-search",
        "--expose",
        "--gidmap",
        "--gpus",
        "--group-add",
        "--hostuser",
        "--network-alias",
        "--publish",
        "--requires",
        "--sysctl",
        "--uidmap",
        "--ulimit",
    }
)
"""Flags whose argument Podman splits at commas, as one record of CSV."""

GLOBAL_SHORT = {"c": "--connection", "r": "--remote", "v": "--version"}

GLOBAL_SWITCHES = frozenset(
    {"--help", "--noout", "--remote", "--syslog", "--trace", "--transient-store", "--version"}
)

CARRIED_GLOBALS = frozenset({"--runtime", "--runtime-flag", "--module", "--hooks-dir"})
"""Flags before the subcommand that change what a container is."""


def as_csv_field(text: str) -> str:
    """`text` as one field of a comma list: quoted when it has to be."""
    if text and not any(c in text for c in ',"\n\r') and text[0] not in " \t":
        return text
    return '"' + text.replace('"', '""') + '"'


def split_csv(text: str) -> tuple[str, ...]:
    """The fields of a comma list (`a,"b,c"` -> `a`, `b,c`)."""
    if text == "":
        return ()
    if '"' not in text:
        return tuple(text.split(","))
    fields: list[str] = []
    field: list[str] = []
    quoted = False
    position = 0
    while position < len(text):
        character = text[position]
        if quoted and character == '"' and text[position + 1 : position + 2] == '"':
            field.append('"')
            position += 1
        elif character == '"' and (quoted or not field):
            quoted = not quoted
        elif character == "," and not quoted:
            fields.append("".join(field))
            field = []
        else:
            field.append(character)
        position += 1
    fields.append("".join(field))
    return tuple(fields)
