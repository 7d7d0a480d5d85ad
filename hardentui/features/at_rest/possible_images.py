"""The image of a service whose file does not hold it: the best that it may be, and the worst."""

from __future__ import annotations

from functools import cache

from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.known import known
from hardentui.options import PUBLISH, Port
from hardentui.reading.containers import known_application


def image_of(facts: ContainerFacts, *, best: bool) -> ImageFacts:
    """The best image or the worst; of a known application, with its own user and health check."""
    image = _best_image(known(lambda: facts.spec[PUBLISH], else_=())) if best else _worst_image()
    application = known_application(facts)
    if application is None:
        return image
    config = {**image.config}
    if not application.any_tag or application.user.image:
        config["User"] = application.user.image
    config.pop("Healthcheck", None)
    if application.health.in_image:
        config["Healthcheck"] = {"Test": ["CMD", application.health.command or "of-the-image"]}
    return ImageFacts("0" * 64, {**image.inspect, "Config": config})


def _best_image(ports: tuple[Port, ...]) -> ImageFacts:
    """One with a user and a health check of its own, that exposes what is published."""
    config = {
        "User": "1000:1000",
        "Healthcheck": {"Test": ["CMD", "/healthy"]},
        "ExposedPorts": {f"{port.container}/{port.protocol or 'tcp'}": {} for port in ports},
    }
    return ImageFacts(
        "0" * 64,
        {
            "Config": config,
            "RepoDigests": [f"example.org/app@sha256:{'0' * 64}"],
        },
    )


@cache
def _worst_image() -> ImageFacts:
    """One that is run as root, without a health check, and steers the runtime."""
    labels = {"io.containers.capabilities": "CHOWN"}
    config = {"User": "", "Volumes": {"/data": {}}, "Labels": labels}
    return ImageFacts(
        "0" * 64,
        {
            "Config": config,
            "Annotations": {"run.oci.hooks.stderr": "/x"},
        },
    )
