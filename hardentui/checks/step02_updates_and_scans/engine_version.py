"""The version of the engine, and images that steer it."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import Advisory, OutdatedComponent
from hardentui.reading.images import image_of

_CHECKPOINT = "io.podman.annotations.checkpoint.runtime.name"
_PREFIXES = ("run.oci.", "org.systemd.property.", "io.podman.annotations.")
_LABELS = ("PODMAN_SYSTEMD_UNIT", "io.containers.autoupdate.authfile")
_LABELS_REPAIRED = (Version(5, 8, 10), Version(6, 2, 0))
_CHECKPOINT_REPAIRED = (Version(6, 1, 3),)


def _image(annotations: Mapping[str, str], **labels: str) -> ImageFacts:
    return image(
        inspect={
            "Annotations": annotations,
            "Config": {"Labels": labels},
        }
    )


_UNIT = _image({}, PODMAN_SYSTEMD_UNIT="sshd.service")


@Check(
    gives=Gain.HOST.after(
        1, Origin.IMAGE
    ),  # whoever publishes the image chooses how the engine runs it
    scope=Kind.IMAGE,
    summary="Use an image without these annotations, or update the engine",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.CHANGES_BEHAVIOUR,
    passes=lambda: (
        container(image=_image({"org.opencontainers.image.title": "web"}, app="shop")),
        container(
            image=_UNIT,
            engine=rootful(version=Version(6, 2, 0)),
        ),
        container(
            image=_UNIT,
            engine=rootful(version=Version(5, 8, 10)),
        ),
        container(
            image=_image({_CHECKPOINT: "runc"}),
            engine=rootful(version=Version(6, 1, 3)),
        ),
    ),
    fails=lambda: (
        container(image=_image({"run.oci.seccomp_bpf_data": "BgAAAAAA/38="})),
        container(image=_image({"org.systemd.property.OOMScoreAdjust": "int32 -1000"})),
        container(
            image=_image({_CHECKPOINT: "runc"}),
            engine=rootful(version=Version(5, 8, 10)),
        ),
        container(image=_UNIT),
    ),
    references=("CVE-2026-94603", "CVE-2026-121885"),
)
def engine_steering_image(facts: ContainerFacts) -> Verdict:
    """Image annotations control the engine.

    What it checks:
    Annotations and labels of the image that Podman or its runtime acts on: annotations starting
    with `run.oci.`, `org.systemd.property.` or `io.podman.annotations.`, which a container
    inherits, and the labels PODMAN_SYSTEMD_UNIT and io.containers.autoupdate.authfile, which make
    an update restart another unit or read another file. What newer versions of Podman no longer
    take from an image is reported only for older engines: labels before 6.2.0 (5.8.10), the
    annotation of restored checkpoints before 6.1.3.

    Why it matters:
    The author of an image should decide what runs inside the container, and nothing outside it.
    With such an annotation, an image replaces the seccomp filter with its own, picks another
    runtime, keeps its processes from being killed, or sets properties of its unit as root;
    CVE-2026-94603 turned off every protection this way.

    What may break:
    Nothing for ordinary images. Images for WebAssembly or virtual machines name their handler this
    way: set the annotation on the container instead, so that it is your decision.
    """
    image = image_of(facts)
    steering = dict(_steering(facts, image))
    if not steering:
        return passed("no annotation or label that the engine acts on")
    evidence = tuple(
        Evidence(where, visible(f"{name}={value}", 120))
        for name, (where, value) in steering.items()
    )
    gives = Gain.HOST.after(0, Origin.IMAGE) if _CHECKPOINT in steering else None
    names = listed([visible(name, 80) for name in steering])
    return failed(
        f"the image controls the engine through {names}",
        names,
        "",
        evidence,
        gives,
    )


def _steering(
    facts: ContainerFacts,
    image: ImageFacts,
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name -> (where, value) of each annotation or label that this engine acts on."""
    version = facts.engine.version
    own = {word.partition("=")[0] for word in facts.spec[ANNOTATIONS]}
    for name, value in _texts(section(image.inspect, "Annotations")):
        repaired = name == _CHECKPOINT and _is_repaired(version, _CHECKPOINT_REPAIRED)
        if name.startswith(_PREFIXES) and name not in own and not repaired:
            yield name, ("image, Annotations", value)
    if not _is_repaired(version, _LABELS_REPAIRED):
        for name, value in _texts(section(image.config, "Labels")):
            if name in _LABELS:
                yield name, ("image, Labels", value)


