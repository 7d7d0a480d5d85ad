"""Whether known vulnerabilities are looked for, and whether updates find their way."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

from hardentui.checks.prelude import *
from hardentui.model.image import NeverScanned, ScanReport, Vulnerability
from hardentui.reading.containers import labels_of
from hardentui.reading.images import AUTO_UPDATE as _AUTO
from hardentui.reading.images import (
    always_passes,
    evidence,
    health_check,
    health_status,
    image_name,
    image_of,
    is_image_id,
    not_clean,
    reference,
    report_of,
    without_image,
)
from hardentui.reading.own_command import own_command

_POLICIES = ("registry", "image", "local")


def no_update_path(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """No update process.

    What it checks:
    Whether something updates the container: the label `io.containers.autoupdate` together with the timer that
    acts on it, or a label that says who updates the pinned version (parameter `labels`). Podman acts on these
    labels whether they are on the container or on its image.

    Why it matters:
    Most containers are set up once and then forgotten. Their vulnerabilities are published one after another,
    and the container stays as it is. Most hosts fall not to clever attacks, but to old, known ones against
    software that nobody updated.

    What may break:
    The container restarts when the registry has a new image under its name, at the timer's time, with
    whatever that image brings. The fix requires a health check first, so that a bad update is rolled
    back. Updating by tag and pinning a digest exclude each other (mutable-image-tag): a plan carries out
    whichever comes first.
    """
    if facts.spec[ROOTFS] or facts.inspect.get("IsInfra"):
        return not_applicable("there is no image to update")
    labels = labels_of(facts)
    for name in parameters.texts("labels"):
        if labels.get(name):
            return passed(f"{name}={visible(labels[name], 60)}")
    policy = labels.get(_AUTO, "")
    by_image = _AUTO not in _labels(facts.spec)
    if policy not in _POLICIES:
        return failed("no label turns on automatic updates or says who updates it", policy or "no label")
    declared = f"{_AUTO}={policy}" + (" (a label of the image)" if by_image else "")
    if reference(image_name(facts)).digest or is_image_id(image_name(facts)):
        return failed("the image is pinned by digest, so it is never updated", declared)
    timer = facts.engine.auto_update_timer
    evidence = (Evidence("podman-auto-update.timer", "active" if timer else "not active"),)
    if not timer:
        user = " --user" if facts.engine.rootless is True else ""
        commands = (f"systemctl{user} enable --now podman-auto-update.timer",)
        return failed("the update timer is not active", declared, "", evidence, commands=commands)
    return passed(declared, evidence=evidence)


def _labels(spec: Spec) -> dict[str, str]:
    return dict(label.partition("=")[::2] for label in spec[LABELS])


def _fix_no_update_path(spec: Spec, context: FixContext) -> Spec:
    labels = labels_of(context.facts.planned(spec))
    wanted = context.parameters.texts("labels")
    if labels.get(_AUTO) in _POLICIES or any(labels.get(name) for name in wanted):
        return spec
    name = image_name(context.facts.planned(spec))
    parts = reference(name)
    if parts.digest or is_image_id(name):
        raise CannotFix(
            "the image is pinned by digest, so it is never updated",
            "Choose a digest or updates by tag. Add a label that names who updates the digest "
            f"({', '.join(wanted)}), or leave out mutable-image-tag.",
        )
    if not parts.host or parts.local:
        raise CannotFix(
            "automatic updates need the full image name, with its registry",
            "Use a name such as docker.io/library/nginx:1.29.",
        )
    if not known(lambda: context.facts.engine.auto_update_timer, else_=True):
        user = " --user" if context.facts.engine.rootless is True else ""
        raise CannotFix(
            "the update timer is not active, so a label alone has no effect",
            f"Enable it first: systemctl{user} enable --now podman-auto-update.timer",
        )
    if health_check(context.facts.planned(spec)) == "":
        raise CannotFix(
            "without a health check, a bad update would go unnoticed",
            "Add one first (missing-health-check), or pin the digest and label who updates it.",
        )
    kept = tuple(label for label in spec[LABELS] if label.partition("=")[0] != _AUTO)
    return spec.with_(LABELS, (*kept, f"{_AUTO}={context.parameters.text('policy')}"))


_ACTIVE = rootful(auto_update_timer=True)
_UPDATES_ITSELF = image(inspect={"Config": {"Labels": {_AUTO: "registry"}}})

NO_UPDATE_PATH = Check(
    severity=Severity.MEDIUM,  # holes stay open until a person remembers
    scope=Kind.SITE,
    summary="Let Podman update the container, or record who changes its version",
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=no_update_path,
    remediate=_fix_no_update_path,
    parameters={"labels": ("io.hardentui.updates", "renovate"), "policy": "registry"},
    takes={"policy": "update-policy"},
    passes=lambda: (
        container("--label=io.containers.autoupdate=registry docker.io/library/nginx:1.29", engine=_ACTIVE),
        container("docker.io/library/nginx:1.29", image=_UPDATES_ITSELF, engine=_ACTIVE),
        "--label=renovate=yes docker.io/library/nginx:1.29.3",
    ),
    fails=lambda: (
        container("docker.io/library/nginx:1.29", engine=_ACTIVE),
        container(
            "--label=app=shop --label=io.containers.autoupdate=disabled docker.io/library/nginx:1.29",
            engine=_ACTIVE,
        ),
    ),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.1.1", "OWASP Docker rule 0"),
)

_AUTO = "io.containers.autoupdate"


def update_without_rollback(facts: ContainerFacts) -> Verdict:
    """Automatic updates without rollback.

    What it checks:
    For containers with automatic updates: whether systemd learns that the service is ready only when it
    really is, either from the program itself (`--sdnotify=container`) or from its health check
    (`--sdnotify=healthy`).

    Why it matters:
    Podman rolls back to the old image if the unit does not start. But by default, the unit counts as started
    as soon as a process exists, so an update that starts but does not work stays. The service then breaks at
    night, and the usual reaction is to turn updates off.

    What may break:
    The unit waits until the health check passes: if it never does, the start fails after a timeout. Units
    that start after this one wait as well. In a Quadlet, this needs Podman 5.0 or newer and a health check.
    """
    if labels_of(facts).get(_AUTO) not in ("registry", "image", "local"):
        without = not_applicable("no automatic updates (see no-update-path)")
        return without if without_image(facts) else sure(without, known(lambda: facts.image))
    notify = facts.spec[SDNOTIFY]
    declared = f"sdnotify {notify or 'not set'}"
    if notify == "container":
        return passed(declared, reason="the program itself reports when it is ready")
    check = health_check(facts)
    if isinstance(check, Unread):
        return unknown(check.reason, declared)
    if not check or always_passes(check):
        return failed("no health check that would notice a bad update", declared)
    if notify != "healthy":
        return failed("systemd does not wait for the health check", declared)
    return passed(declared)


def _fix_update_without_rollback(spec: Spec, context: FixContext) -> Spec:
    if spec[SDNOTIFY] == "container":
        return spec
    check = health_check(context.facts.planned(spec))
    if isinstance(check, Unread) or not check or always_passes(check):
        raise CannotFix("there is no health check to wait for", "Add one first: see missing-health-check.")
    status = health_status(context.facts)
    if context.facts.running and spec[HEALTH_CMD] == context.facts.spec[HEALTH_CMD] and status != "healthy":
        raise CannotFix(
            f"the health check now reports {visible(status or 'nothing', 40)}: the start would time out",
            "See State.Health.Log in podman inspect first.",
        )
    return spec.with_(SDNOTIFY, "healthy")


def _advise_update_without_rollback(before: Spec, after: Spec, context: FixContext) -> Advice:
    if not context.facts.running:
        return Advice(
            Risk.MAY_BREAK,
            ("the container is not running, so it is not known whether its health check passes",),
        )
    return Advice(
        Risk.CHANGES_BEHAVIOUR, ("the health check passes now, so the start completes as soon as it does",)
    )


UPDATE_WITHOUT_ROLLBACK = Check(
    severity=Severity.LOW,  # a bad update stays: availability
    summary="Make systemd wait until the health check passes",
    evaluate=update_without_rollback,
    remediate=_fix_update_without_rollback,
    advise=_advise_update_without_rollback,
    passes=(
        "--label=io.containers.autoupdate=registry --health-cmd='curl -f localhost' --sdnotify=healthy",
        "--label=io.containers.autoupdate=registry --sdnotify=container",
    ),
    fails=lambda: (
        "--label=io.containers.autoupdate=registry --health-cmd='curl -f localhost'",
        "--label=io.containers.autoupdate=registry --health-cmd='curl -f localhost' --sdnotify=conmon",
        container("--health-cmd='curl -f localhost'", image=_UPDATES_ITSELF),
        "--label=io.containers.autoupdate=registry --health-cmd=true --sdnotify=healthy",
    ),
    references=("NIST SP 800-190 4.1.1", "CSVS 2.8"),
)


# Known vulnerabilities, as a scanner reports them.


def exploited_vulnerabilities(facts: ContainerFacts) -> Verdict:
    """Actively exploited vulnerability in image.

    What it checks:
    Whether the newest scan report of the image lists a vulnerability that is on a list of exploited ones
    (such as CISA's KEV catalogue). If the report was not compared with such a list, or is empty and more than
    a week old, the answer is unknown.

    Why it matters:
    Only a small part of all published vulnerabilities is ever exploited, and these are the ones. Someone has
    a working exploit and uses it on everything within reach. The question is no longer whether it could be
    used against you, but whether it already was.

    What may break:
    The update may change the service. If there is no fix yet, take the container off the network until there
    is one, and look for traces of an attack before you start it again.
    """
    report = report_of(facts)
    if isinstance(report, Verdict):
        return report
    exploited = tuple(v for v in report.vulnerabilities if v.exploited)
    if exploited:
        reason = f"{plural(len(exploited), 'vulnerability', 'vulnerabilities')} known to be exploited"
        commands = (
            f"podman stop {shlex.quote(facts.name)}",
            "# get the fixed image, then start the container again",
        )
        return failed(reason, report.scanner, evidence=evidence(report, exploited), commands=commands)
    if report.exploited_list is None:
        return unknown("the report was not compared with a list of exploited vulnerabilities", report.scanner)
    doubt = not_clean(report, facts)
    return doubt or passed(
        f"compared with the list of {report.exploited_list:%Y-%m-%d}", evidence=evidence(report, ())
    )


_DAY = datetime(2025, 12, 31, tzinfo=UTC)
_HOLE = Vulnerability("CVE-2021-44228", "log4j-core", "critical", "2.17.1", exploited=True)


def _exploited(*vulnerabilities: Vulnerability) -> ImageFacts:
    return image(scan=ScanReport("trivy", _DAY, _DAY, vulnerabilities, exploited_list=_DAY))


EXPLOITED_VULNERABILITIES = Check(
    severity=Severity.CRITICAL,  # attackers use it today: getting in needs no skill
    scope=Kind.IMAGE,
    summary="Stop or isolate the container, look for traces of an attack and move to a fixed image",
    evaluate=exploited_vulnerabilities,
    passes=lambda: (
        container(image=_exploited()),
        container(image=_exploited(Vulnerability("CVE-2025-0001", "zlib", "critical", "1.3.2"))),
    ),
    fails=lambda: (container(image=_exploited(_HOLE)),),
    references=("NIST SP 800-190 4.1.1", "NIST SP 800-190 4.4.4"),
)


def fixable_vulnerabilities(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """Serious vulnerabilities with a fix available.

    What it checks:
    Whether the newest scan report of the image lists critical or high vulnerabilities that a newer version of
    the package fixes. Vulnerabilities without a fix are left out: there is nothing to install yet. If the
    report lists none but is more than a week old, or could not assess all packages, the answer is unknown.

    Why it matters:
    The description of such a vulnerability is public, and often the exploit is too. Attackers compare the
    version that a service reports with the list and go for the rest. The fix already exists: this is the
    cheapest security there is.

    What may break:
    A newer image brings newer versions of more than this one package, so the service may behave differently.
    Try it on a twin, and keep the old image until the new one has run for a while.
    """
    report = report_of(facts)
    if isinstance(report, Verdict):
        return report
    serious = tuple(v for v in report.vulnerabilities if v.severity in ("critical", "high") and v.fixed_in)
    unrated = sum(v.severity == "unknown" and bool(v.fixed_in) for v in report.vulnerabilities)
    if not serious and unrated:
        count = plural(unrated, "vulnerability", "vulnerabilities")
        return unknown(f"{count} can be fixed, but {report.scanner} gives no severity", report.scanner)
    if not serious:
        return not_clean(report, facts) or passed(
            plural(len(report.vulnerabilities), "known vulnerability", "known vulnerabilities"),
            evidence=evidence(report, ()),
        )
    critical = sum(v.severity == "critical" for v in serious)
    many = len(serious) >= parameters.integer("critical_from")
    severity = Severity.HIGH if critical or many else Severity.MEDIUM
    counts = [f"{critical} critical"] * bool(critical) + [f"{len(serious) - critical} high"] * (
        len(serious) > critical
    )
    have = "vulnerability has" if len(serious) == 1 else "vulnerabilities have"
    reason = f"{' and '.join(counts)} {have} a fix"
    return failed(reason, report.scanner, evidence=evidence(report, serious), severity=severity)


def _vulnerable(*vulnerabilities: Vulnerability) -> ImageFacts:
    return image(scan=ScanReport("trivy", _DAY, _DAY, vulnerabilities))


FIXABLE_VULNERABILITIES = Check(
    severity=Severity.HIGH,  # an exploit is one ordinary step away; an update closes it
    scope=Kind.IMAGE,
    summary="Pull or rebuild the fixed image and recreate the container",
    evaluate=fixable_vulnerabilities,
    parameters={"critical_from": 20},
    passes=lambda: (
        container(image=_vulnerable()),
        container(image=_vulnerable(Vulnerability("CVE-2025-0001", "zlib", "high"))),
        container(image=_vulnerable(Vulnerability("CVE-2025-0002", "zlib", "low", "1.3.2"))),
    ),
    fails=lambda: (
        container(image=_vulnerable(Vulnerability("CVE-2025-0003", "openssl", "high", "3.0.18"))),
        container(image=_vulnerable(Vulnerability("CVE-2025-0004", "openssl", "critical", "3.0.18"))),
    ),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
)


def missing_vulnerability_scan(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """No vulnerability scan of the image.

    What it checks:
    Whether there is a stored scan report for exactly this image (by its ID, not by its name), and whether the
    report and the scanner's database are newer than the parameter `days`.

    Why it matters:
    Every image ages: the same bytes that were clean last month have a dozen known vulnerabilities today,
    because new ones are published every day. Attackers read the same lists and have exploits ready. A report
    for the name proves nothing, because the next pull can move the name to another image.

    `hardentui images NAME --scan` runs Trivy or Grype, if installed, and stores the report in
    `~/.local/state/hardentui/scans/IMAGE_ID.json`; `hardentui images --import FILE` imports a report from
    Trivy, Grype, Quay or Clair.

    What may break:
    Nothing. A scan reads the image and does not run it. It takes a minute, and network access to update the
    database.
    """
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    report = image.scan
    commands = _scan(image)
    if isinstance(report, NeverScanned):
        return failed("the image was never scanned", "no report", commands=commands)
    days = timedelta(days=parameters.integer("days"))
    evidence = (Evidence(f"{report.scanner} report", f"of {report.scanned:%Y-%m-%d}"),)
    if facts.now - report.scanned > days:
        age = (facts.now - report.scanned).days
        return failed(f"the report is {age} days old", report.scanner, evidence=evidence, commands=commands)
    if report.database and facts.now - report.database > days:
        age = (facts.now - report.database).days
        return failed(f"the scanner's database was {age} days old", report.scanner, evidence=evidence)
    return passed(report.scanner, evidence=evidence)


def _scan(image: ImageFacts) -> tuple[str, ...]:
    """Scan the image here, or import a report that was made elsewhere."""
    name = shlex.quote(image.id.removeprefix("sha256:")[:12])
    found_with = image.engine.found_with
    importing = own_command(found_with, "images", "--import", "FILE")
    return (
        own_command(found_with, "images", name, "--scan"),
        f"# or import a report from Trivy, Grype, Quay or Clair: {importing}",
    )


_OLD = datetime(2025, 11, 1, tzinfo=UTC)


def _scanned(scan: ScanReport | NeverScanned) -> ImageFacts:
    return image(scan=scan)


MISSING_VULNERABILITY_SCAN = Check(
    severity=Severity.MEDIUM,  # a layer of watching is missing; nothing is known to be open
    scope=Kind.SITE,
    summary="Scan the image now and every week",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    evaluate=missing_vulnerability_scan,
    parameters={"days": 7},
    passes=lambda: (container(image=_scanned(ScanReport("trivy", _DAY, _DAY))),),
    fails=lambda: (
        container(image=_scanned(NeverScanned())),
        container(image=_scanned(ScanReport("trivy", _OLD, _OLD))),
        container(image=_scanned(ScanReport("trivy", _DAY, _OLD))),
    ),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1", "OWASP Docker rule 9"),
)
