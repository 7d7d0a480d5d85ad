"""Changed files as a patch that `git apply` takes, without the secrets around the changes.

Git compares the lines of a patch with the file, so none can be masked. A line that must not be
shown (a secret, control characters) is no context: the hunk ends before it. Where such a line
itself changes, no patch can hold the change, and the text says what to use instead.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from msgspec import Struct

from hardentui.do import Flag, Sentence
from hardentui.features.at_rest.masked_lines import hidden_lines, shown_line
from hardentui.model.draft import DraftFile
from hardentui.visible import visible

CONTEXT = 3
"""Lines around a change, as git writes them."""
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_NO_END = "\\ No newline at end of file\n"


class Patch(Struct, frozen=True):
    """A unified diff of one file.

    Attributes:
        complete: git can apply it; if not, a changed line holds what is not shown.
        bare: a hunk has too little context for git to find it, so git wants `--unidiff-zero`.
    """

    text: str
    complete: bool = True
    bare: bool = False

    @property
    def how(self) -> Sentence:
        """How it is applied, where `git apply` alone does not; empty where it does."""
        if not self.complete:
            return (
                "a changed line holds a secret, which is masked here, so git cannot apply this: "
                "write it in place",
                Flag("--in-place"),
                ", or to a directory",
                Flag("-o DIR"),
            )
        if self.bare:
            return "apply it with: git apply --unidiff-zero (the lines around hold secrets)"
        return ""


class _Hunk(Struct):
    """Lines `old` of the file of before become lines `new`: both are ranges, context included."""

    old: tuple[int, int]
    new: tuple[int, int]


def patch_of(draft: DraftFile) -> Patch:
    old, new = (_LINES.findall(text) for text in (draft.before, draft.text))
    secret_before, secret_after = hidden_lines(old), hidden_lines(new)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    changes = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    complete = not any(any(secret_before[a:b]) or any(secret_after[c:d]) for a, b, c, d in changes)
    hidden = secret_before if complete else [False] * len(old)
    hunks = list(_hunks(changes, hidden))
    bare = complete and any(_is_bare(hunk, changes, len(old)) for hunk in hunks)
    path = _path(draft)
    lines = [
        f"--- {_name('a', path)}\n" if draft.before else "--- /dev/null\n",
        f"+++ {_name('b', path)}\n",
    ]
    for hunk in hunks:
        lines.append(f"@@ -{_range(hunk.old)} +{_range(hunk.new)} @@\n")
        shown_old = [
            _shown(line, hidden=each) for line, each in zip(old, secret_before, strict=True)
        ]
        shown_new = [
            _shown(line, hidden=each) for line, each in zip(new, secret_after, strict=True)
        ]
        lines += _body(hunk, changes, shown_old, shown_new)
    return Patch("".join(lines), complete, bare)


def _hunks(
    changes: Sequence[tuple[int, int, int, int]],
    hidden: Sequence[bool],
) -> Iterator[_Hunk]:
    """The changes with the context that can be shown; those close to each other in one hunk."""
    hunk: _Hunk | None = None
    for at, (a, b, c, d) in enumerate(changes):
        first = hunk.old[1] if hunk is not None else 0
        last = changes[at + 1][0] if at + 1 < len(changes) else len(hidden)
        above = _shown_lines(hidden, range(a - 1, first - 1, -1))
        below = _shown_lines(hidden, range(b, last))
        if hunk is not None and a - above == first:
            hunk = _Hunk((hunk.old[0], b + below), (hunk.new[0], d + below))
            continue
        if hunk is not None:
            yield hunk
        hunk = _Hunk((a - above, b + below), (c - above, d + below))
    if hunk is not None:
        yield hunk


def _shown_lines(hidden: Sequence[bool], lines: range) -> int:
    """How many of these lines, in their order, are context."""
    shown = takewhile(lambda line: not hidden[line], lines[:CONTEXT])
    return sum(1 for _ in shown)


def _is_bare(
    hunk: _Hunk,
    changes: Sequence[tuple[int, int, int, int]],
    lines: int,
) -> bool:
    """Whether git would look for it at the end of the file, or at its beginning, and not find it:
    without context behind a change, or behind line 1 without any."""
    behind_line_1 = hunk.old == (1, 1)
    return behind_line_1 or (hunk.old[1] < lines and hunk.old[1] == _last_change(hunk, changes))


def _last_change(
    hunk: _Hunk,
    changes: Sequence[tuple[int, int, int, int]],
) -> int:
    """Where the last change of a hunk ends, in the file of before."""
    return max(b for a, b, _, _ in changes if hunk.old[0] <= a and b <= hunk.old[1])


def _body(
    hunk: _Hunk,
    changes: Sequence[tuple[int, int, int, int]],
    old: Sequence[str],
    new: Sequence[str],
) -> Iterator[str]:
    at = hunk.old[0]
    for a, b, c, d in changes:
        if not (hunk.old[0] <= a and b <= hunk.old[1]):
            continue
        yield from (f" {line}" for line in old[at:a])
        yield from (f"-{line}" for line in old[a:b])
        yield from (f"+{line}" for line in new[c:d])
        at = b
    yield from (f" {line}" for line in old[at : hunk.old[1]])


def _range(lines: tuple[int, int]) -> str:
    """Lines of a hunk: the first one from 1, and how many; of none, the one before."""
    first, count = lines[0], lines[1] - lines[0]
    return f"{first + 1 if count else first},{count}"


def _shown(line: str, *, hidden: bool) -> str:
    end = "\n" if line.endswith("\n") else f"\n{_NO_END}"
    if hidden:
        return shown_line(line.rstrip("\r\n")) + end
    return line.removesuffix("\n") + end


def _path(draft: DraftFile) -> str:
    """As seen from the current folder, where the patch is applied."""
    path = posixpath.join(draft.directory, draft.name)
    beside = posixpath.relpath(path) if draft.directory else path
    return path.lstrip("/") if beside.startswith("..") else beside


def _name(side: str, path: str) -> str:
    """A file in the head of a diff, quoted as git does where it has to be."""
    text = f"{side}/{path}"
    if visible(text) == text and not {*text} & {'"', "\\"}:
        return f"{text}\t" if " " in text else text
    quoted = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in text.encode(errors="surrogateescape")
    )
    return f'"{quoted}"'
