"""End-of-life distribution in the image.

What it checks:
Which distribution release the image is based on, and whether its support has ended, according to a table
that ships with HardenTUI. For a release that the table does not list, the answer is unknown.

Why it matters:
After end of life, a release gets no fixes, no matter how serious the vulnerability, and many scanners then
report nothing for it: the image looks clean only because nobody writes advisories for it any more. Every
update of the service rests on a foundation that is no longer maintained.

What may break:
A new release brings new versions of libraries and language runtimes, so the service must be rebuilt and
tested. Databases may need a manual migration of their data. Plan the move before the date, not after it.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.image import ImageInventory
from hardentui.reading.end_of_life import DATED, end_of, rolling
from hardentui.reading.images import gap, inventory_of


def evaluate(facts: ContainerFacts) -> Verdict:
    inventory = inventory_of(facts)
    if isinstance(inventory, Verdict):
        return inventory
    release = inventory.release
    if not release.get("ID"):
        return gap(inventory) or not_applicable("the image contains no distribution (no os-release file)")
    name = visible(release.get("PRETTY_NAME") or f"{release['ID']} {release.get('VERSION_ID', '')}", 80)
    evidence = (Evidence("/etc/os-release in the image", name),)
    if rolling(release):
        return passed(name, evidence=evidence, reason="a rolling release")
    end = end_of(release)
    if end is None:
        return unknown(f"this release is not in the table of {DATED:%Y-%m-%d}", name, evidence)
    if facts.now.date() > end:
        return failed(f"support ended on {end:%Y-%m-%d}", name, evidence=evidence)
    return passed(f"{name}, supported until {end:%Y-%m-%d}", evidence=evidence)


def _image(identity: str, version: str) -> ImageFacts:
    return image(inventory=ImageInventory(release={"ID": identity, "VERSION_ID": version}))


CHECK = Check(
    title="End-of-life distribution in image",
    severity=Severity.HIGH,  # known holes stay open: the next exploit is ordinary
    scope=Kind.IMAGE,
    summary="Rebuild the image on a supported release",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (container(image=_image("debian", "13")), container(image=_image("wolfi", "20230201"))),
    fails=lambda: (container(image=_image("debian", "9")), container(image=_image("alpine", "3.16.2"))),
    references=("CIS Docker 1.6 4.4", "NIST SP 800-190 4.1.1"),
    catalogue="S1-06",
)
