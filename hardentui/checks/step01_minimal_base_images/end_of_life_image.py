"""The distribution in the image is no longer repaired.

What it checks:
Which release of which distribution the image is built on, and whether its support had ended when it was
read, by a table that HardenTUI brings along. A release that the table does not know gives no answer.

Why it matters:
After its end a release gets no repairs, however serious a vulnerability is, and many scanners then report
nothing for it: an image that looks clean because nobody writes advisories for it any more. Every update of
the service on top builds on ground that is no longer looked after.

What may break:
A new release brings new versions of libraries and of the language; the service must be built and tested
anew. Data of a database may have to be converted by hand. Plan it before the date, not after.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import (
    Evidence,
    FixKind,
    Risk,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    unknown,
)
from hardentui.model.image import ImageInventory
from hardentui.reading.end_of_life import DATED, end_of, rolling
from hardentui.reading.images import gap, inventory_of
from hardentui.visible import visible


def evaluate(facts: ContainerFacts) -> Verdict:
    found = inventory_of(facts)
    if isinstance(found, Verdict):
        return found
    release = found[1].release
    if not release.get("ID"):
        return gap(found[1]) or not_applicable("the image holds no distribution (it has no os-release)")
    name = visible(release.get("PRETTY_NAME") or f"{release['ID']} {release.get('VERSION_ID', '')}", 80)
    evidence = (Evidence("/etc/os-release of the image", name),)
    if rolling(release):
        return passed(name, evidence=evidence, reason="this distribution is renewed all the time")
    end = end_of(release)
    if end is None:
        return unknown(f"the table of {DATED:%Y-%m-%d} does not know this release", name, evidence)
    if facts.now.date() > end:
        return failed(f"its support ended on {end:%Y-%m-%d}", name, evidence=evidence)
    return passed(f"{name}, supported until {end:%Y-%m-%d}", evidence=evidence)


def _image(identity: str, version: str) -> ImageFacts:
    return ImageFacts(id="1" * 64, inventory=ImageInventory(release={"ID": identity, "VERSION_ID": version}))


CHECK = Check(
    title="End-of-life distribution in image",
    severity=Severity.HIGH,
    summary="Rebuild the image on a supported release",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (container(image=_image("debian", "13")), container(image=_image("wolfi", "20230201"))),
    fails=lambda: (container(image=_image("debian", "9")), container(image=_image("alpine", "3.16.2"))),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
    catalogue="S1-06",
)
