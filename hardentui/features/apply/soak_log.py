"""What the kernel logged of a container that soaks: whose a record is, and whether any were lost."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct

from hardentui.features.trial.observe.watch import native_way
from hardentui.host.commands import Run, run_program
from hardentui.host.files import Files, reason
from hardentui.lib.observer.call_names import SECCOMP_NAMES, call_name
from hardentui.model.journal import Soak
from hardentui.model.known import Known, Unread
from hardentui.visible import visible

AUDIT_LOG = "/var/log/audit/audit.log"
_AUDITD = "/run/auditd.pid"
_ACTIONS = "/proc/sys/kernel/seccomp/actions_logged"
_LARGEST = 64 << 20
_MOST_READ = 256 << 20
_OLDER_FILES = 100
_JOURNAL = ("journalctl", "-q", "--no-pager", "-o", "cat")
_KERNEL = ("_TRANSPORT=kernel", "+", "_TRANSPORT=audit", "+", "_TRANSPORT=driver")
"""The last is what journald says of its own reading of them."""
_NOTHING = "journalctl ended with status 1"
_SECONDS = 60.0
_LOGGED = "code=0x7ffc0000"
"""The action LOG of a seccomp filter."""
_IS_SECCOMP = re.compile(r"(?:^|\s)(?:type=(?:SECCOMP|1326)\s|SECCOMP\s)")
_FIELD = re.compile(r"\b(\w+)=(\"[^\"]*\"|\S+)")
_TIME = re.compile(r"audit\((\d+)\.(\d+):\d+\)")  # absent in what the journal has from audit itself
_LOSS = re.compile(
    r"(?:\w*audit\w*|__ratelimit|quiet_error|show_signal_msg): (?P<many>\d+) callbacks suppressed"
    r"|audit_lost=(?P<lost>\d+)"
    r"|(?P<queue>audit: (?:rate|backlog) limit exceeded)"
    r"|(?P<unread>printk messages dropped|Missed \d+ kernel messages|kmsg buffer overrun)"
)
"""Messages of the kernel's audit, or of those that share the rate of its messages (printk_ratelimit);
and of who reads them too late. Others are limited for themselves: net_ratelimit, drivers."""
_COUNTED = re.compile(r"^lost (\d+)$", re.MULTILINE)
_QUEUE_FULL = "the kernel's audit queue was full, and records were lost"
_UNREAD = "the journal read the kernel's messages too late, and some were overwritten"
_LOSSES = (
    "callbacks suppressed|audit_lost=|limit exceeded|messages dropped|Missed [0-9]+ kernel messages"
    "|kmsg buffer overrun"
)
_STOPS = re.compile(r"^(?:node=\S+ )?type=DAEMON_(END|ABORT|RESUME) ", re.MULTILINE)
_STARTS = re.compile(r"^(?:node=\S+ )?type=DAEMON_START ")
_HEAD = re.compile(
    r"^File path: (?P<path>.*)$|^\s*Head Realtime Timestamp:.*\((?P<time>[0-9a-f]+)\)",
    re.MULTILINE | re.IGNORECASE,
)
_UNSET = str((1 << 32) - 1)
"""The audit ID of a process that nobody's login has started."""
_TICKS = 100
"""Of a second, in which /proc counts the start of a process."""
_MANY = 1000
"""Records from which on logging is told to cost time."""


class Whose(Enum):
    """Whose a record is."""

    ITS_OWN = "its own"
    OF_OTHERS = "of others"
    UNSURE = "unsure"


class Soaked(Struct, frozen=True, kw_only=True):
    """What a soak has shown: system call -> the programs that made it."""

    calls: Mapping[str, frozenset[str]] = {}
    # made by processes that are gone, of accounts that exist outside the container too: not counted
    unsure: Mapping[str, frozenset[str]] = {}
    lost: tuple[
        str, ...
    ] = ()  # why records may be missing, a sentence each; then it proves nothing
    often: tuple[str, int] | None = None  # the call with the most records, where they cost time
    slower: str = (
        ""  # why it is slower than before, one sentence; empty: it is not, or nobody asked
    )