def _texts(pairs: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    return ((str(name), str(value)) for name, value in pairs.items())


def _is_repaired(
    version: Version,
    repaired: tuple[Version, ...],
) -> bool:
    """At least as new as the fix in its own release line, or as the newest fix."""
    same_line = [fix for fix in repaired if fix.major == version.major]
    return any(version >= fix for fix in same_line) or version >= max(repaired)


_RUNC = Advisory("runc", "CVE-2025-31133", ("1.2.8", "1.3.3"))


@Check(
    gives=Gain.HOST.after(1),  # a known hole of the engine leads out of every container
    summary="Update the engine's packages, then restart the containers",
    passes=lambda: (
        HostFacts(
            outdated=(),
            advisories_dated="2026-01-01",
        ),
        HostFacts(
            outdated=(
                OutdatedComponent(
                    _RUNC,
                    "1.1.5+ds1-1+deb12u2",
                    True,
                    "Fix CVE-2025-31133",
                ),
            )
        ),
    ),
    fails=lambda: (
        HostFacts(outdated=(OutdatedComponent(_RUNC, "1.2.6", distribution=False),)),
        HostFacts(
            outdated=(
                OutdatedComponent(
                    _RUNC,
                    "1.1.5+ds1-1+deb12u2",
                    True,
                    "",
                ),
            )
        ),
    ),
    references=("CIS Docker 1.6 1.2.2", "NIST SP 800-190 4.4.1", "OWASP Docker rule 0"),
)
def vulnerable_engine(facts: HostFacts) -> Verdict:
    """Known vulnerability in the engine.

    What it checks:
    Whether the installed versions of the engine's programs (podman, crun, runc, conmon,
    netavark, aardvark-dns, passt, containers-common) are older than the versions that fix known
    vulnerabilities, according to a table that ships with HardenTUI (its date is shown).
    Distributions often fix an old version without changing its number; then the change log of the
    installed package decides. A vulnerability that the change log names as fixed is closed. One
    that it does not name counts as open, at a lower severity: the fix may go by another name, or
    the distribution's version may not be affected, which its security tracker says. If the change
    log cannot be read, the answer is unknown. Change logs of RPM packages are read with `--deep`.

    Why it matters:
    These programs build every wall between a container and the host. Several of their
    vulnerabilities let a crafted image, or a process in a container, write to the host or run as
    root there, no matter what else was hardened: for one of them, a symbolic link in place of
    `/dev/null` was enough.

    What may break:
    An updated runtime takes effect the next time a container starts; running containers keep the
    old one. Read the release notes before larger version jumps, and restart containers one after
    another.
    """
    table = (
        f"table of {facts.advisories_dated}"
        if facts.advisories_dated
        else "table of known vulnerabilities"
    )
    sure = [component for component in facts.outdated if not component.distribution]
    if sure:
        components = ", ".join(sorted({component.advisory.component for component in sure}))
        return failed(
            f"known vulnerabilities in {components}",
            table,
            evidence=tuple(map(_evidence, sure)),
            gives=rated(worst_of(sure)),
        )
    unnamed = [component for component in facts.outdated if component.repair == ""]
    unread = [component for component in facts.outdated if isinstance(component.repair, Unread)]
    evidence = tuple(
        map(
            _evidence,
            (
                *unnamed,
                *unread,
                *(component for component in facts.outdated if _is_named(component)),
            ),
        )
    )
    if unnamed:
        named = len(facts.outdated) - len(unnamed) - len(unread)
        closed = f" ({plural(named, 'other is', 'others are')} named as fixed)" if named else ""
        return failed(
            f"the versions are older than the fixes for {_ids(unnamed)}, and the package change logs do "
            f"not name them{closed}",
            table,
            evidence=evidence,
            gives=rated(min(Severity.MEDIUM, worst_of(unnamed))),
            commands=(
                "# look them up in the distribution's security tracker, and update the packages",
            ),
        )
    if unread:
        why = unread[0].repair.reason if isinstance(unread[0].repair, Unread) else ""
        return unknown(
            f"the versions are older than the fixes for {_ids(unread)}; the distribution may have fixed its "
            f"packages without a new version number, and {why}",
            table,
            evidence,
        )
    fixes = plural(len(facts.outdated), "fix", "fixes")
    reason = f"the package change logs name {fixes} that the version numbers do not show"
    return passed(
        table,
        evidence=evidence,
        reason=reason if facts.outdated else "",
    )


def _is_named(component: OutdatedComponent) -> bool:
    return isinstance(component.repair, str) and component.repair != ""


def worst_of(outdated: list[OutdatedComponent]) -> Severity:
    """The severity of the worst of these outdated."""
    return max(Severity.parse(component.advisory.severity) for component in outdated)


def _ids(outdated: list[OutdatedComponent]) -> str:
    ids = sorted({component.advisory.cve for component in outdated})
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f"{', '.join(ids[:5])}{more}"


def _evidence(component: OutdatedComponent) -> Evidence:
    advisory = component.advisory
    fixed = " or ".join(advisory.fixed)
    log = (
        f"; its change log: {component.repair}"
        if component.repair and isinstance(component.repair, str)
        else ""
    )
    return Evidence(
        f"{advisory.component} {component.installed}", f"{advisory.cve}, fixed in {fixed}{log}"
    )
