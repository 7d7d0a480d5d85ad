"""Where a script or source says that it writes: read line by line, never run. Pure.

A place is the path that stands in the call or command, or was given to the name that stands there.
More languages than these are not told apart: a verb, its argument, an assignment.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import islice

_LONGEST_LINE = 2_000
_LONGEST_CALL = 300
_MOST_CALLS = 20  # of a line
_MOST = 200
_FIRST = r"makedirs?|make_path|mkdir\w*|mkpath|open|fopen|touch|write_?(?:file|text|bytes)\w*"
_FIRST += r"|append_?file\w*|create_?write_?stream|file_put_contents|unlink\w*|rmtree|rmdir\w*"
_SECOND = r"copy(?:file|tree|2|sync|filesync)?|cp_r|move\w*|rename\w*|symlink\w*|link\w*"
_CALL = re.compile(rf"\b(?:(?P<first>{_FIRST})|(?P<second>{_SECOND}|(?<=os\.)replace))\s*\(", re.I)
_RECEIVER = re.compile(r"(\w+|\([^()]*\))\.(write_(?:text|bytes)|touch|mkdir|symlink_to)\s*\(")
_FOR_WRITING = re.compile(r"[\"'](?:[rb]?[wax][bt+]*|r[bt]*\+[bt]*|\+?>>?|\+<)[\"']")
_OPENS = ("open", "fopen")
_ASSIGNMENT = re.compile(
    r"^\s*(?:(?:const|let|var|my|our|export|local|readonly)\s+)?\$?(\w+)\s*=(.+)"
)
_ABSOLUTE = re.compile(r"(?<![\w.$})/-])/[\w.+-][\w./+-]*")
_RELATIVE = re.compile(r"^\s*[bfru]*[\"'](?:\./)?(\w[\w./+-]*)")
_AT_HOME = re.compile(r"[\"'\s=](~/|\$\{?HOME\}?/)(\w|\.\w)[\w./+-]*")
_BESIDE = re.compile(
    r"__file__|__dirname|__DIR__|import\.meta\.(?:url|dirname)|BASH_SOURCE|\$\{?0\b|\$FindBin"
)
_GOES_ON = re.compile(r"[\"'`]\s*[,/]")
"""What follows a directory that something is joined to: `os.path.join("/srv", name)`."""
_COMMENT = re.compile(r"^\s*(?:#|//|\*)")
_STATEMENTS = re.compile(r"&&|\|\||[;|&]")
_REDIRECTION = re.compile(r"(?<![<>&=-])>{1,2}\s*([^\s;&|<>()]+)")
_ALL_WORDS = frozenset(
    "mkdir touch tee rm rmdir truncate mkfifo chmod chown gzip gunzip xz sqlite3 logrotate".split()
)
_LAST_WORD = frozenset("cp mv ln install sed rsync".split())
_OPTION = re.compile(r"(?:^|\s)(?:-(?:o|O|C|out|keyout)\s+|of=|--output[= ])([^\s;&|)]+)")
"""Of those that write what an option names: `openssl -out`, `dd of=`, `tar -C`, `wget -O`."""
_RELATIVE_WORD = re.compile(r"(?:\./)?([A-Za-z_.][\w./+-]*)$")
_TAKE_RELATIVE = frozenset({">", "mkdir", "touch", "tee", "mkfifo", "cp", "mv"})
_MAKE_DIRECTORY = ("mkdir", "mkpath", "make")
_CD = re.compile(r"\bcd\s+[\"']?(/[\w./+-]+)")
_ENDS_IN_EXEC = re.compile(r"(?m)(?:^|[;&])\s*exec\s+[\w\"$/]")
_OF_OTHERS = re.compile(
    r"/(?:site-packages|dist-packages|node_modules|vendor|gems|\.venv|venv)/"
    r"|^/usr/(?:lib|lib64|share|local/lib|local/share|s?bin)/|^/(?:docker-)?entrypoint"
)
"""Libraries, which write where they are told; programs of packages; what is over once it serves."""


def written_places(text: str, path: str) -> frozenset[str]:
    """The directories: absolute, `./…` of its working directory, `~/…` of its home. None of
    libraries, and of a shell script that ends in the program that it prepares: a trial has seen all
    that it does.

    Args:
        path: of the script or source, in the container.
    """
    if _OF_OTHERS.search(path):
        return frozenset()
    first = text.partition("\n")[0]
    shell = path.endswith(".sh") or re.search(r"^#!.*sh\b", first) is not None
    if shell and _ENDS_IN_EXEC.search(text):
        return frozenset()
    beside, names = f"{posixpath.dirname(path)}/", dict[str, str]()
    places: set[str] = set()
    here = "./"
    for line in re.split(r"[\n;]", text) if shell else text.splitlines():
        if len(line) > _LONGEST_LINE or _COMMENT.match(line) or len(places) >= _MOST:
            continue
        assigned = _ASSIGNMENT.match(line)
        if assigned and (place := _place(assigned[2], names, beside, shell=shell)):
            names[assigned[1]] = place
        if shell and (entered := _CD.search(line)):
            here = f"{entered[1].rstrip('/')}/"
        for verb, target in _commands(line) if shell else _calls(line):
            place = _place(target, names, beside, shell=shell)
            if not place and (not shell or verb in _TAKE_RELATIVE):
                relative = (_RELATIVE_WORD if shell else _RELATIVE).match(target)
                place = f"{here}{relative[1]}" if relative else ""
            made = place.endswith("/") or verb.startswith(_MAKE_DIRECTORY)
            places.add(place.rstrip("/") if made else posixpath.dirname(place))
    return frozenset(places - {""})


def _place(expression: str, names: dict[str, str], beside: str, *, shell: bool) -> str:
    """What an expression names; empty if that is no place."""
    if _BESIDE.search(expression):
        return beside
    if home := _AT_HOME.search(expression):
        return f"~/{expression[home.start(2) : home.end()]}"
    for word in re.findall(r"\$\{?(\w+)" if shell else r"[A-Za-z_]\w*", expression):
        if word not in names:
            continue
        place = names[word]
        if "dirname" in expression or ".parent" in expression:
            return place if place.endswith("/") else f"{posixpath.dirname(place)}/"
        below = re.search(rf"\b{word}\W*[,/]", expression)
        return f"{place.rstrip('/')}/" if below else place
    absolute = _ABSOLUTE.search(expression)
    if absolute is None:
        return ""
    is_above = _GOES_ON.match(expression, absolute.end())
    return f"{absolute[0]}/" if is_above else absolute[0]


def _calls(line: str) -> Iterator[tuple[str, str]]:
    """Verb and target."""
    for call in islice(_CALL.finditer(line), _MOST_CALLS):
        arguments = _arguments(line, call.end())
        verb = (call["first"] or call["second"]).lower()
        if verb in _OPENS and not any(map(_FOR_WRITING.search, arguments[1:])):
            continue
        if verb in _OPENS and len(arguments) > 2:  # of Perl: handle, mode, path
            arguments = arguments[2:] if _FOR_WRITING.search(arguments[1]) else arguments
        at = 0 if call["first"] else 1
        if at < len(arguments):
            yield verb, arguments[at]
    for call in islice(_RECEIVER.finditer(line), _MOST_CALLS):
        yield call[2], call[1]


def _arguments(line: str, start: int) -> list[str]:
    """Those of the call whose parenthesis opens before `start`, as far as this line has them."""
    arguments, depth, quote = [""], 0, ""
    for character in line[start : start + _LONGEST_CALL]:
        if quote or character in "\"'`":
            quote = "" if character == quote else quote or character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif character == "," and not depth:
            arguments.append("")
            continue
        arguments[-1] += character
    return arguments


def _commands(line: str) -> Iterator[tuple[str, str]]:
    """Verb and target."""
    for target in _REDIRECTION.findall(line):
        yield ">", target
    for option in _OPTION.finditer(line):
        yield option[0].split()[0], option[1] + ("/" if "-C" in option[0] else "")
    for statement in _STATEMENTS.split(line):
        words = [word.strip("\"'(){}`") for word in statement.split()]
        names = [posixpath.basename(word) for word in words]
        at = next((at for at, name in enumerate(names) if name in _ALL_WORDS | _LAST_WORD), None)
        if at is None:
            continue
        command = names[at]
        targets = [word for word in words[at + 1 :] if word and not word.startswith("-")]
        if command in _LAST_WORD:
            targets = targets[-1:] if command != "sed" or "-i" in statement else []
        for target in targets:
            yield command, target