def why_no_log(files: Files, run: Run = run_program) -> str:
    """Why what a profile would refuse cannot be read back on this host; empty if it can."""
    try:
        logs = "log" in files.read_text(_ACTIONS).split()
    except OSError as error:
        return f"{_ACTIONS}: {reason(error)}"
    if not logs:
        return f"the kernel logs no such calls: {_ACTIONS} lacks log"
    if _readable(files, AUDIT_LOG):
        return ""
    if files.exists(_AUDITD):
        return f"auditd keeps the kernel's log in {AUDIT_LOG}, which this account cannot read"
    last = run((*_JOURNAL, "-n", "1", *_KERNEL), _SECONDS)
    if isinstance(last, Unread):
        return f"neither auditd nor the journal keeps the kernel's log: {last.reason}"
    return "" if last.strip() else "the journal shows this account no messages of the kernel"


def _readable(files: Files, path: str) -> bool:
    try:
        files.read_text(path, _LARGEST)
    except OSError:
        return False
    return True


def logged_calls(
    soak: Soak,
    container: str,
    pid: int,
    files: Files,
    run: Run = run_program,
) -> Known[Soaked]:
    """What the kernel logged since the soak began.

    A record does not name its container, and any account can make the kernel write one. One counts
    only if it is surely of this container.

    Args:
        container: its ID; `pid`: its main process, 0 if it does not run.
    """
    owner = _Owner(files, container, pid)
    logged = run(
        (*_JOURNAL, "--since", f"@{int(soak.since)}", "--grep", _LOGGED, *_KERNEL),
        _SECONDS,
    )
    if isinstance(logged, Unread) and logged.reason == _NOTHING:
        logged = ""
    audited = _audit(files, soak.since)
    if audited is None and isinstance(logged, Unread):
        return logged
    text = "" if isinstance(logged, Unread) else logged
    lost = list(_losses(soak, run))
    if audited is not None:
        text = f"{audited.text}\n{text}"
        lost += audited.missing
    if audited is None or audited.is_stopped:
        why = logged.reason if isinstance(logged, Unread) else ""
        lost += [f"auditd was stopped meanwhile, and {why}"] if why else _rotated(run, soak.since)
    calls: dict[str, set[str]] = {}
    unsure: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for name, record in _records(text, soak.since):
        whose = owner.of(record)
        if whose is Whose.OF_OTHERS:
            continue
        counts[name] += 1
        told = calls if whose is Whose.ITS_OWN else unsure
        told.setdefault(name, set()).add(record.get("comm", "?").strip('"'))
    return Soaked(
        calls={name: frozenset(by) for name, by in sorted(calls.items())},
        unsure={name: frozenset(by) for name, by in sorted(unsure.items()) if name not in calls},
        lost=tuple(dict.fromkeys(lost)),
        often=next(iter(counts.most_common(1)), None) if counts.total() >= _MANY else None,
    )


def _records(
    text: str,
    since: float,
) -> Iterator[tuple[str, dict[str, str]]]:
    """(system call, fields) of each record of a call that was logged in the native way."""
    native = native_way()
    for line in text.splitlines():
        at = _TIME.search(line)
        if _LOGGED not in line or not _IS_SECCOMP.search(line) or (at and int(at[1]) < int(since)):
            continue
        fields: dict[str, str] = dict(_FIELD.findall(line))
        if at is not None:
            fields["at"] = f"{at[1]}.{at[2]}"
        try:
            architecture, number = int(fields["arch"], 16), int(fields["syscall"])
        except (KeyError, ValueError):
            continue
        name = call_name(architecture, number)
        if SECCOMP_NAMES.get(architecture) == native and name:
            yield name, fields


