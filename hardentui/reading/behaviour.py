"""The observed behaviour of a running container: its user, listening ports, clients and writes.

All of it is a snapshot, or covers the time since the start. Whatever could not be observed is None,
which no fix may treat as "nothing".
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from hardentui.model.check import Advice, FixContext
from hardentui.model.facts import ContainerFacts, IdRange, Kernel, SocketEndpoint
from hardentui.model.image import parse_time
from hardentui.model.known import known
from hardentui.model.remediation import Risk
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.options.capability_sets import bounding_set, given_explicitly
from hardentui.reading.containers import (
    ask_or,
    declared_user,
    image_config,
    is_root,
    known_application,
    section,
)

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
_BETWEEN = frozenset(";&|()\n")
"""Characters that end a command in a script."""
_REDIRECTS = frozenset("<>")
_BEFORE_COMMANDS = frozenset("! { } do done elif else fi if then until while".split())
_HANDLES_FILES = frozenset(
    "[ [[ basename cat cd chgrp chmod chown cp cut date dd df dirname du echo export false grep head id "
    "install ln ls mkdir mkfifo mknod mktemp mount mv printf pwd read readlink realpath rm rmdir sed set "
    "sleep sort stat sync tail tar tee test touch tr true umask umount uniq unset wait wc".split()
)  # fmt: skip
"""Commands that do not start their arguments."""
_ASSIGNMENT = r"[A-Za-z_][A-Za-z0-9_]*\+?="


def program_paths(words: Sequence[str]) -> tuple[str, ...]:
    """The absolute paths among the words of a command that may be programs or scripts that it runs."""
    script = _script_of(words)
    paths = [
        word for word in words[: len(words) if script is None else script] if word.startswith("/")
    ]
    if script is not None:
        paths += _paths_of_script(words[script])
        paths += [word for word in words[script + 1 :] if word.startswith("/")]
    return tuple(dict.fromkeys(posixpath.normpath(path) for path in paths))


def _script_of(words: Sequence[str]) -> int | None:
    """The index of the script in `sh -c SCRIPT`; None if there is none."""
    for at, word in enumerate(words):
        if posixpath.basename(word) in _SHELLS:
            script = False
            place = at + 1
            while place < len(words) and words[place].startswith(("-", "+")):
                letters = words[place][1:]
                script = script or (
                    words[place].startswith("-") and letters[:1] != "-" and "c" in letters
                )
                place += 2 if letters.endswith("o") else 1  # -o takes an argument
            if script and place < len(words):
                return place
    return None


def _paths_of_script(script: str) -> Iterator[str]:
    """The paths that a script may start; every path in it if it cannot be parsed."""
    lexer = shlex.shlex(
        script,
        posix=True,
        punctuation_chars=";&|()<>\n",
    )
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # an unclosed quote
        yield from (part for part in script.split() if part.startswith("/"))
        return
    command, target = "", False
    for token in tokens:
        if set(token) <= _BETWEEN or token.endswith("("):
            command, target = "", False
        elif set(token) <= _BETWEEN | _REDIRECTS:
            target = True
        elif target:  # a file that is read or written
            target = False
        elif not command and (token in _BEFORE_COMMANDS or re.match(_ASSIGNMENT, token)):
            continue
        else:
            first = not command
            command = command or token
            if not first and command in _HANDLES_FILES:
                continue
            if not first and " " in token:  # `su app -c "/opt/app/run -x"`
                yield from _paths_of_script(token)
            elif token.startswith("/"):
                yield token


LONG_ENOUGH = timedelta(hours=1)
"""A service that ran for less time has not shown what it does."""
IDS_OF_THE_HOST = (IdRange(0, 0, 4294967295),)


def uptime(facts: ContainerFacts) -> timedelta | None:
    started = parse_time(section(facts.inspect, "State").get("StartedAt"))
    if not isinstance(facts.kernel, Kernel) or started is None or started > facts.now:
        return None
    return facts.now - started


def seen_long_enough(facts: ContainerFacts) -> bool:
    """Whether it has run long enough for observations to mean something."""
    known = uptime(facts)
    return known is not None and known >= LONG_ENOUGH


def how_long(facts: ContainerFacts) -> str:
    """`in 26 hours`: completes "peak use 12 MiB"."""
    known = uptime(facts)
    if known is None:
        return "since the start"
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(known.total_seconds() // length)) > 1:
            return f"in {count} {name}s"
    return "in less than two minutes"


def inside(host_id: int, lines: Iterable[IdRange]) -> int | None:
    """A host ID as the container sees it."""
    for line in lines:
        if line.outside <= host_id < line.outside + line.size:
            return line.inside + host_id - line.outside
    return None


def uid_lines(facts: ContainerFacts) -> tuple[IdRange, ...]:
    """The lines of its UID map; none if they are not known."""
    return ask_or(facts, lambda kernel: kernel.uid_map, ())


def identity(facts: ContainerFacts) -> tuple[int, int] | None:
    """UID and GID of its main process, as the container sees them."""
    uid = ask_or(
        facts,
        lambda kernel: inside(kernel.uid, kernel.uid_map),
        None,
    )
    gid = ask_or(
        facts,
        lambda kernel: inside(kernel.gid, kernel.gid_map),
        None,
    )
    return None if uid is None or gid is None else (uid, gid)


def uids(facts: ContainerFacts) -> tuple[tuple[int, str], ...] | None:
    """(UID, process name) of its processes, as the container sees them, each UID once."""
    processes = ask_or(facts, lambda kernel: kernel.processes, None)
    if processes is None:
        return None
    lines = uid_lines(facts)
    names: dict[int, str] = {}
    for process in processes:
        uid = None if process.uid is None else inside(process.uid, lines)
        if uid is None:
            return None
        names.setdefault(uid, process.name)
    return tuple(sorted(names.items()))


def owners_of_mounts(facts: ContainerFacts) -> dict[str, int]:
    """Mount point -> owning UID, as the container sees it."""
    lines = uid_lines(facts) if isinstance(facts.kernel, Kernel) else IDS_OF_THE_HOST
    owners = {place: inside(owner[0], lines) for place, owner in facts.owners.items()}
    return {place: uid for place, uid in owners.items() if uid is not None}


def listening(facts: ContainerFacts) -> tuple[SocketEndpoint, ...] | None:
    """Its listening sockets; None if they are not known."""
    return ask_or(facts, lambda kernel: kernel.listening, None)


def runs_as_root(facts: ContainerFacts, spec: Spec) -> bool:
    """Whether its main process starts as root with this spec."""
    return is_root(declared_user(facts.planned(spec)))


def powerless(facts: ContainerFacts, spec: Spec) -> bool:
    """Whether it runs as an ordinary user without added capabilities and cannot gain any, so that
    it has none to lose."""
    return not runs_as_root(facts, spec) and spec[NO_NEW_PRIVILEGES] and not spec[CAP_ADD]


def about_dropping(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """Whether dropping these capabilities can affect the process; one that was given by name had a
    reason."""
    if powerless(context.facts, before):
        return Advice(
            Risk.SAFE,
            ("it runs as an ordinary user who cannot gain capabilities",),
        )
    defaults = context.facts.engine.default_capabilities
    given = given_explicitly(context.facts.spec) - bounding_set(after, defaults)
    if given:
        names = ", ".join(sorted(name.removeprefix("CAP_") for name in given))
        return Advice(Risk.DECISION, (f"{names}: given explicitly with --cap-add",))
    return Advice(Risk.MAY_BREAK)


def programs(facts: ContainerFacts) -> tuple[str, ...]:
    """Absolute paths of its programs: the running ones, and those that its command may start."""
    running = [process.executable for process in ask_or(facts, lambda kernel: kernel.processes, ())]
    seen = (posixpath.normpath(path) for path in running if path.startswith("/"))
    return tuple(dict.fromkeys((*seen, *program_paths(command_of(facts)))))


def command_of(facts: ContainerFacts) -> list[str]:
    config = image_config(facts)
    entry = facts.spec[ENTRYPOINT]
    words = [*(config.get("Entrypoint") or ())] if entry is None else [*entry]
    words += [*(facts.spec[COMMAND] or config.get("Cmd") or ())]
    return [str(word) for word in words]


def hides_a_program(directory: str, facts: ContainerFacts) -> str:
    """The program that an empty directory mounted here would hide; empty if there is none. What the
    container made itself, it makes again; what it starts with, somebody else put there."""
    inside_it = directory.rstrip("/") + "/"
    changes = known(lambda: facts.changes, else_=())
    made = {change.path for change in changes if change.kind == "added"}
    made.difference_update(command_of(facts)[:1])
    return next(
        (path for path in programs(facts) if path.startswith(inside_it) and path not in made),
        "",
    )


def readable_secret(facts: ContainerFacts) -> str:
    """Options of a mounted secret that the service can read: it belongs to root otherwise."""
    owner, _ = owner_of_process(facts, facts.spec)
    uid, _, gid = declared_user(facts).partition(":")
    if uid.isdecimal() and int(uid):
        return f"uid={uid},gid={gid if gid.isdecimal() else 0},mode=0400"
    if owner not in ("", "0"):  # also of a process that starts as root and drops it
        return f"uid={owner},mode=0400"
    application = known_application(facts)
    if application is not None and not is_root(application.user.work):
        return f"uid={application.user.work.partition(':')[0]},mode=0400"
    return "mode=0400" if is_root(uid) else "mode=0444"


def owner_of_process(
    facts: ContainerFacts,
    spec: Spec,
) -> tuple[str, str]:
    """(UID inside as text, its source) of the main process; empty if unknown.

    A numeric user in the spec takes precedence over the kernel's value.
    """
    user = (spec[USER] or declared_user(facts)).partition(":")[0]
    if user.isdecimal() and int(user):
        return user, "its user"
    seen = identity(facts)
    if spec[USER] == facts.spec[USER] and seen is not None:
        return str(seen[0]), "UID of the main process now"
    return "", ""
