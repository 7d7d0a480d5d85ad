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
from hardentui.model.draft import DraftFile
from hardentui.reading.masking import WITHHELD, mask_document, mask_text
from hardentui.reading.secrets import secret_pair
from hardentui.visible import visible

CONTEXT = 3
"""Lines around a change, as git writes them."""
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_NO_END = "\\ No newline at end of file\n"
_NAMES_SECRET = re.compile(r"\s*Secret\s*=")
_REFERENCE = re.compile(r"\$\{\w+(?::?\?[^}]*)?\}|(?<!\$)\$[A-Z_][A-Z0-9_]*(?![a-z])")
"""Says where a value comes from: `${X}`, `${X:?what to give}`, `$X`. A default may be a secret."""
_NO_VALUE = re.compile(r"[\w.-]+=(?=[\"']?\s*$)")
_DEFAULT = re.compile(r"\$\{\w+:?-([^}]*)\}")
_PAIR = re.compile(r"([A-Za-z_][\w.-]*)([\"']?\s*:\s+(?:[&!]\S*\s+)*)(.+)")
"""A pair of YAML: `DB_PASSWORD: x`."""
_FLOW = re.compile(
    r"[\s#]*(?:-\s+)*(?:[\"']?[\w.-]+[\"']?\s*:\s+)?(?:[&!]\S*\s+)*(?=\[?\s*\{(?!\{))"
)
"""What stands before a mapping in braces."""
_IN_FLOW = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|\$\{[^}]*\}|[^\"'${}\[\],]+|.",
    re.DOTALL,
)
_COLON = re.compile(r"([\"']):(?=\S)")
"""Behind a quoted key no space is needed."""
_NAME = re.compile(r"[\s-]*name:\s*[\"']?([\w.-]+)[\"']?\s*")
_VALUE = re.compile(r"\s*value:\s*(.+?)\s*")
_FLAG = re.compile(r"\s*(?:-\s+[\"']?|[\"'])(--?[\w-]+)[\"']?,?\s*")
_WORD = re.compile(r"\s*(?:-\s+[\"']?|[\"'])(.+?)[\"']?,?\s*")
_LIST = re.compile(r"(?<=\[)[^\[\]]+|^\s*[\"'][^\[\]{}]+$")
"""Words between brackets, or those of a list that has begun in a line above."""
_OF_BRACKETS = re.compile(r"([^\[]*\[)(.*)(\]\s*)", re.DOTALL)
_MOST_PAIRS = 50
_LONGEST = 4_000  # characters
"""What nobody writes by hand, in a line or one of its entries: what follows is withheld."""
_DEEPEST = 8
"""Brackets within brackets that are looked at one by one; what has more is withheld."""
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY")


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
    secret_before, secret_after = _not_shown(old), _not_shown(new)
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
            _shown(line, secret=each) for line, each in zip(old, secret_before, strict=True)
        ]
        shown_new = [
            _shown(line, secret=each) for line, each in zip(new, secret_after, strict=True)
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


def _not_shown(lines: Sequence[str]) -> list[bool]:
    """Of each line, whether it holds a secret or what a terminal would interpret."""
    in_key = False
    before = ""
    hidden = []
    for line in lines:
        in_key = in_key or _KEY_BEGINS.search(line) is not None
        plain = line.rstrip("\r\n").replace("\t", " ")
        is_secret = in_key or mask_line(line) != line or _is_value_of(before, line)
        hidden.append(is_secret or visible(plain) != plain)
        in_key = in_key and _KEY_ENDS.search(line) is None
        before = line
    return hidden


def mask_line(line: str) -> str:
    """A line with secrets masked, those in comments too. `Secret=` of a unit only names what the
    engine keeps, and a variable what somebody else gives."""
    if _NAMES_SECRET.match(line):
        return line
    if len(line) > _LONGEST:
        return WITHHELD + _line_end(line)
    literal = _NO_VALUE.sub("", _REFERENCE.sub("", line))
    if _masked(literal) == literal:
        return line
    masked = _masked(line)
    return masked if masked != line else WITHHELD + _line_end(line)


def _line_end(text: str) -> str:
    return text[len(text.rstrip("\r\n")) :]


def _masked(text: str) -> str:
    end = _line_end(text)
    pairs = _with_masked_pairs(text.removesuffix(end))
    return mask_text(_LIST.sub(_masked_list, pairs)) + end


def _masked_list(words: re.Match[str]) -> str:
    """A list that is a command line: `"redis-server", "--requirepass", "x"`."""
    plain = [word.strip("\"' \t") for word in words[0].split(",")]
    masked = mask_document(plain)
    same = all(word in ("", new) for word, new in zip(plain, masked, strict=True))
    return words[0] if same else WITHHELD


def _with_masked_pairs(line: str) -> str:
    flow = _FLOW.match(line)
    if flow is None:
        return _masked_pairs(line)
    return line[: flow.end()] + "".join(_masked_entries(line[flow.end() :]))


def _masked_entries(flow: str, depth: int = 0) -> Iterator[str]:
    """A mapping in braces, entry by entry: each decides for itself. What stands between brackets
    belongs to the entry that it is the value of."""
    entry = before = ""
    brackets = 0
    for part in _IN_FLOW.findall(flow):
        if part == "[" and entry.strip():
            brackets += 1
        elif part == "]" and brackets:
            brackets -= 1
        elif part in "{}[]," and not brackets:
            yield _masked_entry(before, entry, depth) + part
            before, entry = entry, ""
            continue
        entry += part
    yield _masked_entry(before, entry, depth)


def _masked_entry(
    before: str,
    entry: str,
    depth: int,
) -> str:
    if _is_value_of(before, entry):
        return f"{entry.partition(':')[0]}: {WITHHELD}"
    spaced = _COLON.sub(r"\1: ", entry) if _COLON.search(entry) else entry
    masked = _masked_pairs(spaced)
    inside = _OF_BRACKETS.fullmatch(entry) if masked == spaced else None
    if inside is None:
        return masked
    if depth >= _DEEPEST:
        return WITHHELD
    return inside[1] + "".join(_masked_entries(inside[2], depth + 1)) + inside[3]


def _masked_pairs(text: str) -> str:
    """With the value of the first pair that is a credential withheld, to the end of the line."""
    at = 0
    for _ in range(_MOST_PAIRS):
        pair = _PAIR.search(text, at)
        if pair is None:
            return text
        name, _, value = pair.groups()
        at = pair.start(3)
        plain = _DEFAULT.sub(r"\1", value).strip("\"' []}")
        if value[0] not in "{*" and secret_pair(name, plain):
            break
    return text[:at] + WITHHELD


def _is_value_of(before: str, line: str) -> bool:
    """Whether a line is the secret that the one before names: in Kubernetes YAML, or as a flag."""
    name, value = _NAME.fullmatch(before), _VALUE.fullmatch(line)
    if name is not None and value is not None:
        return bool(secret_pair(name[1], value[1].strip("\"'")))
    flag, word = _FLAG.fullmatch(before.rstrip(" ,\r\n").rpartition(",")[2]), _WORD.fullmatch(line)
    if flag is None or word is None:
        return False
    words = f"{flag[1]} {word[1]}"
    return mask_text(words) != words


def _shown(line: str, *, secret: bool) -> str:
    end = "\n" if line.endswith("\n") else f"\n{_NO_END}"
    if secret:
        plain = line.rstrip("\r\n")
        shown = visible(mask_line(plain))
        return (WITHHELD if shown == plain else shown) + end  # named by the line before
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
