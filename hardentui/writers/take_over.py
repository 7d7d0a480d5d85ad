"""A shell script that lets new files take over from the containers of today, and gives them back.
Pure.

Nothing is removed before the new containers have proven themselves: what runs today is stopped,
renamed and kept. A Quadlet starts with `podman run --replace`, which would remove a container of
that name, so nothing is started while one still has it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.systemd.unit_text import comment_lines


class OldContainer(Struct, frozen=True, kw_only=True):
    """A container of today."""

    name: str  # today; kept_as: meanwhile
    id: str
    kept_as: str
    running: bool = True
    # its restart policy, which is switched off meanwhile; empty = none, or it cannot be
    restart: str = ""
    # the script that creates its replacement, because Podman removes it when it stops; empty = none
    stand_in: str = ""
    unit: str = ""  # the service that runs it; empty = none
    layer: str = ""  # the files that only it has, in words; empty = none
    init: bool = False  # it ends before the others of its pod start
    pod: str = ""  # the pod that is stopped and started as a whole; empty = none


class OldPod(Struct, frozen=True):
    """A pod whose members are taken over."""

    name: str
    # the file that creates its successor, which has another name meanwhile; empty = it gets none
    unit: str = ""
    known_as: bool = False  # whether others reach it by its name


class TakeOver(Struct, frozen=True, kw_only=True):
    """What takes over from what."""

    old: tuple[OldContainer, ...]  # in the order in which they start
    pods: tuple[OldPod, ...] = ()  # those that are stopped as a whole
    # names of the files that systemd reads; place: the directory where it does, as a shell word
    units: tuple[str, ...] = ()
    place: str = "/etc/containers/systemd"
    # the seccomp profile that the units name; it goes one directory up. Empty = none.
    profile: str = ""
    services: tuple[str, ...] = ()
    # unit files of today that would start the old containers again, or hide the new units
    moved: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()  # the scripts that copy data, ahead and after the stop
    runs: tuple[str, ...] = ()  # commands of run scripts instead of services, in their order
    chowned: tuple[str, ...] = ()  # named volumes whose files get another owner
    rootless: bool = False  # systemd is asked as this user


_HEAD = """\
set -eu
cd "$(dirname "$0")"
self=./$(basename "$0")

fail() {
    echo "$*" >&2
    exit 1
}

exists() { # NAME: `podman container exists` also takes the beginning of the ID of another one
    [ "$(podman container inspect --format '{{.Name}}' "$1" 2>/dev/null)" = "$1" ]
}

is_original() { # NAME ID
    [ "$(podman container inspect --format '{{.Id}}' "$1" 2>/dev/null)" = "$2" ]
}

keep() { # NAME OLD: it may have gone with its unit
    ! exists "$1" || podman rename "$1" "$2"
}

is_free() { # NAME: Podman removes some containers just after they stop
    for second in 1 2 3 4 5 6 7 8 9 10; do
        exists "$1" || return 0
        sleep 1
    done
    fail "there is still a container called $1"
}

put_back() { # NAME OLD ID: a new container keeps what it wrote, under another name
    exists "$2" || return 0
    if is_original "$1" "$3"; then # the stand-in was not needed
        podman rm "$2" >/dev/null
        return 0
    fi
    if exists "$1"; then
        after=$1-after-$(date +%s)
        podman stop "$1" >/dev/null
        if exists "$1"; then
            podman rename "$1" "$after"
            podman update --restart=no "$after" >/dev/null 2>&1 || true
            echo "the new $1 is kept as $after" >&2
        fi
    fi
    podman rename "$2" "$1"
}

move() { # FILE: systemd does not read it under that name
    [ ! -e "$1" ] || mv "$1" "$1.before"
}

move_back() { # FILE
    [ ! -e "$1.before" ] || mv "$1.before" "$1"
}

keep_file() { # FILE DIRECTORY
    [ ! -e "$2/$1" ] || cp -p "$2/$1" "$2/$1.before"
}

remove_file() { # FILE DIRECTORY
    rm -f "$2/$1"
    move_back "$2/$1"
}

forget_copy() { # FILE DIRECTORY: the one that was there had the same text
    ! cmp -s "$2/$1" "$2/$1.before" || rm "$2/$1.before"
}

