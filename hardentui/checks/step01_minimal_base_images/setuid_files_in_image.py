"""Files in the image that give extra privileges to whoever runs them.

What it checks:
Whether the image contains files with the setuid or setgid bit or with file capabilities, other than those
allowed in the checklist (parameter `allowed`, a list of paths). If the container runs with
no-new-privileges and without capabilities, they have no effect, and the severity is low.

Why it matters:
Running a service as an ordinary user is a good barrier, and each of these programs is a door in it: it runs
as root, or with a capability, no matter who starts it. `su`, `mount` and `newuidmap` come with most base
images, and a single bug in one of them turns a small vulnerability into root in the container.

What may break:
Programs that need the bit: `ping` on old base images, `sudo` in entrypoint scripts, some mail and print
servers. Remove the bits in the Containerfile (`RUN chmod a-s …`); until then, no-new-privileges makes them
harmless.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.prelude import *
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.options import CAP_ADD, CAP_DROP, NO_NEW_PRIVILEGES
from hardentui.reading.images import file_evidence, listed_files, names


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    files = listed_files(
        facts, lambda image: image.privileged_files, parameters.texts("allowed"), deleted=False
    )
    if isinstance(files, Verdict):
        return files
    harmless = _harmless(facts)
    reason = f"{plural(len(files), 'file')}: {names(files)}"
    if harmless:
        reason += "; no effect here, with no-new-privileges and without capabilities"
    severity = Severity.LOW if harmless else None
    return failed(reason, plural(len(files), "file"), evidence=file_evidence(files), severity=severity)


def _harmless(facts: ContainerFacts) -> bool:
    dropped = any(name.lower() == "all" for name in facts.spec[CAP_DROP])
    return facts.spec[NO_NEW_PRIVILEGES] and dropped and not facts.spec[CAP_ADD]


def _image(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(privileged_files=files))


_SU = ImageFile("/usr/bin/su", "setuid root", 1)

CHECK = Check(
    title="Setuid, setgid or capability files in image",
    severity=Severity.LOW,  # in every distribution's image; no-new-privileges takes their effect away
    scope=Kind.IMAGE,
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
