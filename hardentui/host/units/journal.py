"""Where systemd's journal is stored: on disk, or in memory until the next boot."""

from __future__ import annotations

from hardentui.host.files.config import names, text, there
from hardentui.host.files.reader import Files
from hardentui.model.host import JournalStorage
from hardentui.model.known import Known, Unreadable

_CONFIGURATION = "/etc/systemd/journald.conf"
_FALLBACK = "/usr/lib/systemd/journald.conf"
_DIRECTORIES = (
    "/etc/systemd/journald.conf.d",
    "/run/systemd/journald.conf.d",
    "/usr/lib/systemd/journald.conf.d",
)
_PERSISTENT = "/var/log/journal"
_SYSLOG = "/run/systemd/journal/syslog"
_YES = frozenset({"yes", "true", "1", "on"})


def read_journal(files: Files) -> Known[JournalStorage | None]:
    """The journal's settings and their effect; None if systemd is not running."""
    if not there(files, "/run/systemd/system"):
        return None
    values, where = {"Storage": "auto", "ForwardToSyslog": "no"}, ""
    paths = _paths(files)
    if isinstance(paths, Unreadable):
        return paths
    for path in paths:
        content = text(files, path)
        if isinstance(content, Unreadable):
            return content
        for name, value in _settings(content if isinstance(content, str) else ""):
            if name in values:
                values[name] = value
                where = path if name == "Storage" else where
    storage = values["Storage"].lower()
    kept = storage == "persistent" or (storage == "auto" and there(files, _PERSISTENT))
    forwarded = values["ForwardToSyslog"].lower() in _YES and there(files, _SYSLOG)
    return JournalStorage(storage, kept, forwarded, where)


def _paths(files: Files) -> Known[tuple[str, ...]]:
    """The main file, then the drop-ins by name; for equal names the first directory wins."""
    drop_ins: dict[str, str] = {}
    for directory in _DIRECTORIES:
        inside = names(files, directory)
        if isinstance(inside, Unreadable):
            return inside
        for name in inside:
            if name.endswith(".conf"):
                drop_ins.setdefault(name, f"{directory}/{name}")
    main = _CONFIGURATION if there(files, _CONFIGURATION) else _FALLBACK
    return (main, *(drop_ins[name] for name in sorted(drop_ins)))


def _settings(content: str) -> list[tuple[str, str]]:
    pairs = (line.strip().partition("=") for line in content.splitlines() if line.strip()[:1] not in "#;[")
    return [(name.strip(), value.strip()) for name, equals, value in pairs if equals]
