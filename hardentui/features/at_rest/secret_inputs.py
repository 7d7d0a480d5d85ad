"""Credentials that a conversion leaves to Podman's secrets, which are made before the first start."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hardentui.model.facts import ContainerFacts
from hardentui.model.open_value import OpenKind, OpenPart
from hardentui.model.spec import OpenArgument, Spec
from hardentui.options import ENV, SECRETS
from hardentui.options.items import parse_argument
from hardentui.reading.behaviour import readable_secret
from hardentui.reading.containers import known_application
from hardentui.reading.secrets import secret_name, secrets_in_pairs

_LONGEST = 63
"""Characters of a secret's name that Podman takes."""


_NAME = re.compile(r"\w+", re.ASCII)


class SecretInput(Struct, frozen=True):
    """A credential, and the secret of Podman that takes its place."""

    secret: str  # its name
    variable: str  # whose value it takes: `DB_PASSWORD`
    target: str  # the variable of the container that it becomes, or that names its file

    def about(self, service: str) -> str:
        return (
            f"before the first start, create the secret {self.secret} with the value of "
            f"{self.variable}: podman secret create {self.secret} - "
            f"(it becomes {self.target} of {service})"
        )


def with_open_secrets(spec: Spec, project: str) -> tuple[Spec, tuple[SecretInput, ...]]:
    """The spec with a secret in place of each password that is nothing but a variable."""
    inputs: list[SecretInput] = []
    kept: list[OpenArgument] = []
    for argument in spec.open:
        given = _whole_variable(argument)
        if given is None or not secret_name(given[0]):
            kept.append(argument)
            continue
        target, part = given
        secret = _called(f"{project}_{part.name}")
        inputs.append(SecretInput(secret, part.name, target))
        spec = _with_secret(spec, f"{secret},type=env,target={target}")
    return replace(spec, open=tuple(kept)), tuple(inputs)


def with_literal_secrets(
    spec: Spec,
    stem: str,
    facts: ContainerFacts,
) -> tuple[Spec, tuple[SecretInput, ...]]:
    """The spec with a secret in place of each credential in its variables: as a file where the entry
    of its known application says that it reads one. `stem`: of the secrets' names."""
    application = known_application(facts)
    files = {} if application is None else application.secrets
    inputs: list[SecretInput] = []
    pairs: tuple[str, ...] = spec[ENV]
    variables = [name for name, _ in secrets_in_pairs(pairs) if _NAME.fullmatch(name)]
    for variable in dict.fromkeys(variables):
        secret = _called(f"{stem}-{variable.replace('_', '-')}")
        file = files.get(variable, "")
        inputs.append(SecretInput(secret, variable, file or variable))
        pairs = _without(pairs, variable, file)
        if file:
            pairs = (*pairs, f"{file}=/run/secrets/{secret}")
            spec = _with_secret(spec, f"{secret},type=mount,{readable_secret(facts)}")
        else:
            spec = _with_secret(spec, f"{secret},type=env,target={variable}")
    return (spec.with_(ENV, pairs) if inputs else spec), tuple(inputs)


def _called(wanted: str) -> str:
    plain = re.sub(r"[^a-z0-9_.-]", "-", wanted.lower())
    return plain[-_LONGEST:].strip("_.-")


def _with_secret(spec: Spec, argument: str) -> Spec:
    (item,) = parse_argument(SECRETS.flag, argument)
    return spec.with_(SECRETS, (*spec[SECRETS], item.value))


def _without(pairs: Sequence[str], *names: str) -> tuple[str, ...]:
    return tuple(pair for pair in pairs if pair.partition("=")[0] not in names)


def _whole_variable(argument: OpenArgument) -> tuple[str, OpenPart] | None:
    """The variable of the container, and the one that is its whole value."""
    named = argument.text.partition("=") if argument.option is ENV else None
    if named is None or len(named[1].parts) != 1:
        return None
    (part,) = named[1].parts
    if isinstance(part, OpenPart) and part.kind is OpenKind.VARIABLE:
        return named[0], part
    return None
