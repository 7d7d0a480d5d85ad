"""What checks ask about a container's image: name, contents, health check and age."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct

from hardentui.errors import CannotFix
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.check import Settled
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, Verdict, not_applicable, passed, unknown
from hardentui.model.image import (
    FilterKind,
    NeverScanned,
    ScanReport,
    Vulnerability,
    parse_time,
)
from hardentui.model.known import Unread, known
from hardentui.model.spec import Spec
from hardentui.options import HEALTH_CMD, HEALTH_INTERVAL, IMAGE, LABELS, ROOTFS
from hardentui.reading.containers import is_infra, known_application, section
from hardentui.visible import visible

AUTO_UPDATE = "io.containers.autoupdate"

_SHOWN = 12
_LONGEST_STEP = 20_000


class Reference(Struct, frozen=True):
    """An image name, taken apart. `digest` is the part after @."""

    name: str
    tag: str
    digest: str

    @property
    def host(self) -> str:
        """The registry; empty for a short name."""
        first, slash, _ = self.name.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else ""

    @property
    def local(self) -> bool:
        """Built or named on this machine, so no registry knows it."""
        return self.host == "localhost"


@lru_cache(maxsize=1024)
def reference(text: str) -> Reference:
    """Take `host:5000/name:tag@digest` apart."""
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Reference(f"{head}{slash}{last}", tag, digest)


def is_image_id(text: str) -> bool:
    """A bare ID or `sha256:…`, which no tag can change."""
    digits = text.removeprefix("sha256:")
    return len(digits) == 64 and set(digits) <= set("0123456789abcdef")


def image_name(facts: ContainerFacts) -> str:
    """The image name as it was requested, otherwise as Podman recorded it."""
    return facts.spec[IMAGE] or facts.image_name


def need_image(facts: ContainerFacts) -> None:
    """Not applicable to a container without an image."""
    if facts.spec[ROOTFS]:
        raise Settled(
            not_applicable("the container runs from a host directory (--rootfs), not from an image")
        )
    if is_infra(facts) and not facts.inspect.get("Image"):
        raise Settled(not_applicable("a pod's infra container has no image since Podman 5.8"))


def image_of(facts: ContainerFacts) -> ImageFacts:
    """The facts of the image; not applicable if there is none that somebody chose."""
    need_image(facts)
    if is_infra(facts):
        raise Settled(not_applicable("a pod's infra container runs Podman's own image"))
    try:
        return facts.image
    except Unread as unread:
        raise Unread(f"the image could not be inspected: {unread.reason}") from None


def steps_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The commands that built the layers; engines spell the field differently."""
    return tuple(
        [
            str(entry.get("created_by") or entry.get("CreatedBy") or "")[:_LONGEST_STEP]
            for entry in history
        ]
    )


