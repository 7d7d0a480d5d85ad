"""The container has more capabilities than its image declares.

What it checks:
Images can declare the capabilities that they need in the label io.containers.capabilities. If one does, it is
compared with what the container has. Podman narrows the set by itself if it can; it does not in privileged
mode, or if the image asks for something that is not granted by default.

Why it matters:
The people who built the image know what the program needs. Everything beyond that helps only an intruder.

What may break:
Extra tools that ran in the container besides the service may have used the difference. If the label is wrong
or outdated, the service itself misses something: a trial shows it.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.capabilities import capability_name
from hardentui.model.facts import CapabilitySets
from hardentui.model.known import Unread, known
from hardentui.options import CAP_ADD, CAP_DROP, PRIVILEGED
from hardentui.options.table import bounding_set, with_only
from hardentui.reading.behaviour import about_dropping
from hardentui.reading.capabilities import (
    declared_set,
    declared_words,
    effective_words,
    live_sets,
    needed_by_image,
    reach,
    refuse_privileged,
    short,
)
from hardentui.reading.capabilities import granted as granted_now


def evaluate(facts: ContainerFacts) -> Verdict:
    needed = needed_by_image(facts)
    if not needed:
        image = known(lambda: facts.image)
        if isinstance(image, Unread) and not is_infra(facts):
            return unknown(f"the image may declare what it needs, but {image.reason}")
        return not_applicable("the image does not declare what it needs; a trial can find out")
    more = granted_now(facts) - needed
    return judge(
        live_sets(facts),
        lambda sets: (bool(reach(sets) - needed), effective_words(sets)),
        declared_bad=bool(declared_set(facts) - needed),
        declared=f"{declared_words(facts)}; the image needs {short(needed)}",
        reason=f"not needed: {short(more)}",
        where=proc(facts),
    )


def remediate(spec: Spec, context: FixContext) -> Spec:
    refuse_privileged(spec)
    needed = needed_by_image(context.facts)
    seen = context.observations.get("capabilities")
    wanted = needed if seen is None else frozenset(capability_name(word) for word in seen)
    bounding = bounding_set(spec, context.facts.engine.default_capabilities)
    return with_only(spec, bounding & wanted) if bounding - wanted else spec


def _image(needs: str) -> ImageFacts:
    return image(inspect={"Config": {"Labels": {"io.containers.capabilities": needs}}})


_WIDE = CapabilitySets(bounding=frozenset({"CAP_SETUID", "CAP_SYS_NICE", "CAP_CHOWN"}))

CHECK = Check(
    title="More capabilities than the image asks for",
    severity=Severity.LOW,  # default-capabilities-kept and the trial say it better
    summary="Drop the capabilities that the image does not need",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=about_dropping,
    passes=lambda: (
        container(image=_image("setuid,setgid")),
        container((CAP_DROP, ("all",)), (CAP_ADD, ("SYS_NICE",)), image=_image("SYS_NICE,SETUID")),
    ),
    fails=lambda: (
        container(image=_image("SYS_ADMIN,SETUID")),
        container(image=_image("SYS_NICE,SETUID"), kernel=Kernel(7, capabilities=_WIDE)),
        container((PRIVILEGED, True), image=_image("SETUID")),
    ),
    references=("CIS Docker 1.6 5.4", "OWASP Docker rule 3"),
    catalogue="S8-06",
)
