"""World-writable files in the image.

What it checks:
Whether the image contains world-writable files, or world-writable directories without the sticky bit,
outside `/tmp`, `/var/tmp` and `/dev/shm`.

Why it matters:
In a good image, the service runs as its own user and can change nothing but its data. A world-writable file
is the gap: a script that root runs later, a library, a page that the web server delivers. Whoever takes over
the service can change what runs next.

What may break:
Services that write to such a place need it to have the right owner, or a volume. With a read-only root
filesystem, the files cannot be changed at all, which helps until the image is rebuilt.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.options import READ_ONLY
from hardentui.reading.images import file_evidence, listed_files


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    files = listed_files(
        facts, lambda image: image.world_writable, parameters.texts("allowed"), deleted=False
    )
    if isinstance(files, Verdict):
        return files
    harmless = facts.spec[READ_ONLY]
    reason = plural(len(files), "world-writable file or directory", "world-writable files or directories")
    if harmless:
        reason += "; protected for now by the read-only root"
    severity = Severity.LOW if harmless else None
    return failed(reason, plural(len(files), "file"), evidence=file_evidence(files), severity=severity)


def _image(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(world_writable=files))


CHECK = Check(
    title="World-writable files in image",
    severity=Severity.LOW,  # matters only to a second user inside
    scope=Kind.IMAGE,
    summary="Give the files an owner and remove write permission for others in the build",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_image()),),
    fails=lambda: (
        container(image=_image(ImageFile("/app/start.sh", "file", 3))),
        container((READ_ONLY, True), image=_image(ImageFile("/app/start.sh", "file", 3))),
    ),
    references=("NIST SP 800-190 4.1.2",),
    catalogue="S1-09",
)
