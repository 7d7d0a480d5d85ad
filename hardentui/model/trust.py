"""What one user's configuration says about images: who must have signed them, where they may come from.

`rule_for` answers the question that nobody can answer by looking: which rule of policy.json would catch a
pull of this image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.known import NOT_READ, Known, Unreadable

_IMAGE_ID = re.compile("[0-9a-f]{64}")
VERIFYING = frozenset({"signedBy", "sigstoreSigned"})


class Requirement(Struct, frozen=True):
    """One requirement of a policy: its type and the key and CA files that it names.

    Attributes:
        inline: it carries key data inside the policy itself.
    """

    type: str
    files: tuple[str, ...] = ()
    inline: bool = False


class Policy(Struct, frozen=True):
    """A policy.json that was read.

    Attributes:
        file: where it stands.
        default: what holds where no scope does.
        transports: transport -> scope -> requirements; the scope "" holds for the whole transport.
    """

    file: str
    default: tuple[Requirement, ...]
    transports: Mapping[str, Mapping[str, tuple[Requirement, ...]]] = field(default_factory=dict)

    def requirements(self) -> tuple[tuple[str, Requirement], ...]:
        """Every requirement with the scope that it stands under (`default`, `docker:quay.io`)."""
        pairs = [("default", requirement) for requirement in self.default]
        for transport, scopes in self.transports.items():
            pairs += [
                (f"{transport}:{scope}", requirement)
                for scope, many in scopes.items()
                for requirement in many
            ]
        return tuple(pairs)


class Rule(Struct, frozen=True):
    """The rule that catches a pull.

    Attributes:
        scope: `registry.example.com/team`, `*.example.com`, "" for the transport's own default, or `default`.
        explanation: one plain sentence.
    """

    reference: str
    scope: str
    requirements: tuple[Requirement, ...]
    file: str
    explanation: str

    @property
    def rejects(self) -> bool:
        return any(requirement.type == "reject" for requirement in self.requirements)

    @property
    def verifies(self) -> bool:
        """Somebody's signature is asked for. All requirements must hold, so one of them is enough."""
        return any(requirement.type in VERIFYING for requirement in self.requirements)


class Attachments(Struct, frozen=True):
    """Whether sigstore signatures that lie beside an image are looked at for a scope ("" = everywhere).

    Attributes:
        lookaside: where GPG signatures are read; empty where the section does not say.
    """

    scope: str
    enabled: bool
    file: str
    lookaside: str = ""


class Mirror(Struct, frozen=True):
    location: str
    insecure: bool = False


class Registry(Struct, frozen=True):
    """One `[[registry]]` table, with the file that it was read from."""

    prefix: str
    location: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    file: str = ""


class Registries(Struct, frozen=True):
    """The effective registries.conf.

    Attributes:
        search: registries that are tried for a name without one.
        short_name_mode: `enforcing`, `permissive` or `disabled`; Podman's own default is permissive.
        files: what was read, in this order; a later file overrides an earlier one.
    """

    search: tuple[str, ...] = ()
    short_name_mode: str = "permissive"
    search_file: str = ""
    mode_file: str = ""
    registries: tuple[Registry, ...] = ()
    credential_helpers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class AuthFile(Struct, frozen=True):
    """A file with registry credentials. Its contents are never kept.

    Attributes:
        inline: registries (keys of the file) whose user and password stand in the file itself.
        helpers: credential helpers that the file names.
        readers: who may read it besides root and its rightful owner: names, or `every account` alone.
    """

    file: FileFact
    inline: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()


class Certificate(Struct, frozen=True):
    """A file in certs.d: `ca`, `certificate` or `key` of a registry host."""

    host: str
    role: str
    file: FileFact


class Override(Struct, frozen=True):
    """A containers.conf that only what names it reads.

    Attributes:
        where: the unit, file or process that names it.
        variable: CONTAINERS_CONF (in place of all others) or CONTAINERS_CONF_OVERRIDE (over all others).
        configuration: what it says itself.
    """

    where: str
    variable: str
    file: str
    configuration: Configuration


