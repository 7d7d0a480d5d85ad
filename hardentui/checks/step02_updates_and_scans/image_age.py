"""How old the image is, and whether a newer one is there."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta

from hardentui.checks.prelude import *
from hardentui.model.image import RegistryDigest, parse_time
from hardentui.reading.images import (
    Reference,
    created,
    image_name,
    image_of,
    is_image_id,
    need_image,
    reference,
    refuse_where_updated,
)

_FLOATING = (
    *("latest", "stable", "main", "master", "edge", "nightly", "rolling"),
    *("dev", "develop", "lts", "canary", "unstable"),
)


def _moves(tag: str, floating: tuple[str, ...]) -> bool:
    """Whether a tag is a floating word, alone or with words that are no version: `stable-alpine`."""
    words = tag.split("-")
    return any(word in floating for word in words) and not any(map(_OF_VERSION.match, words))


_OF_VERSION = re.compile(r"v?\d")


def _fix_mutable_image_tag(spec: Spec, context: FixContext) -> Spec:
    if (
        mutable_image_tag.verdict(
            context.facts.planned(spec),
            context.parameters,
        ).status
        is not Status.FAIL
    ):
        return spec
    refuse_where_updated(spec)
    name = spec[IMAGE] or context.facts.image_name
    full = reference(context.facts.image_name or name)
    floats = not full.tag or full.tag in context.parameters.texts("floating")
    tag = "" if floats else f":{full.tag}"  # a bot that moves the digest reads it
    return spec.with_(IMAGE, f"{full.name}{tag}@{_digest(context.facts, full)}")


_DIGEST = "sha256:" + "d" * 64

_IMAGE = image(inspect={"RepoDigests": [f"docker.io/library/nginx@{_DIGEST}"]})

_FULL = {"ImageName": "docker.io/library/nginx:latest", "ImageDigest": _DIGEST}


@Check(
    # the name may mean another image tomorrow; signatures and digests are the defence
    gives=Gain.ENTRY.after(3),
    scope=Kind.IMAGE,
    summary="Refer to the image by digest",
    risk=Risk.DECISION,
    remediate=_fix_mutable_image_tag,
    parameters={"floating": _FLOATING, "digests": False},
    passes=(
        "docker.io/library/nginx:1.29.3",
        "docker.io/library/nginx:1.29@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
    ),
    fails=lambda: (
        container(
            "nginx",
            inspect=_FULL,
            image=_IMAGE,
        ),
        container(
            "docker.io/library/nginx:latest",
            inspect=_FULL,
            image=_IMAGE,
        ),
    ),
    references=(
        "CIS Docker 1.6 5.28",
        "OWASP Docker rule 13",
        "CSVS 3.6",
        "Dockle DKL-DI-0006",
    ),
)
def mutable_image_tag(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Image uses a moving tag.

    What it checks:
    Whether the image is named without a digest, and without a tag or with a floating one (parameter
    `floating`: `latest` and similar). With the parameter `digests`, every tag counts: its owner can
        move it.

    Why it matters:
    `latest` is whatever was pushed last. The same unit file starts one program today and another
    one after the next pull, so nobody can say what runs, go back to yesterday's version, or tell
    whether someone replaced the image. An attacker who takes over a maintainer's account needs a
    single push to reach everyone who follows a floating tag.

    What may break:
    Nothing right away: the digest names exactly the image that runs now. After that, updates no
    longer arrive by themselves, and automatic updates from the registry find nothing new: someone
    has to update the digest (see no-update-path). To keep receiving small updates, use a version
    tag instead.
    """
    need_image(facts)
    if facts.inspect.get("IsInfra"):
        return not_applicable("Podman chooses the image of a pod's infra container")
    name = image_name(facts)
    if not name:
        return unknown("the name of the image is not known")
    parts = reference(name)
    if parts.digest or is_image_id(name):
        return passed(name, reason="a digest identifies exactly one image")
    if not parts.tag:
        return failed("no tag means latest", name)
    if _moves(parts.tag, parameters.texts("floating")):
        return failed(f"the tag {parts.tag} moves with every push", name)
    if parameters.values["digests"] and not parts.local:
        return failed(f"the owner of the tag {parts.tag} can move it", name)
    return passed(name)


