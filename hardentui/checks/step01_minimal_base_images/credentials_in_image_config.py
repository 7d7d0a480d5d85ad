"""A credential stands in the configuration or the history of the image.

What it checks:
Whether the environment, the labels or the build history of the image hold a value that is named like a
credential or looks like one: passwords, tokens, keys, addresses with a password. Build arguments and the
commands of the build count. Values are never shown.

Why it matters:
This text is part of the image, in clear, for everybody who can pull it; `podman history` is enough to read
it. It is copied into every container, into crash reports and into the logs of the build. Build arguments
look as if they were gone after the build, and are written into its history.

What may break:
The program needs the value from somewhere else: a secret of the engine when it starts (`--secret`), or
`podman build --secret` while it is built. Make the old value worthless first; it is known.
"""

from __future__ import annotations

from functools import lru_cache

from hardentui.checks.examples import container
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts, ImageFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed, unknown
from hardentui.model.known import Unreadable
from hardentui.reading.command_line_secrets import secrets_in_words
from hardentui.reading.images import image_of, steps_of
from hardentui.reading.secrets import secrets_in_pairs
from hardentui.visible import visible
from hardentui.words import plural


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    allowed = set(parameters.texts("allowed"))
    labels = image.config.get("Labels") or {}
    evidence = [
        *_pairs("image, Env", tuple(str(pair) for pair in image.config.get("Env") or ()), allowed),
        *_pairs("image, Labels", tuple(f"{name}={value}" for name, value in labels.items()), allowed),
    ]
    if not isinstance(image.history, Unreadable):
        evidence += _in_steps(steps_of(image.history))
    if evidence:
        places = ", ".join(sorted({one.where for one in evidence}))
        return failed(
            f"credentials in {places}", plural(len(evidence), "value"), evidence=tuple(evidence[:12])
        )
    if isinstance(image.history, Unreadable):
        return unknown(f"the history of the image is not known: {image.history.reason}")
    return passed("none found")


def _pairs(where: str, pairs: tuple[str, ...], allowed: set[str]) -> list[Evidence]:
    found = secrets_in_pairs(pairs)
    return [Evidence(where, f"{visible(name, 60)}: {kind}") for name, kind in found if name not in allowed]


@lru_cache(maxsize=256)
def _in_steps(steps: tuple[str, ...]) -> tuple[Evidence, ...]:
    """Credentials in the commands that made an image, which many containers may share; masked."""
    words = [[word.strip("\"';") for word in step.split()] for step in steps]
    return tuple(Evidence("image, history", masked) for some in words for masked in secrets_in_words(some))


def _image(env: str, step: str = "") -> ImageFacts:
    return ImageFacts(id="1" * 64, inspect={"Config": {"Env": [env]}}, history=({"created_by": step},))


CHECK = Check(
    title="Credentials in image config or history",
    severity=Severity.CRITICAL,
    summary="Revoke the credential, rebuild the image without it and pass it as a secret",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    parameters={"allowed": ()},
    passes=lambda: (
        container(image=_image("PATH=/usr/bin")),
        container(image=_image("DB_PASSWORD_FILE=/run/secrets/db", "COPY app /app")),
    ),
    fails=lambda: (
        container(image=_image("DB_PASSWORD=correct-horse")),
        container(image=_image("PATH=/usr/bin", "|1 NPM_TOKEN=abcdef0123456789 /bin/sh -c npm ci")),
    ),
    references=("CIS Docker 1.6 4.10", "NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
    catalogue="S1-05",
)
