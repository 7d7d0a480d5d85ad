"""Programs in the image that lend their rights to whoever starts them.

What it checks:
Whether the image holds files with the setuid or setgid bit or with file capabilities, other than those
allowed in the checklist (parameter `allowed`, a list of paths). Where the container runs with
no-new-privileges and without any capability, they have no effect, and the finding is only a low one.

Why it matters:
A service that runs as an ordinary user is a good wall, and each of these programs is a door in it: started
by anybody, it runs as root or with a capability. `su`, `mount` and `newuidmap` come with most base images,
and one mistake in one of them turns a small vulnerability into root in the container.

What may break:
Programs that need the bit: `ping` on old bases, `sudo` in entry scripts, some mail and print servers.
Remove the bits in the Containerfile (`RUN chmod a-s …`); until then no-new-privileges makes them harmless.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.examples import container
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import FixKind, Risk, Severity, Verdict, failed, passed
from hardentui.model.image import FoundFile, ImageInventory
from hardentui.options import CAP_ADD, CAP_DROP, NO_NEW_PRIVILEGES
from hardentui.reading.images import file_evidence, gap, inventory_of, names
from hardentui.words import plural


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    found = inventory_of(facts)
    if isinstance(found, Verdict):
        return found
    inventory = found[1]
    allowed = set(parameters.texts("allowed"))
    files = [file for file in inventory.privileged_files if not file.deleted and file.path not in allowed]
    if not files:
        return gap(inventory) or passed("none found")
    harmless = _harmless(facts)
    reason = f"{plural(len(files), 'file')}: {names(files)}"
    if harmless:
        reason += "; they have no effect under no-new-privileges without capabilities"
    severity = Severity.LOW if harmless else None
    return failed(reason, plural(len(files), "file"), evidence=file_evidence(files), severity=severity)


def _harmless(facts: ContainerFacts) -> bool:
    dropped = any(name.lower() == "all" for name in facts.spec[CAP_DROP])
    return facts.spec[NO_NEW_PRIVILEGES] and dropped and not facts.spec[CAP_ADD]


def _image(*files: FoundFile) -> ImageFacts:
    return ImageFacts(id="1" * 64, inventory=ImageInventory(privileged_files=files))


_SU = FoundFile("/usr/bin/su", "setuid root", 1)

CHECK = Check(
    title="Setuid, setgid or capability files in image",
    severity=Severity.HIGH,
    summary="Rebuild the image without setuid bits and file capabilities",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_image()), container(image=_image(replace(_SU, deleted=True)))),
    fails=lambda: (
        container(image=_image(_SU)),
        container((NO_NEW_PRIVILEGES, True), (CAP_DROP, ("all",)), image=_image(_SU)),
    ),
    references=("CIS Docker 1.6 4.8", "NIST SP 800-190 4.1.2", "OWASP Docker rule 4"),
    catalogue="S1-02",
)