class TrustFacts(Struct, frozen=True):
    """Signature policy, registries and engine configuration that hold for one engine's user.

    Attributes:
        policy: Missing when there is none at all: then Podman refuses every pull.
        attachments: sections of registries.d that say something about sigstore attachments.
        keys: path -> file of every key or CA that the policy names.
        configuration: the user's effective containers.conf.
        overrides: further ones that services of this user name in their environment.
        stored_signatures: image ID -> how many signatures came with it when it was pulled.
    """

    uid: int = 0
    policy: Known[Policy | Missing] = NOT_READ
    attachments: Known[tuple[Attachments, ...]] = NOT_READ
    registries: Known[Registries] = NOT_READ
    certificates: Known[tuple[Certificate, ...]] = NOT_READ
    keys: Mapping[str, Known[FileFact | Missing]] = field(default_factory=dict)
    auth_files: Known[tuple[AuthFile, ...]] = NOT_READ
    configuration: Known[Configuration] = NOT_READ
    overrides: Known[tuple[Override, ...]] = ()
    stored_signatures: Known[Mapping[str, int]] = NOT_READ

    def attachment_for(self, scope: str) -> Known[Attachments | None]:
        """The section of registries.d that decides for a scope; None when none does (then they are off).

        Unlike a policy, registries.d knows no wildcard, and host:port is not a part of host.
        """
        if isinstance(self.attachments, Unreadable):
            return self.attachments
        by_scope = {attachments.scope: attachments for attachments in self.attachments}
        for candidate in (*_prefixes(scope), ""):
            if candidate in by_scope:
                return by_scope[candidate]
        return None


def full_reference(reference: str) -> str:
    """Spell a name the way registries and policies do: `nginx` becomes `docker.io/library/nginx:latest`.

    A reference with a tag and a digest loses the tag, as in Podman's own policy look-up.

    Raises:
        ValueError: an image ID or an empty text, which no policy scope can name.
    """
    text = reference.removeprefix("docker://")
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    name = f"{head}{slash}{last}"
    if not last or (not (slash or tag or digest) and _IMAGE_ID.fullmatch(last)) or text.startswith("sha256:"):
        raise ValueError(f"{reference!r} names no repository")
    host, slash, rest = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = "docker.io", name
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    return f"{host}/{rest}@{digest}" if digest else f"{host}/{rest}:{tag or 'latest'}"


def registry_of(reference: str) -> str:
    """The registry host (with its port) of an image; raises ValueError like `full_reference`."""
    return full_reference(reference).partition("/")[0]


def scopes_of(reference: str) -> tuple[str, ...]:
    """Every policy scope that can catch a full reference, the most specific first."""
    host = reference.partition("/")[0].partition(":")[0]
    labels = host.split(".")
    wildcards = tuple(f"*.{'.'.join(labels[at:])}" for at in range(1, len(labels)))
    return (*_prefixes(reference), *wildcards)


def _prefixes(reference: str) -> tuple[str, ...]:
    """The reference, its repository, its namespaces and its host."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}" if slash else name
    parts = name.split("/")
    parents = tuple("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return parents if parents[0] == reference else (reference, *parents)


def rule_for(trust: TrustFacts, reference: str) -> Known[Rule]:
    """The rule of policy.json that would catch a pull of this image from its registry.

    Args:
        reference: as in `podman pull`; a short name is taken as a name of docker.io.

    Returns:
        Unreadable when the policy could not be read, or when the reference is an image ID.
    """
    policy = trust.policy
    if isinstance(policy, Unreadable):
        return policy
    try:
        full = full_reference(reference)
    except ValueError:
        return Unreadable("the image has no name, so no rule of a policy can be found for it")
    if isinstance(policy, Missing):
        return Unreadable(f"there is no {policy.path}, and without one Podman pulls nothing")
    scopes = policy.transports.get("docker", {})
    for scope in (*scopes_of(full), ""):
        if scope in scopes:
            return _rule(full, scope, scopes[scope], policy.file)
    return _rule(full, "default", policy.default, policy.file)


def _rule(reference: str, scope: str, requirements: tuple[Requirement, ...], file: str) -> Rule:
    names = {"default": "the default rule", "": "the rule for all registries"}
    where = names.get(scope, f"the rule for {scope}")
    rule = Rule(reference, scope, requirements, file, "")
    explanation = f"A pull of {reference} falls under {where} in {file}: {_outcome(rule)}."
    return Rule(reference, scope, requirements, file, explanation)


def _outcome(rule: Rule) -> str:
    if rule.rejects:
        return "refused"
    kinds = sorted({requirement.type for requirement in rule.requirements} & VERIFYING)
    if not kinds:
        return "accepted without verifying a signature"
    names = {"signedBy": "a GPG signature", "sigstoreSigned": "a sigstore signature"}
    return "requires " + " and ".join(names[kind] for kind in kinds)