def _losses(soak: Soak, run: Run) -> Iterator[str]:
    """What the kernel, and who keeps its log, say that they did not keep since the soak began."""
    now_lost, counted = lost_by_kernel(run), soak.audit_lost
    if now_lost is not None and counted is not None and now_lost > counted:
        yield _QUEUE_FULL
    told = run(
        (*_JOURNAL, "--since", f"@{int(soak.since)}", "--grep", _LOSSES, *_KERNEL),
        _SECONDS,
    )
    if isinstance(told, Unread):
        if told.reason != _NOTHING and (now_lost is None or counted is None):
            yield f"whether the kernel lost some is not known: {told.reason}"
        return
    for match in _LOSS.finditer(told):
        if match["many"]:
            yield f"the kernel left out {match['many']} records at once: it limits their rate"
        elif match["unread"]:
            yield _UNREAD
        elif match["queue"] or int(match["lost"]):
            yield _QUEUE_FULL


def lost_by_kernel(run: Run = run_program) -> int | None:
    """Records that the kernel's audit has lost since the start of this host, as it counts them; None
    if this account cannot ask."""
    status = run(("auditctl", "-s"), _SECONDS)
    counted = _COUNTED.search(status) if isinstance(status, str) else None
    return int(counted[1]) if counted else None


class _Audited(Struct, frozen=True):
    """What auditd kept since the soak began.

    Attributes:
        missing: why there was more, a sentence each.
        is_stopped: it was stopped meanwhile; what came then is in the journal, if anywhere.
    """

    text: str
    missing: list[str]
    is_stopped: bool = False


def _audit(files: Files, since: float) -> _Audited | None:
    """The audit log and its older files, as far back as needed; None where auditd keeps none."""
    if not (files.exists(AUDIT_LOG) or files.exists(_AUDITD)):
        return None
    texts: list[str] = []
    missing: list[str] = []
    left, reaches_back = _MOST_READ, False
    for path in (
        AUDIT_LOG,
        *(f"{AUDIT_LOG}.{number}" for number in range(1, _OLDER_FILES)),
    ):
        try:
            seen = files.stat(path)
            reaches_back = seen.mtime < since
            left -= seen.size
            if reaches_back:
                break
            if left < 0 or seen.size > _LARGEST:
                missing.append(f"{path} and what is older is too long to be read")
                break
            texts.append(files.read_text(path, _LARGEST))
        except FileNotFoundError:
            break
        except OSError as error:
            missing.append(f"{path}: {reason(error)}")
            break
    first = _TIME.search(texts[-1]) if texts else None
    is_later = first is not None and int(first[1]) > int(since) and not _STARTS.match(texts[-1])
    if is_later and not reaches_back and not missing:
        missing.append("the audit log was rotated away since it began")
    text = "\n".join(texts)
    stops = [match[1] for match in _STOPS.finditer(text) if _is_since(text, match.end(), since)]
    if "RESUME" in stops:
        missing.append("auditd had suspended its log")
    return _Audited(text, missing, bool(stops))


def _is_since(text: str, at: int, since: float) -> bool:
    """Whether the record at that place was written since then."""
    time = _TIME.search(text, at)
    return time is None or int(time[1]) >= int(since)


def _rotated(run: Run, since: float) -> list[str]:
    """Whether the journal no longer reaches back to the begin."""
    header = run(("journalctl", "--header"), _SECONDS)
    heads: list[int] = []
    path = ""
    for match in _HEAD.finditer(header) if isinstance(header, str) else ():
        path = match["path"] or path
        if match["time"] and not os.path.basename(path).startswith("user-"):
            heads.append(int(match["time"], 16))
    if heads and min(heads) / 1e6 > since:
        return ["the journal no longer reaches back to its begin"]
    return []