def comments_of(history: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The comments of the layers (`podman commit -m`); build tools put their names there."""
    comments = (str(entry.get("comment") or entry.get("Comment") or "") for entry in history)
    return tuple(comment[:_LONGEST_STEP] for comment in comments if comment)


def gap(inventory: ImageInventory, *words: str) -> Verdict | None:
    """Unknown, if a part of the image that matters here could not be read. `words` name such parts."""
    gaps = [part for part in inventory.gaps if not words or any(word in part for word in words)]
    return unknown(f"parts of the image could not be read: {'; '.join(gaps)}") if gaps else None


def listed_files(
    facts: ContainerFacts,
    of: Callable[[ImageInventory], Iterable[ImageFile]],
    allowed: Collection[str],
    *,
    deleted: bool = True,
) -> tuple[ImageFile, ...]:
    """Files of the image that one list of its contents names. Without any, the check passes, as far
    as known.

    Args:
        allowed: paths that are left out.
        deleted: with files that a later layer deletes.
    """
    inventory = image_of(facts).inventory
    files = (file for file in of(inventory) if file.path not in allowed)
    listed = tuple(file for file in files if deleted or not file.deleted)
    if not listed:
        raise Settled(gap(inventory) or passed("none found"))
    return listed


def file_evidence(files: Iterable[ImageFile]) -> tuple[Evidence, ...]:
    """The first few files as evidence, and how many more there are."""
    files = tuple(files)
    evidence = [Evidence(file.path, _about(file)) for file in files[:_SHOWN]]
    if len(files) > _SHOWN:
        evidence.append(Evidence("image", f"and {len(files) - _SHOWN} more"))
    return tuple(evidence)


def _about(file: ImageFile) -> str:
    layer = f", layer {file.layer}" if file.layer else ""
    return (
        f"{file.what}{layer}{', deleted in a later layer but still there' if file.deleted else ''}"
    )


def names(files: Iterable[ImageFile]) -> str:
    """Kinds of files in a few words: `apt, gcc and 3 more`."""
    kinds = tuple(dict.fromkeys(visible(file.what, 40) for file in files))
    text = ", ".join(kinds[:4])
    return f"{text} and {len(kinds) - 4} more" if len(kinds) > 4 else text


def created(image: ImageFacts) -> datetime | None:
    """When the image was built; None if the date is missing or fixed for a reproducible build."""
    built = parse_time(image.inspect.get("Created"))
    return built if built is not None and built.year > 2000 else None


def health_check(facts: ContainerFacts) -> str | Unread:
    """The effective health command: the container's, otherwise its image's; empty if there is none."""
    if facts.spec[HEALTH_INTERVAL] == "disable" or facts.spec[HEALTH_CMD] == "none":
        return ""
    if facts.spec[HEALTH_CMD]:
        return facts.spec[HEALTH_CMD]
    image = known(lambda: facts.image)
    if not isinstance(image, Unread):
        config: Mapping[str, Any] = image.config
        return _words(
            config.get("Healthcheck")
            or config.get("HealthCheck")
            or image.inspect.get("HealthCheck")
        )
    merged = section(facts.inspect, "Config")
    application = None if "Healthcheck" in merged else known_application(facts)
    if application is not None:
        own = application.health
        return (own.command or f"the image's own, {application.said_by}") if own.in_image else ""
    if facts.inspect:  # Podman has merged the image's check into the container
        return _words(merged.get("Healthcheck"))
    return Unread("neither the container nor its image could be inspected")


def health_status(facts: ContainerFacts) -> str:
    """The last result of the health check: `healthy`, `starting`, `unhealthy`; empty if there is
    none."""
    state = facts.inspect.get("State") or {}
    return str((state.get("Health") or state.get("Healthcheck") or {}).get("Status") or "")


def _words(check: object) -> str:
    test = check.get("Test") if isinstance(check, Mapping) else None
    if not isinstance(test, list) or not test or test[0] == "NONE":
        return ""
    return " ".join(str(word) for word in test if word not in ("CMD", "CMD-SHELL"))


def updates_itself(spec: Spec) -> bool:
    """A label asks Podman to update the container when its image name refers to a new image."""
    policies = [
        label.partition("=")[2] for label in spec[LABELS] if label.startswith(f"{AUTO_UPDATE}=")
    ]
    return bool(policies) and policies[-1] in ("registry", "image")


def refuse_where_updated(spec: Spec) -> None:
    """Raises CannotFix if a digest would end automatic updates, which the user has to decide."""
    if updates_itself(spec):
        raise CannotFix(
            "podman auto-update updates the container by its tag, and a digest would end that",
            "Choose one: keep the updates (with a version tag), or remove the label and pin the "
            "digest.",
        )


# Whether a health check can fail at all. What cannot be parsed may fail.

_SHELLS = frozenset("sh bash ash dash".split())
_WRAPPERS = frozenset("exec command nice nohup CMD CMD-SHELL busybox".split())
_SUCCEED = frozenset(
    "true : echo printf sleep pwd date id whoami hostname uname env ps uptime df".split()
)
_PASS_ON = frozenset("cat tee head tail sort uniq wc tr cut sed".split())
"""Programs that, at the end of a pipe, succeed regardless of their input."""
_LONGEST, _DEEPEST = 4096, 5
"""Characters of a health check, and shells in shells, beyond which it is taken as one that can
fail."""
_READERS = frozenset("cat head tail ls stat wc".split())
_ALWAYS_THERE = frozenset(
    "/ /bin /dev /etc /proc /sys /usr /bin/sh /dev/null /etc/group /etc/hostname /etc/hosts /etc/os-release "
    "/etc/passwd /etc/resolv.conf".split()
)


def always_passes(command: str) -> bool:
    """Whether a health check passes regardless of the service. `command`: as Podman shows it: a
    shell command line, or the words of a command.
    """
    if len(command) > _LONGEST or command.count("-c") > _DEEPEST:
        return False
    lexer = shlex.shlex(
        command.strip(),
        posix=True,
        punctuation_chars=";&|\n()<>",
    )
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return False
    if any(sign in command for sign in "$`(") or {"if", "case", "for", "!"}.intersection(words):
        return False
    return _list_passes(words)


def _list_passes(words: list[str]) -> bool:
    """The status of a list is that of its last command that runs."""
    while True:
        at = next(
            (at for at in range(len(words) - 1, -1, -1) if set(words[at]) <= set(";&|\n")), -1
        )
        operator, last = words[at] if at >= 0 else "", words[at + 1 :]
        passes = _succeeds(last)
        if operator == "|":
            return passes or (bool(last) and last[0].rpartition("/")[2] in _PASS_ON)
        if operator == "&" and not last:
            return True
        undecided = {"&&": passes, "||": not passes, "": False}.get(operator, not last)
        if not undecided:
            return passes
        words = words[:at]


def _succeeds(words: list[str]) -> bool:
    words = [word for word in words if not (set(word) <= set("<>&"))]
    while words and (
        words[0] in _WRAPPERS or (words[0].partition("=")[0].isidentifier() and "=" in words[0])
    ):
        words = words[1:]
    program = words[0].rpartition("/")[2] if words else ""
    if program in _SHELLS and words[1:2] == ["-c"]:
        return always_passes(" ".join(words[2:]))
    if program == "exit":
        return words[1:] == ["0"]
    if program in ("test", "["):
        match [word for word in words[1:] if word != "]"]:
            case ["-d" | "-e" | "-f" | "-r" | "-s" | "-x", path]:
                return _is_always_there(path)
            case [before, "=" | "==" | "-eq", after]:
                return before == after
        return False
    if program in _READERS:
        paths = [word for word in words[1:] if not word.startswith("-") and not word.isdecimal()]
        return bool(paths) and all(map(_is_always_there, paths))
    return program in _SUCCEED


def _is_always_there(path: str) -> bool:
    return path in _ALWAYS_THERE or f"{path}/".startswith(("/proc/1/", "/proc/self/"))


DATED = date(2026, 11, 25)

_ROLLING = frozenset(
    {
        "arch",
        "wolfi",
        "chainguard",
        "opensuse-tumbleweed",
        "gentoo",
        "void",
        "nixos",
    }
)

# A minor release ends when the next one appears; extended support of a minor release is bought, not
# free. Red Hat's release dates; AlmaLinux and Rocky follow within weeks. For 9.7 and 10.1 on, the
# date of the next one is not confirmed, so the major release counts
_MINOR = (
    "8.0=2019-11-05 8.1=2020-04-28 8.2=2020-11-03 8.3=2021-05-18 8.4=2021-11-09 8.5=2022-05-10 "
    "8.6=2022-11-09 8.7=2023-05-16 8.8=2023-11-14 8.9=2024-05-22 9.0=2022-11-15 9.1=2023-05-10 "
    "9.2=2023-11-07 9.3=2024-04-30 9.4=2024-11-12 9.5=2025-05-20 9.6=2025-11-30 10.0=2025-11-30"
)

_ENDS: Mapping[str, str] = {
    # debian.csv of distro-info-data 0.66+deb13u2; the wiki's table by way of endoflife.date; for 13
    # also the life cycle page of OVHcloud (ovh/docs)
    "debian": (
        "7=2018-05-31 8=2020-06-30 9=2022-06-30 10=2024-06-30 11=2026-08-31 12=2028-06-30 "
        "13=2030-06-30"
    ),
    # ubuntu.csv of distro-info-data 0.66+deb13u2, kept by Ubuntu's developers; compared with
    # Ubuntu's wiki by way of endoflife.date. Where the two differ by a month (22.04, 26.04), the
    # csv
    "ubuntu": (
        "14.04=2019-04-25 16.04=2021-04-30 18.04=2023-05-31 20.04=2025-05-29 22.04=2027-06-01 "
        "22.10=2023-07-20 23.04=2024-01-25 23.10=2024-07-11 24.04=2029-05-31 24.10=2025-07-10 "
        "25.04=2026-01-15 25.10=2026-07-09 26.04=2031-05-29 26.10=2027-07-15"
    ),
    # Alpine's page of releases, by way of endoflife.date; 3.24 (June 2026) by its rule of two years
    "alpine": (
        "3.8=2020-05-01 3.9=2020-11-01 3.10=2021-05-01 3.11=2021-11-01 3.12=2022-05-01 3.13=2022-11-01 "
        "3.14=2023-05-01 3.15=2023-11-01 3.16=2024-05-23 3.17=2024-11-22 3.18=2025-05-09 3.19=2025-11-01 "
        "3.20=2026-04-01 3.21=2026-11-01 3.22=2027-05-01 3.23=2027-11-01 3.24=2028-05-01"
    ),
    # Fedora's schedule, by way of endoflife.date
    "fedora": (
        "36=2023-05-16 37=2023-12-05 38=2024-05-21 39=2024-11-26 40=2025-05-13 41=2025-12-15 42=2026-05-13 "
        "43=2026-12-09 44=2027-06-02"
    ),
    # the wiki of CentOS, by way of Adoptium's list of distributions; 10: a wiki of server admins
    # and a list of supported distributions agree
    "centos": "6=2020-11-30 7=2024-06-30 8=2021-12-31 9=2027-05-31 10=2030-01-01",
    # Red Hat's life cycles (maintenance support) and those of its kin, by way of endoflife.date.
    # For 10 of almalinux (its own wiki) and of ol (Oracle's lifetime support policy) there is no
    # second source
    "rhel": f"6=2020-11-30 7=2024-06-30 8=2029-05-31 9=2032-05-31 10=2035-05-31 {_MINOR}",
    "rocky": f"8=2029-05-31 9=2032-05-31 10=2035-05-31 {_MINOR}",
    "almalinux": f"8=2029-03-01 9=2032-05-31 10=2035-05-31 {_MINOR}",
    "ol": "7=2024-12-31 8=2029-07-31 9=2032-06-30 10=2035-06-30",
    # the announcements of AWS, as the image libraries of Docker and GitLab quote them
    "amzn": "1=2023-12-31 2=2026-06-30 2023=2029-06-30",
    # Microsoft's release cadence, by way of endoflife.date. Photon 1 and 2: VMware's announcement
    # of the end of 1, by way of Trivy; 3 and 4: its maintainers' correction of endoflife.date
    # (9025). 5 has no date
    "azurelinux": "3.0=2027-08-31",
    "mariner": "1.0=2023-08-31 2.0=2025-07-31",
    "photon": "1.0=2022-02-28 2.0=2022-12-31 3.0=2025-10-02 4.0=2027-10-11",
    # SUSE's life cycles (general support), by way of endoflife.date; 15.6 by SUSE's own article
    # about its long term support, which says that December 2025 was the end; 15.7 by its pull
    # request 7816. 16.0 (two years of general support from November 2025, SUSE's life cycle page)
    # has no second source
    "sles": (
        "12.5=2024-10-31 15.3=2022-12-31 15.4=2023-12-31 15.5=2024-12-31 15.6=2025-12-31 15.7=2031-07-31 "
        "16.0=2027-11-30"
    ),
    # the wiki of openSUSE, by way of endoflife.date (its answer of 2026-04-16)
    "opensuse-leap": "15.4=2023-12-07 15.5=2024-12-31 15.6=2026-04-30 16.0=2027-10-31",
}
"""ID of os-release -> version=last day."""


def rolling(release: Mapping[str, str]) -> bool:
    """Whether it is a rolling release, which has no end of life."""
    identity, version = release.get("ID", ""), release.get("VERSION_ID", "")
    sid = identity == "debian" and not version and release.get("PRETTY_NAME", "").endswith("/sid")
    edge = identity == "alpine" and "_alpha" in version
    return identity in _ROLLING or sid or edge


def end_of(release: Mapping[str, str]) -> date | None:
    """Last day of support of the release named in os-release; None if it is not in the table."""
    ends = dict(entry.split("=") for entry in _ENDS.get(release.get("ID", ""), "").split())
    parts = release.get("VERSION_ID", "").split(".")
    for count in (2, 1):
        end = ends.get(".".join(parts[:count]))
        if end:
            return date.fromisoformat(end)
    return None


_SCANS_SHOWN = 10
_SEVERITIES = ("critical", "high", "medium", "low", "unknown")
STALE_DAYS = 7
"""New vulnerabilities are published every day, so an older report or database says little."""


def severities(report: ScanReport) -> dict[str, int]:
    """Severity -> number of vulnerabilities, worst first, including severities without any."""
    counts = dict.fromkeys(_SEVERITIES, 0)
    for vulnerability in report.vulnerabilities:
        counts[vulnerability.severity if vulnerability.severity in counts else "unknown"] += 1
    return counts


def rank(vulnerability: Vulnerability) -> tuple[bool, int, bool, str]:
    """Sort key: exploited first, then the worst, then those with a fix."""
    known = vulnerability.severity in _SEVERITIES
    place = _SEVERITIES.index(vulnerability.severity) if known else len(_SEVERITIES)
    return (
        not vulnerability.exploited,
        place,
        not vulnerability.fixed_in,
        vulnerability.id,
    )


def stale(
    report: ScanReport,
    now: datetime,
    days: int = STALE_DAYS,
) -> str:
    """Why the report is too old to call an image clean; empty if it is not."""
    limit = timedelta(days=days)
    if now - report.scanned > limit:
        return f"the report is {(now - report.scanned).days} days old"
    if report.database and report.scanned - report.database > limit:
        return f"the scanner's database was {(report.scanned - report.database).days} days old"
    if report.database and now - report.database > limit:
        return f"the scanner's database is {(now - report.database).days} days old"
    return ""


def filtered(report: ScanReport) -> str:
    """What the report leaves out, in words; empty if nothing is known to be."""
    return "; ".join(each.text for each in report.filters)


def not_clean(
    report: ScanReport,
    facts: ContainerFacts,
    *,
    unfixed: bool = True,
) -> Verdict | None:
    """Unknown, if a report without vulnerabilities does not prove that there are none.

    Args:
        unfixed: vulnerabilities without a fix matter as well.
    """
    doubts = [
        *filter(None, (stale(report, facts.now),)),
        *report.gaps,
        *(
            f"the report is filtered: {each.text}"
            for each in report.filters
            if unfixed or each.kind is not FilterKind.UNFIXED
        ),
    ]
    if not report.lists_packages and not report.vulnerabilities:
        inventory = known(lambda: facts.image.inventory)
        if isinstance(inventory, Unread):
            doubts.append(f"whether it compared any package is not known: {inventory.reason}")
            return unknown(
                f"nothing was found, but {'; '.join(doubts)}", report.scanner, do=inventory.do
            )
        if not inventory.installed and not inventory.uncounted:
            doubts.append("no package that it could compare was found in the image")
    return (
        unknown(f"nothing was found, but {'; '.join(doubts)}", report.scanner) if doubts else None
    )


def report_of(facts: ContainerFacts) -> ScanReport:
    """The newest report for the container's image; raises Unread if there is none."""
    scan = image_of(facts).scan
    if isinstance(scan, NeverScanned):
        raise Unread("the image was never scanned (see missing-vulnerability-scan)")
    return scan


def evidence(
    report: ScanReport,
    vulnerabilities: tuple[Vulnerability, ...],
) -> tuple[Evidence, ...]:
    """The report itself and the worst few vulnerabilities as evidence."""
    lines = [Evidence(f"{report.scanner} report", f"of {report.scanned:%Y-%m-%d}")]
    lines += [Evidence(f"{report.scanner} report, filtered", each.text) for each in report.filters]
    for hole in sorted(vulnerabilities, key=rank)[:_SCANS_SHOWN]:
        fixed = f", fixed in {hole.fixed_in}" if hole.fixed_in else ""
        lines.append(Evidence(hole.id, f"{hole.severity} in {hole.package}{fixed}"))
    if len(vulnerabilities) > _SCANS_SHOWN:
        lines.append(
            Evidence(
                f"{report.scanner} report",
                f"and {len(vulnerabilities) - _SCANS_SHOWN} more",
            )
        )
    return tuple(lines)
