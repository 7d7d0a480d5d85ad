"""Credential files in the image.

What it checks:
Whether a layer of the image contains a private key (under any name) or a file in which tools keep credentials
(cloud, git, npm, Python packages, registries). Files deleted by a later layer count too: they are hidden, not
gone. Values are never shown.

Why it matters:
Anyone who can pull the image can read every layer of it without running anything. Deleting a file in the
next line of the Containerfile only hides it. Attackers scan public registries for exactly this, around the
clock; a cloud key found in an image is used within minutes.

What may break:
The program needs its credential from somewhere else: an engine secret at run time (`--secret`), or `podman
build --secret` at build time. Revoke the old credential first; assume that it is known.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.reading.images import file_evidence, listed_files, names


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    files = listed_files(facts, lambda image: image.credentials, parameters.texts("allowed"))
    if isinstance(files, Verdict):
        return files
    deleted = sum(file.deleted for file in files)
    reason = f"{plural(len(files), 'file')}: {names(files)}"
    if deleted:
        reason += f"; {deleted} deleted in a later layer, which only hides them"
    return failed(reason, plural(len(files), "file"), evidence=file_evidence(files))


def _image(*files: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(credentials=files))


CHECK = Check(
    title="Credential file in an image layer",
    severity=Severity.HIGH,  # whoever pulls the image has the credential; what it opens is one step further
    scope=Kind.IMAGE,
    summary="Revoke the credential, rebuild the image without it and pass it as a secret",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_image()),),
    fails=lambda: (
        container(image=_image(ImageFile("/root/.aws/credentials", "cloud credentials", 4))),
        container(image=_image(ImageFile("/root/.ssh/id_ed25519", "private key", 2, deleted=True))),
    ),
    references=("CIS Docker 1.6 4.10", "NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
    catalogue="S1-04",
)