class _Owner:
    """Tells whose a record is. Asks the kernel once for what the container is."""

    def __init__(
        self,
        files: Files,
        container: str,
        pid: int,
    ) -> None:
        self._files = files
        self._container = container
        self._pid = pid
        self._label = self._text(f"/proc/{pid}/attr/current").strip("\0\n")
        self._login = self._text(f"/proc/{pid}/loginuid").strip() or _UNSET
        self._maps = [
            (int(words[1]), int(words[2]))
            for words in map(str.split, self._text(f"/proc/{pid}/uid_map").splitlines())
            if len(words) == 3
        ]
        self._accounts = self._ids_in("/etc/passwd")
        uid = re.search(r"^Uid:\s+(\d+)", self._text(f"/proc/{pid}/status"), re.MULTILINE)
        self._uids = self._ids_in(f"/proc/{pid}/root/etc/passwd") | {uid[1] if uid else ""}

    def of(self, record: Mapping[str, str]) -> Whose:
        group = self._text(f"/proc/{record.get('pid', '0')}/cgroup")
        if group and self._was_there(record):
            return Whose.ITS_OWN if self._container in group else Whose.OF_OTHERS
        label = record.get("subj", "").strip('"')
        if self._has_own_label and label:
            return Whose.ITS_OWN if label == self._label else Whose.OF_OTHERS
        if self._is_foreign(record):
            return Whose.OF_OTHERS
        uid = record.get("uid", "")
        own_range = any(first > 0 for first, _ in self._maps)
        is_own = uid in self._uids and not self._is_account(uid)
        return Whose.ITS_OWN if uid == "0" or own_range or is_own else Whose.UNSURE

    def _ids_in(self, accounts: str) -> set[str]:
        """The users of a file such as /etc/passwd."""
        rows = (line.split(":") for line in self._text(accounts).splitlines())
        return {row[2] for row in rows if len(row) > 2}

    @property
    def _has_own_label(self) -> bool:
        """SELinux gives each container categories of its own."""
        return ":container" in self._label and ":c" in self._label.rpartition(":s0")[2]

    def _is_account(self, uid: str) -> bool:
        return not uid.isdecimal() or uid in self._accounts or not self._accounts

    def _is_foreign(self, record: Mapping[str, str]) -> bool:
        """Whether it cannot be of this container, by who it is and what it runs."""
        uid, login = record.get("uid", ""), record.get("auid", _UNSET)
        if login not in (_UNSET, self._login):
            return True  # somebody has logged in and started it
        if uid.isdecimal() and self._maps:
            inside = any(first <= int(uid) < first + count for first, count in self._maps)
            if not inside:
                return True
        program = record.get("exe", "").strip('"')
        if self._pid and program.startswith("/"):
            try:
                return not self._files.exists(f"/proc/{self._pid}/root{program}")
            except OSError:
                return False
        return False

    def _was_there(self, record: Mapping[str, str]) -> bool:
        """Whether the process that has this number now is the one of the record: it began before
        that."""
        at = record.get("at")
        words = self._text(f"/proc/{record['pid']}/stat").rpartition(")")[2].split()
        booted = re.search(
            r"^btime (\d+)",
            self._text("/proc/stat"),
            re.MULTILINE,
        )
        if at is None or len(words) < 20 or booted is None:
            return True
        return int(booted[1]) + int(words[19]) / _TICKS <= float(at) + 1

    def _text(self, path: str) -> str:
        try:
            return self._files.read_text(path)
        except OSError:
            return ""


def told_losses(soaked: Soaked) -> Iterator[str]:
    """What a soak cannot prove, and what it costs, in sentences."""
    for why in soaked.lost:
        yield f"Records are missing: {why}."
    for call, programs in soaked.unsure.items():
        yield (
            f"{call}: by {visible(', '.join(sorted(programs)), 120)}, which is gone; another account of "
            "this host may have made it, so it does not count"
        )
    if soaked.often is not None:
        call, count = soaked.often
        yield (
            f"{call} was logged {count} times; each record takes time, so the service may be slower "
            "while it soaks"
        )
