"""Variables of the host that reach the container."""

from __future__ import annotations

import shlex
from itertools import pairwise

from hardentui.checks.prelude import *
from hardentui.reading.secrets import secret_value
from hardentui.visible import MASK as MASKED

_OF_A_HOST = frozenset(
    "USER LOGNAME SHELL SHLVL PWD OLDPWD MAIL LS_COLORS LESSOPEN SUDO_USER SUDO_UID SUDO_COMMAND SSH_CLIENT "
    "SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK DISPLAY XDG_RUNTIME_DIR XDG_SESSION_ID XDG_DATA_DIRS "
    "DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MANAGERPID HISTCONTROL HISTSIZE "
    "TERM_PROGRAM".split()
)
_ENOUGH = 3
_LOCALE = frozenset({"LC_*", "LANG*", "TZ*"})
_OTHERS_READ = 0o004
_PROXIES = frozenset(
    name
    for low in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
    for name in (low, low.upper())
)


def _fix_leaking_host_environment(
    spec: Spec,
    context: FixContext,
) -> Spec:
    facts = context.facts
    if spec[ENV_HOST] or _command_asks(facts) or len(_host_names(spec)) >= _ENOUGH:
        spec = spec.without(ENV_HOST).with_(ENV, _own_variables(spec, _command(facts)))
    passwords = [
        pair for pair in spec[ENV] if pair.partition("=")[0] in _PROXIES and secret_value(pair)
    ]
    if passwords:
        raise CannotFix(
            "a proxy variable that was set by name contains a password",
            "Set the proxy's address without it, and let the proxy identify the host instead.",
        )
    if spec == facts.spec and _files(facts):
        raise CannotFix(
            "the environment file is on the host, and no container option changes its mode",
            "Close it to others: chmod 600 FILE.",
        )
    if spec == facts.spec and _patterns(facts):
        raise CannotFix(
            "the pattern is in the command that created it; its variables are options of their "
            "own now",
            "Create it with the variables that the service needs, by name.",
        )
    inherited = _proxies_with_password(facts)
    return spec.with_(HTTP_PROXY, False) if inherited and not is_planned(facts) else spec


_LEAKED = {"Config": {"CreateCommand": ["podman", "run", "--env-host", "-e", "TZ=UTC", "img"]}}

_BY_PATTERN = {"Config": {"CreateCommand": ["podman", "run", "--env=AWS*", "img"]}}


@Check(
    gives=Gain.SECRETS.after(1),  # variables of the caller, which may hold a secret
    summary="Pass only the variables that the service needs, by name",
    remediate=_fix_leaking_host_environment,
    passes=lambda: (
        "-e TZ=UTC -e USER=shop",
        "-e https_proxy=http://proxy.example:3128",
        container(env_files={"/srv/shop.env": FileFact("/srv/shop.env", mode=0o640)}),
        container(inspect={"Config": {"CreateCommand": ["podman", "run", "-e", "LC_*", "img"]}}),
    ),
    fails=lambda: (
        "--env-host",
        container(
            "-e TZ=UTC -e SHLVL=1 -e LOGNAME=root -e SSH_CLIENT=192.0.2.1",
            inspect=_LEAKED,
        ),
        "-e https_proxy=http://anna:correct-horse@proxy.example:3128",
        container(env_files={"/srv/shop.env": FileFact("/srv/shop.env", mode=0o644)}),
        container("-e AWS_X=1", inspect=_BY_PATTERN),
        container(
            inspect={"Config": {"Env": ["http_proxy=http://anna:correct-horse@proxy.example"]}}
        ),
    ),
    references=("NIST SP 800-190 4.1.4",),
)
def leaking_host_environment(facts: ContainerFacts) -> Verdict:
    """Host environment passed to the container.

    What it checks:
    Whether the whole host environment was passed in (`--env-host`), which shows in the command that
    created the container or in variables that only a login or a host service has (USER, SHLVL,
    SSH_CONNECTION, INVOCATION_ID…); whether every variable that begins with some letters was passed
    (`--env 'AWS*'`); whether a proxy variable contains a user and password; and whether an
    environment file given by its full path (`--env-file`) is readable for every account on the
    host.

    Why it matters:
    An admin's shell holds what they work with: cloud keys, registry and cluster tokens, the address
    of their SSH agent. With `--env-host`, all of that is in the container and permanently in the
    engine's database, and the first vulnerability in the service gives it away. A proxy URL with a
    password does the same with that password.

    What may break:
    Variables that the service really used are gone: pass those few by name. Without the proxy
    variables, programs that reach the internet through the proxy fail until they get its address
    without the password.
    """
    names = _host_names(facts.spec)
    asked = facts.spec[ENV_HOST] or _command_asks(facts)
    if asked or len(names) >= _ENOUGH:
        evidence = tuple(Evidence("env", f"{name}={MASKED}") for name in names)
        declared = (
            "env-host" if asked else f"{plural(len(names), 'variable')} of a login or service"
        )
        return failed(
            "the host's environment was passed in",
            declared,
            evidence=evidence,
        )
    patterns = _patterns(facts)
    if patterns:
        reason = f"every variable of the host that matches {listed(patterns)} was passed in"
        return failed(reason, listed(patterns))
    proxies = _proxies_with_password(facts)
    if proxies:
        evidence = tuple(Evidence("env", f"{name}={MASKED}") for name in proxies)
        return failed(
            f"{listed(proxies)} contains a password",
            listed(proxies),
            evidence=evidence,
        )
    return _files(facts) or passed("no host variables")


