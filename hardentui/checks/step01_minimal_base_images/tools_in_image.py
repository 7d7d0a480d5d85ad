"""Tools in the image that the service does not need.

What it checks:
Whether the image of a service contains package managers, compilers, debuggers or network clients. A failure
shows which base image is used and sketches a smaller image.

Why it matters:
The first thing an intruder does is look for tools: a compiler to build the next exploit, a package manager
to install more, a network client to look around and to send data out. A service that only runs needs none
of them. Without them, an intruder has to bring everything along, which is harder and noisier. And a tool
that is not there needs no updates.

What may break:
People who are used to working inside the container miss their tools: debug from outside, or attach a second
container with tools to its namespaces. Entrypoint scripts that call `curl` or `apk` at startup have to do
without.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.prelude import *
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.reading.base_images import sketch
from hardentui.reading.images import file_evidence, gap, image_of, inventory_of, names


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    image, inventory = image_of(facts), inventory_of(facts)
    if isinstance(image, Verdict):
        return image
    if isinstance(inventory, Verdict):
        return inventory
    allowed = set(parameters.texts("allowed"))
    tools = [
        tool for tool in inventory.tools if not tool.deleted and tool.path.rpartition("/")[2] not in allowed
    ]
    if tools:
        labels = image.config.get("Labels") or {}
        return failed(
            f"the image contains {names(tools)}",
            plural(len(tools), "tool"),
            evidence=file_evidence(tools),
            commands=sketch(replace(inventory, tools=tuple(tools)), labels, _program(image)),
        )
    return gap(inventory) or passed("no tools found")


def _program(image: ImageFacts) -> str:
    """The program that the image starts, if it is given with its full path."""
    words = image.config.get("Entrypoint") or image.config.get("Cmd") or ()
    first = str(words[0]) if isinstance(words, list) and words else ""
    return first if first.startswith("/") else ""


def _image(*tools: ImageFile) -> ImageFacts:
    return image(inventory=ImageInventory(tools=tools))


CHECK = Check(
    title="Unneeded tools in image",
    severity=Severity.LOW,  # convenient for an intruder, not a way in
    scope=Kind.IMAGE,
    summary="Build the image in two stages, on a base without tools",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=lambda: (container(image=_image()),),
    fails=lambda: (
        container(
            image=_image(ImageFile("/usr/bin/apt-get", "package manager apt-get", 1, kind="package manager"))
        ),
    ),
    references=("CIS Docker 1.6 4.3", "NIST SP 800-190 4.1.2"),
    catalogue="S1-01",
)