runs() { # NAME
    exists "$1" && [ "$(podman container inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ] ||
        fail "$1 does not run: nothing was removed"
}

can_go_back() { # NAME OLD ID
    exists "$2" || is_original "$1" "$3" || fail "$2 is gone: there is no way back"
}

was_replaced() { # NAME ID
    ! is_original "$1" "$2" || fail "$1 was not taken over: nothing was removed"
}

drop_pod() { # POD MOST: unless more containers than those that only hold it together are in it
    [ "$(podman pod inspect --format '{{.Name}}' "$1" 2>/dev/null)" = "$1" ] || return 0
    if [ "$(podman pod inspect --format '{{len .Containers}}' "$1")" -le "$2" ]; then
        podman pod rm "$1" >/dev/null
    fi
}

discard() { # OLD: without its volumes
    ! exists "$1" || podman rm "$1" >/dev/null
}

clock() { # in hundredths of a second
    read -r up idle </proc/uptime
    echo "${up%.*}${up#*.}"
}

tell_down() { # SINCE
    down=$(($(clock) - $1))
    echo "It was down for $((down / 100)).$((down / 10 % 10)) s at most." >&2
}
"""
_OWNERS = """\
owners() { # save|restore VOLUME: those of its files, which the new container changes
    place=$(inside podman volume mount "$2")
    inside sh -euc "$owners_script" "$1" "$place" "$(pwd)/$2.owners"
    inside podman volume unmount "$2" >/dev/null
}

# Names are those of strangers: a link on the way leads nowhere, and one with a line end is no second entry.
owners_script='
list=$2
cd -P "$1"
top=$(pwd)
if [ "$0" = save ]; then
    find . ! -path "*
*" -exec stat -c "%u:%g %n" {} + >"$list"
    exit
fi
[ -e "$list" ] || exit 0
usual=$(cut -d" " -f1 "$list" | sort | uniq -c | sort -rn | sed -n "1s/^ *[0-9]* //p")
chown -hR "$usual" . # and so what the new container made
give() { # NAME...: those of one directory
    (
        { cd -P "$top/$directory" && [ "$(pwd)" = "$top${directory#.}" ]; } 2>/dev/null || exit 0
        chown -h "$owner" "$@" 2>/dev/null || true # some may be gone
    )
}
owner= directory=
set --
while IFS= read -r line; do
    path=${line#* }
    if [ "${line%% *} ${path%/*}" != "$owner $directory" ] || [ $# = 500 ]; then
        [ $# = 0 ] || [ "$owner" = "$usual" ] || give "$@"
        owner=${line%% *} directory=${path%/*}
        set --
    fi
    [ "$owner" = "$usual" ] || set -- "$@" "./${path##*/}"
done <"$list"
[ $# = 0 ] || give "$@"
'
"""
_TAIL = """\
case "${1:-}" in
"")
    check
    if ! sh "$self" now; then
        echo "It failed, so what ran before is started again." >&2
        sh "$self" back
        exit 1
    fi
    ;;
now | back)
    since=$(clock)
    "$1"
    [ -z "$ran" ] || tell_down "$since"
    ;;
finish)
    finish
    ;;
*)
    echo "usage: $0 [back|finish]" >&2
    exit 2
    ;;
esac
"""


def take_over_script(name: str, takeover: TakeOver) -> str:
    """The script: without an argument it takes over, `back` gives back, `finish` removes what was
    kept."""
    old = ", ".join(f"{container.name} as {container.kept_as}" for container in takeover.old)
    about = [
        f"sh {name}: stops what runs today, keeps it ({old}), copies its data, and starts what is in this"
        " directory; if that fails, it goes back.",
        f"sh {name} back: what ran before runs again. Volumes of the new containers are kept.",
        f"sh {name} finish: removes what was kept, when all is well.",
    ]
    lines = ["#!/bin/sh", *comment_lines(about), _HEAD]
    lines[-1:-1] = [f"ran={'yes' if any(old.running for old in takeover.old) else ''}"]
    if takeover.units:
        lines[-1:-1] = [
            f"place={takeover.place}",
            f'mark="$place"/{shlex.quote(name)}.runs',
        ]
    if takeover.chowned:  # IDs of a rootless engine's files are those of its user namespace
        unshare = "podman unshare " if takeover.rootless else ""
        lines += ["inside() {", f'    {unshare}"$@"', "}", "", _OWNERS]
    for function, body in (
        ("check", _checks(takeover)),
        ("now", _now(takeover)),
        ("remove_units", _removal(takeover)),
        ("back", _back(takeover)),
        ("finish", _finish(takeover)),
    ):
        lines += [
            f"{function}() {{",
            *(f"    {line}" for line in body),
            "}",
            "",
        ]
    return "\n".join([*lines, _TAIL])


def _checks(takeover: TakeOver) -> Iterator[str]:
    """Nothing of today is changed if one of these fails."""
    own = {container.unit for container in takeover.old}
    for service in _services_of(takeover.units):
        if (
            service not in own
        ):  # a generated service hides a packaged one, and is hidden by one in /etc
            yield (
                f"there=$({_systemctl(takeover)} show --property=FragmentPath --value {service}) "
                "|| there="
            )
            yield 'case $there in "" | /run/*) ;; *)'
            yield (
                f'    fail "{service} is a service of this host ($there): rename the container '
                'first" ;;'
            )
            yield "esac"
    for container in takeover.old:
        kept = shlex.quote(container.kept_as)
        yield f"! exists {kept} || fail {shlex.quote(f'{container.kept_as} exists already')}"
    needed = [
        *takeover.units,
        *takeover.copies,
        *(old.stand_in for old in takeover.old if old.stand_in),
    ]
    for file in needed:
        yield f"[ -r {shlex.quote(file)} ] || fail {shlex.quote(f'{file} cannot be read here')}"
    if takeover.chowned or takeover.copies:
        yield '[ -w . ] || fail "$(pwd) cannot be written here"'
    if takeover.units:
        yield 'mkdir -p "$place"'
    if takeover.units:
        yield _for_each(
            takeover.units,
            '[ ! -e "$place/$file.before" ] || fail "$place/$file.before is in the way"',
        )
    for path in takeover.moved:
        yield f"[ ! -e {shlex.quote(path)}.before ] || fail {shlex.quote(f'{path}.before is in the way')}"
    yield from (f"sh {shlex.quote(script)} ahead" for script in takeover.copies)
    if (
        takeover.units
    ):  # last, and all before anything is changed: whatever has no copy was not there
        yield _for_each(takeover.units, 'keep_file "$file" "$place"')
        if takeover.profile:
            yield f'keep_file {shlex.quote(takeover.profile)} "$place"/..'
        yield ': >"$mark"'


def _services_of(units: Iterable[str]) -> Iterator[str]:
    """What Quadlet generates for these containers and pods, as shell words."""
    for stem, ending in (unit.rsplit(".", 1) for unit in units):
        if ending in ("container", "pod"):
            yield shlex.quote(f"{stem}{'-pod' if ending == 'pod' else ''}.service")


def _now(takeover: TakeOver) -> Iterator[str]:
    systemctl = _systemctl(takeover)
    yield from (
        f"sh {shlex.quote(old.stand_in)} create >/dev/null" for old in takeover.old if old.stand_in
    )
    if units := dict.fromkeys(old.unit for old in takeover.old if old.unit):
        yield f"{systemctl} stop {_quoted(units)}"  # all at once: each may take its time
    yield from (
        f"podman pod stop {shlex.quote(pod.name)} >/dev/null" for pod in takeover.pods if pod.unit
    )
    alone = [
        old.name for old in reversed(takeover.old) if old.running and not (old.unit or old.pod)
    ]
    if alone:
        yield f"podman stop --ignore {_quoted(alone)} >/dev/null"
    for old in takeover.old:
        if not old.stand_in:
            yield f"keep {_quoted([old.name, old.kept_as])}"
        if old.restart and not old.stand_in:
            yield f"podman update --restart=no {shlex.quote(old.kept_as)} >/dev/null"
        yield f"is_free {shlex.quote(old.name)}"
    yield from (f"sh {shlex.quote(script)}" for script in takeover.copies)
    yield from (f"owners save {shlex.quote(volume)}" for volume in takeover.chowned)
    yield from (f"move {shlex.quote(path)}" for path in takeover.moved)
    if takeover.units:
        yield _for_each(takeover.units, 'cp "$file" "$place/$file"')
    if takeover.profile:
        yield f'cp {shlex.quote(takeover.profile)} "$place"/..'
    for pod in takeover.pods:
        yield from _beside(pod)
    if takeover.units:
        yield f"{systemctl} daemon-reload"
    if takeover.services:
        yield f"{systemctl} start {_quoted(takeover.services)}"
    yield from takeover.runs
    yield ":"


def _beside(pod: OldPod) -> Iterator[str]:
    """A pod cannot be renamed, so while the old one is kept the new one has another name."""
    if not pod.unit:
        return
    lines = ["[Pod]", f"PodName={pod.name}-new"]
    lines += [f"PodmanArgs=--network-alias={pod.name}"] if pod.known_as else []
    yield f'mkdir -p "$place"/{shlex.quote(pod.unit)}.d'
    yield f"printf '%s\\n' {_quoted(lines)} >{_drop_in(pod)}"


def _drop_in(pod: OldPod) -> str:
    return f'"$place"/{shlex.quote(pod.unit)}.d/beside-the-old-one.conf'


def _away(pod: OldPod) -> Iterator[str]:
    yield f"rm -f {_drop_in(pod)}"
    yield f'rmdir "$place"/{shlex.quote(pod.unit)}.d 2>/dev/null || true'


def _removal(takeover: TakeOver) -> Iterator[str]:
    """The units of today are back; those of others that have the same names were never touched."""
    if takeover.units:
        yield '[ -e "$mark" ] || return 0'
    for pod in takeover.pods:
        if pod.unit:
            yield from _away(pod)
    if takeover.units:
        yield _for_each(takeover.units, 'remove_file "$file" "$place"')
    if takeover.profile:
        yield f'remove_file {shlex.quote(takeover.profile)} "$place"/..'
    yield from (f"move_back {shlex.quote(path)}" for path in takeover.moved)
    if takeover.units:
        yield 'rm -f "$mark"'
    if takeover.units or takeover.moved:
        yield f"{_systemctl(takeover)} daemon-reload"
    yield ":"


def _back(takeover: TakeOver) -> Iterator[str]:
    systemctl = _systemctl(takeover)
    for old in takeover.old:
        if old.stand_in or not old.unit:
            yield f"can_go_back {_quoted([old.name, old.kept_as, old.id])}"
    if takeover.services:
        yield f"{systemctl} stop {_quoted(takeover.services)} || true"
    yield "remove_units || true  # whatever fails there, the containers come back"
    for old in reversed(takeover.old):
        yield f"put_back {_quoted([old.name, old.kept_as, old.id])}"
    for old in takeover.old:
        if old.restart and not old.stand_in:
            yield (
                f"podman update --restart={shlex.quote(old.restart)} {shlex.quote(old.name)} "
                ">/dev/null"
            )
    yield from (f"owners restore {shlex.quote(volume)}" for volume in takeover.chowned)
    whole = [pod.name for pod in takeover.pods if pod.unit and _ran(pod, takeover)]
    yield from (f"podman pod start {shlex.quote(pod)} >/dev/null" for pod in whole)
    running = [
        old.name
        for old in takeover.old
        if old.running and not (old.unit or old.init or old.pod in whole)
    ]
    if running:
        yield f"podman start {_quoted(running)} >/dev/null"
    units = dict.fromkeys(old.unit for old in takeover.old if old.unit and old.running)
    if units:
        yield f"{systemctl} start {_quoted(units)}"
    yield ":"


def _ran(pod: OldPod, takeover: TakeOver) -> bool:
    """Whether all of it was running: starting the pod runs its init containers too."""
    return all(old.running or old.init for old in takeover.old if old.pod == pod.name)


def _finish(takeover: TakeOver) -> Iterator[str]:
    yield from (f"was_replaced {_quoted([old.name, old.id])}" for old in takeover.old)
    yield from (
        f"runs {shlex.quote(old.name)}" for old in takeover.old if old.running and not old.init
    )
    for old in reversed(takeover.old):
        if old.layer:
            text = (
                f"{old.kept_as} stays: only it has {old.layer}; copy what you need, then remove "
                "it by hand"
            )
            yield f"! exists {shlex.quote(old.kept_as)} || echo {shlex.quote(text)} >&2"
        else:
            yield f"discard {shlex.quote(old.kept_as)}"
    if takeover.copies:
        yield "rm -f ./*.copy.done"
    stay = any(old.layer for old in takeover.old)
    for pod in takeover.pods if not stay else ():
        yield f"drop_pod {shlex.quote(pod.name)} {1 if pod.unit else 0}"
        if pod.unit:
            service = f"{pod.unit.removesuffix('.pod')}-pod.service"
            yield (
                f"{_systemctl(takeover)} stop {shlex.quote(service)}  # its successor gets its name"
            )
            yield from _away(pod)
            yield f"{_systemctl(takeover)} daemon-reload"
            yield f"{_systemctl(takeover)} start {shlex.quote(service)}"
    if takeover.units:
        yield _for_each(takeover.units, 'forget_copy "$file" "$place"')
    if takeover.profile:
        yield f'forget_copy {shlex.quote(takeover.profile)} "$place"/..'
    if takeover.units:
        yield 'rm -f "$mark"'
    yield ":"


def _for_each(files: Iterable[str], command: str) -> str:
    return f"for file in {_quoted(files)}; do {command}; done"


def _systemctl(takeover: TakeOver) -> str:
    return "systemctl --user" if takeover.rootless else "systemctl"


def _quoted(words: Iterable[str]) -> str:
    return " ".join(map(shlex.quote, words))