def _files(facts: ContainerFacts) -> Verdict | None:
    """The failure for environment files of the create command; None if they are fine."""
    if is_planned(facts):
        return None
    open_ones = [
        file
        for file in facts.env_files.values()
        if isinstance(file, FileFact) and file.mode & _OTHERS_READ
    ]
    if open_ones:
        evidence = tuple(Evidence(file.path, f"mode {file.octal}") for file in open_ones)
        commands = tuple(f"chmod 600 -- {shlex.quote(file.path)}" for file in open_ones)
        reason = "every account on the host can read the environment file"
        return failed(
            reason,
            "env-file",
            evidence=evidence,
            commands=commands,
        )
    hidden = [file.reason for file in facts.env_files.values() if isinstance(file, Unread)]
    return unknown(hidden[0], "env-file") if hidden else None


def _command(facts: ContainerFacts) -> tuple[str, ...]:
    """The command that created the container; empty for a plan."""
    if is_planned(facts):
        return ()
    words = section(facts.inspect, "Config").get("CreateCommand") or ()
    return tuple(str(word) for word in words)


def _command_asks(facts: ContainerFacts) -> bool:
    return any(word in ("--env-host", "--env-host=true") for word in _command(facts))


def _patterns(facts: ContainerFacts) -> tuple[str, ...]:
    """`--env NAME*`: all such variables of whoever ran the command, podman-run(1); a locale is
    harmless."""
    command = _command(facts)
    given = [after for word, after in pairwise(command) if word in ("-e", "--env")]
    given += [word.partition("=")[2] for word in command if word.startswith(("--env=", "-e="))]
    return tuple(
        word for word in given if word.endswith("*") and "=" not in word and word not in _LOCALE
    )


def _host_names(spec: Spec) -> tuple[str, ...]:
    return tuple(name for pair in spec[ENV] if (name := pair.partition("=")[0]) in _OF_A_HOST)


def _proxies_with_password(facts: ContainerFacts) -> tuple[str, ...]:
    """Among the container's own variables and those that Podman passed on from its environment."""
    own = facts.spec[ENV]
    pairs = set(own)
    if facts.spec[HTTP_PROXY]:
        pairs.update(str(pair) for pair in section(facts.inspect, "Config").get("Env") or ())
    variables = (pair.partition("=") for pair in sorted(pairs))
    return tuple(name for name, _, value in variables if name in _PROXIES and secret_value(value))


def _own_variables(
    spec: Spec,
    command: tuple[str, ...],
) -> tuple[str, ...]:
    """Variables set by name; if that is not known, those that are not typical of a host."""
    given = {
        after.partition("=")[0] for word, after in pairwise(command) if word in ("-e", "--env")
    }
    given |= {word.split("=", 2)[1] for word in command if word.startswith(("--env=", "-e="))}
    files = any(word.startswith("--env-file") for word in command)
    if "--env-host" in command and not files:
        return tuple(pair for pair in spec[ENV] if pair.partition("=")[0] in given)
    return tuple(
        pair for pair in spec[ENV] if pair.partition("=")[0] in given - _OF_A_HOST or _is_own(pair)
    )


def _is_own(pair: str) -> bool:
    return pair.partition("=")[0] not in _OF_A_HOST
