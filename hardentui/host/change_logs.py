"""Whether a distribution has backported the fix of a CVE, according to the package's change log."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from hardentui.do import Do, Verb
from hardentui.host.commands import Run
from hardentui.host.files import Files, unreadable
from hardentui.model.host import HostPackage
from hardentui.model.known import Unread, need

_DOCUMENTATION = "/usr/share/doc"


_COMPRESSED_LIMIT = 4 << 20


_LIMIT = 32 << 20


_CHANGELOGS_RPM_SECONDS = 10.0


_HEADING = re.compile(r"\S+ \((\S+)\) ")


_REBUILT = re.compile(r"\+b\d+$")  # a rebuild of the same source, with the same change log


_POINT = r"(?m)^\s*[*-] "


_TAKEN_BACK = (
    r"(?i)\b(revert\w*|drop\w*|remov\w*|disabl\w*|incomplete|unfixed|pending|postpone\w*|vulnerable|"
    r"not (?:yet )?(?:fixed|affected|applied))\b"
)


_RPM_ASK = Unread(
    "rpm change logs are read only when asked for",
    do=Do(Verb.CHECK_SLOWLY),
)


def repairs_named(
    files: Files,
    run: Run,
    package: HostPackage,
    cves: Collection[str],
    *,
    deep: bool,
) -> Mapping[str, str]:
    """CVE -> the line about its fix, for those in the installed package's change log.

    An item that also mentions a revert, or something unfixed, does not count as a fix.
    """
    return named_in(
        _of_rpm(run, package, deep=deep) if package.family == "rpm" else _of_deb(files, package),
        cves,
    )


def named_in(content: str, cves: Collection[str]) -> dict[str, str]:
    """The same from the text of a change log."""
    repairs: dict[str, str] = {}
    if not any(cve in content for cve in cves):
        return repairs  # most name none, and parsing is slow
    wanted = re.compile(rf"(?:{'|'.join(map(re.escape, cves))})\b")
    starts = [match.start() for match in re.finditer(_POINT, content)] or [0]
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        point = content[start:end].partition("\n\n")[0]
        if named := wanted.findall(point):
            point = " ".join(point.split()).lstrip("*- ")
            if not re.search(_TAKEN_BACK, point):
                repairs |= {cve: point for cve in named if cve not in repairs}
    return repairs


def _of_deb(files: Files, package: HostPackage) -> str:
    path = f"{_DOCUMENTATION}/{package.name}/changelog.Debian.gz"
    try:
        content = _unpacked(files.read_bytes(path, _COMPRESSED_LIMIT))
    except FileNotFoundError:
        raise Unread(f"there is no {path}") from None
    except OSError as error:
        raise unreadable(path, error) from None
    if content is None:
        raise Unread(f"{path} cannot be unpacked")
    heading = _HEADING.match(content)
    if heading is None or heading[1] != _REBUILT.sub("", package.version):
        raise Unread(f"{path} is not that of version {package.version}")
    return content


def _unpacked(content: bytes) -> str | None:
    """Decompressed gzip data, up to a limit; None if it is not gzip, damaged or larger."""
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(content, _LIMIT)
    except zlib.error:
        return None
    return text.decode("utf-8", "replace") if unpacker.eof else None


def _of_rpm(
    run: Run,
    package: HostPackage,
    *,
    deep: bool,
) -> str:
    if not deep:
        raise _RPM_ASK.anew()
    return need(run(("rpm", "-q", "--changelog", package.name), _CHANGELOGS_RPM_SECONDS))