def _digest(facts: ContainerFacts, full: Reference) -> str:
    """The digest of the running image in its registry."""
    if full.local or not full.host:
        raise CannotFix(
            "the image was built or loaded on this machine, so no registry knows its digest",
            "Push it to a registry, or give it a version tag.",
        )
    recorded = known(lambda: facts.image.inspect.get("RepoDigests"), else_=()) or ()
    names = [str(name).partition("@") for name in recorded]
    digests = [digest for name, _, digest in names if name == full.name]
    pulled = str(facts.inspect.get("ImageDigest") or "")
    if pulled in digests:
        return pulled
    if not digests:
        raise CannotFix(
            "the image's digest in the registry is not known",
            "Pull the image again, or use a version tag.",
        )
    return digests[0]


@Check(
    gives=Gain.ENTRY.after(2),  # weeks of fixes are missing
    scope=Kind.IMAGE,
    summary="Pull or rebuild the image and recreate the container",
    parameters={"days": 90},
    passes=lambda: (container(image=_built("2025-12-20T10:00:00.123456789Z")),),
    fails=lambda: (container(image=_built("2025-06-01T10:00:00Z")),),
    references=("CIS Docker 1.6 4.4",),
)
def old_image(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """Image built long ago.

    What it checks:
    Whether the image was built longer ago than the parameter `days`. Reproducible builds set a
    fixed date, which says nothing about the age; then the answer is unknown.

    Why it matters:
    An image does not update itself. Everything that was discovered since the build is still in it.
    If there has been no new build for three months, either nobody maintains the image any more, or
    nobody here pulls it.

    What may break:
    A newer image may behave differently; read its release notes and try it on a twin. Rebuild your
    own images even if their source did not change, because the base image below them did.
    """
    image = image_of(facts)
    built = created(image)
    if built is None:
        return unknown("the build date of the image is not known (missing or fixed)")
    evidence = (Evidence("image, Created", f"{built.date()}"),)
    age = max((facts.now - built).days, 0)
    if facts.now - built > timedelta(days=parameters.integer("days")):
        return failed(f"built {age} days ago", evidence=evidence)
    return passed(f"built {age} days ago", evidence=evidence)


def _built(date: str) -> ImageFacts:
    return image(inspect={"Created": date})


_OTHER = "sha256:" + "e" * 64


@Check(
    gives=Gain.ENTRY.after(2),  # fixes are published and not in use
    scope=Kind.IMAGE,
    summary="Pull the image and recreate the container",
    parameters={"days": 7, "cool_down": 3},
    passes=lambda: (_registry_has(_DIGEST), _registry_has(_OTHER, days=1)),
    fails=lambda: (_registry_has(_OTHER),),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.2.2"),
)
def outdated_tag(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Newer image in the registry.

    What it checks:
    Whether the registry still serves the same image under the name that the container uses. The
    registry is queried by `hardentui images --updates` (with skopeo, nothing is pulled); an answer
    that is older than the parameter `days` does not count. A new image counts once `cool_down` days
    have passed since it was first seen. Images built here (`localhost/…`) have no registry, and
    names with a digest cannot change.

    Why it matters:
    Maintainers fix vulnerabilities by publishing a new image under the old name. Until someone
    pulls it, the fix is everywhere but here.

    What may break:
    The new image may behave differently; try it on a twin. If you want to approve every update, pin
    the digest instead, and decide who updates it (see no-update-path).
    """
    name = facts.image_name
    image = image_of(facts)
    if not name or reference(name).local:
        return not_applicable("the image was built on this machine, so no registry has a newer one")
    if reference(name).digest or is_image_id(name):
        return not_applicable("the image is pinned by digest, which cannot change")
    answer = facts.registry_digest
    age = (facts.now - answer.asked).days
    if age > parameters.integer("days"):
        return unknown(
            f"last checked {age} days ago",
            name,
            do=Do(Verb.IMAGE_UPDATES),
        )
    known = _digests(facts, image)
    if not known:
        return unknown("the digest of the running image is not known", name)
    evidence = (
        Evidence("registry", answer.digest),
        Evidence("first seen", f"{answer.first_seen:%Y-%m-%d}"),
    )
    if answer.digest not in known:
        cool_down = timedelta(days=parameters.integer("cool_down"))
        if facts.now - answer.first_seen < cool_down:
            until = answer.first_seen + cool_down
            return passed(
                name,
                evidence=evidence,
                reason=f"a newer image is available; fails from {until:%Y-%m-%d} on",
            )
        commands = (
            f"podman pull {shlex.quote(name)}",
            "# then recreate the container",
        )
        return failed(
            "the registry has another image with this name", name, "", evidence, commands=commands
        )
    return passed(name, evidence=evidence)


def _digests(facts: ContainerFacts, image: ImageFacts) -> set[str]:
    """All digests of the image: of the multi-architecture list and of the image that was pulled."""
    repo_digests = (str(name).partition("@")[2] for name in image.inspect.get("RepoDigests") or ())
    digests = {
        *repo_digests,
        str(facts.inspect.get("ImageDigest") or ""),
        str(image.inspect.get("Digest") or ""),
    }
    return digests - {""}


_NAME = "docker.io/library/nginx:1.29"

_NOW = datetime(
    2026,
    1,
    1,
    tzinfo=UTC,
)


def _registry_has(digest: str, days: int = 4) -> ContainerFacts:
    answer = RegistryDigest(
        digest,
        _NOW,
        _NOW - timedelta(days=days),
    )
    return container(
        inspect={"ImageName": _NAME},
        image=_IMAGE,
        registry_digest=answer,
    )


_STOPPED = ("exited", "stopped", "dead", "created", "configured", "initialized")


@Check(
    gives=Gain.ITSELF.after(1),  # nothing runs
    summary="Remove the container after checking what it wrote",
    parameters={"days": 30},
    passes=lambda: (container(inspect=_ended("2025-12-24T08:00:00Z")),),
    fails=lambda: (
        container(inspect=_ended("2025-10-01T08:00:00Z")),
        container(
            inspect={
                "State": {"Status": "created"},
                "Created": "2025-01-01T00:00:00Z",
            }
        ),
    ),
    references=("CIS Docker 1.6 6.2", "CSVS 4.8"),
)
def stale_container(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Container stopped long ago.

    What it checks:
    Whether the container exited, or was created and never started, longer ago than the parameter
    `days`.

    Why it matters:
    A forgotten container keeps its image and volumes: old vulnerabilities, old data, old
    credentials in its settings. A `podman start --all` or a restart policy brings it back years
    later, with every vulnerability discovered since. And among many dead containers, nobody notices
    one that does not belong there.

    What may break:
    Removing it deletes everything that it wrote outside volumes (`podman diff` shows the changes).
    Its volumes stay unless you remove them too.
    """
    if not facts.inspect:
        return unknown("the container's state could not be inspected")
    if facts.running or facts.state not in _STOPPED:
        return not_applicable("the container is in use")
    state = facts.inspect.get("State") or {}
    since = parse_time(state.get("FinishedAt")) or parse_time(facts.inspect.get("Created"))
    if since is None:
        return unknown("it is not known when the container stopped")
    evidence = (
        Evidence(
            "State.FinishedAt" if state.get("FinishedAt") else "Created",
            f"{since.date()}",
        ),
    )
    age = (facts.now - since).days
    if facts.now - since > timedelta(days=parameters.integer("days")):
        name = shlex.quote(facts.name)
        commands = (
            f"podman diff {name}",
            f"podman export -o {name}.tar {name}",
            f"podman rm {name}",
        )
        return failed(
            f"not running for {age} days", facts.state, evidence=evidence, commands=commands
        )
    return passed(facts.state, evidence=evidence)


def _ended(date: str) -> dict[str, object]:
    return {
        "State": {"Status": "exited", "FinishedAt": date},
        "Created": "2025-01-01T00:00:00Z",
    }


@Check(
    gives=Gain.ITSELF.after(1),  # nothing runs
    summary="Remove the image",
    parameters={"days": 30},
    passes=lambda: (
        image(
            inspect={"Created": "2025-01-01T00:00:00Z"},
            names=("db:1",),
            used_by=("db",),
        ),
        image(
            inspect={"Created": "2025-12-30T00:00:00Z"},
            names=("db:1",),
        ),
    ),
    fails=lambda: (
        image(inspect={"Created": "2025-01-01T00:00:00Z"}),
        image(
            inspect={"Created": "2025-01-01T00:00:00Z"},
            names=("db:1",),
        ),
    ),
    references=("CIS Docker 1.6 6.1", "CSVS 4.8"),
)
def stale_image(facts: ImageFacts, parameters: Parameters) -> Verdict:
    """Old image not in use.

    What it checks:
    Whether an image that no container uses was built longer ago than the parameter `days`.

    Why it matters:
    An unused old image is a trap: a mistyped name or a missing tag starts it, with every
    vulnerability discovered since. It takes up disk space and may contain forgotten credentials.
    The fewer images there are, the more an unknown one stands out.

    What may break:
    If no registry has the image any more, removing it cannot be undone. Check the list first, and
    keep the image that you would go back to after a failed update. Images for timers and batch jobs
    are unused between runs.
    """
    if facts.used_by:
        return passed(f"used by {plural(len(facts.used_by), 'container')}")
    built = created(facts)
    if built is None:
        return unknown("no container uses it, but its age is not known")
    evidence = (Evidence("image, Created", f"{built:%Y-%m-%d}"),)
    if facts.now - built <= timedelta(days=parameters.integer("days")):
        return passed("unused, but new", evidence=evidence)
    what = "no container uses it" if facts.names else "it has no name, and no container uses it"
    age = (facts.now - built).days
    image = shlex.quote(facts.id[:12])
    made_here = any(name.startswith("localhost/") for name in facts.names)  # no registry has it
    save = (f"podman image save -o {image}.tar {image}",) if made_here else ()
    commands = (*save, f"podman image rm {image}")
    return failed(
        f"{what}, built {age} days ago",
        evidence=evidence,
        commands=commands,
    )


_INSPECT = {"ImageName": _NAME, "Image": "a" * 64}


@Check(
    gives=Gain.ENTRY.after(2),  # fixes are on this host and not in use
    scope=Kind.IMAGE,
    summary="Recreate the container from the image its name refers to today",
    passes=lambda: (
        container(
            inspect=_INSPECT,
            image_ids={_NAME: "sha256:" + "a" * 64},
        ),
    ),
    fails=lambda: (
        container(
            inspect=_INSPECT,
            image_ids={_NAME: "b" * 64},
        ),
    ),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.2.2"),
)
def superseded_image(facts: ContainerFacts) -> Verdict:
    """Newer image pulled but not in use.

    What it checks:
    Whether the container's image name still refers to the image that it was created from, on this
    engine. Names with a digest and bare image IDs cannot change and pass.

    Why it matters:
    Pulling an image does not change running containers: they keep the old files until they are
    recreated. After updating an image it is easy to believe that a vulnerability is fixed, while
    the vulnerable program runs on for months.

    What may break:
    The new image may behave differently. Recreate the container through its unit or compose file,
    so that no setting is lost, and try it on a twin first.
    """
    need_own_program(facts)
    name = facts.image_name
    running = str(facts.inspect.get("Image") or "").removeprefix("sha256:")
    if facts.spec[ROOTFS] or not name or not running:
        return not_applicable("the container was not created from a named image")
    if reference(name).digest or is_image_id(name):
        return passed(name, reason="this name cannot change to another image")
    now = facts.image_ids.get(name, "").removeprefix("sha256:")
    if not now:
        return unknown("no image on this engine has this name anymore", name)
    evidence = (
        Evidence("runs", running[:12]),
        Evidence(name, now[:12]),
    )
    if now != running:
        unit = facts.labels.get("PODMAN_SYSTEMD_UNIT")
        commands = (
            (f"systemctl restart {shlex.quote(unit)}",) if unit else ("# recreate the container",)
        )
        return failed(
            "a newer image with this name has been pulled",
            name,
            evidence=evidence,
            commands=commands,
        )
    return passed(name, evidence=evidence)
