"""The trust configuration of one user: required signatures and allowed registries.

`rule_for` determines which rule of policy.json applies to a pull of an image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.known import NOT_READ, Known, Unread

_IMAGE_ID = "[0-9a-f]{64}"
VERIFYING = frozenset({"signedBy", "sigstoreSigned"})


class Requirement(Struct, frozen=True):
    """One requirement of a policy: its type, and its key and CA files."""

    type: str
    files: tuple[str, ...] = ()
    inline: bool = False
    signed_as: str = ""  # the one name that the signature has to be of; empty = that of the image


class Policy(Struct, frozen=True):
    """A parsed policy.json."""

    file: str
    default: tuple[Requirement, ...]
    # transport -> scope -> requirements; the scope "" covers the whole transport
    transports: Mapping[str, Mapping[str, tuple[Requirement, ...]]] = field(default_factory=dict)

    def requirements(self) -> tuple[tuple[str, Requirement], ...]:
        """Every requirement with its scope (`default`, `docker:quay.io`)."""
        pairs = [("default", requirement) for requirement in self.default]
        for transport, scopes in self.transports.items():
            pairs += [
                (f"{transport}:{scope}", requirement)
                for scope, many in scopes.items()
                for requirement in many
            ]
        return tuple(pairs)


class Rule(Struct, frozen=True):
    """The rule that applies to a pull."""

    reference: str
    # `registry.example.com/team`, `*.example.com`, "" for the transport's own default, or `default`
    scope: str
    requirements: tuple[Requirement, ...]
    file: str
    explanation: str

    @property
    def rejects(self) -> bool:
        return any(requirement.type == "reject" for requirement in self.requirements)

    @property
    def verifies(self) -> bool:
        """Whether a signature is required. All requirements must hold, so one of them is enough."""
        return any(requirement.type in VERIFYING for requirement in self.requirements)


class Attachments(Struct, frozen=True):
    """Whether sigstore signatures attached to images are used for a scope ("" = everywhere)."""

    scope: str
    enabled: bool
    file: str
    lookaside: str = ""  # location of GPG signatures; empty if not set


class Mirror(Struct, frozen=True):
    location: str
    insecure: bool = False


class Registry(Struct, frozen=True):
    """One `[[registry]]` table, with its file."""

    prefix: str
    location: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    file: str = ""


class Registries(Struct, frozen=True):
    """The effective registries.conf."""

    search: tuple[str, ...] = ()  # registries searched for a name without one
    # `enforcing`, `permissive` or `disabled`; Podman's own default is permissive
    short_name_mode: str = "permissive"
    search_file: str = ""
    mode_file: str = ""
    registries: tuple[Registry, ...] = ()
    credential_helpers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # the files read, in order; later files override earlier ones


class AuthFile(Struct, frozen=True):
    """A file with registry credentials. Its content is never stored."""

    file: FileFact
    # registries (keys of the file) whose user and password are in the file itself
    inline: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    # accounts that can read it besides root and its owner, or only `every account`
    readers: tuple[str, ...] = ()


class Certificate(Struct, frozen=True):
    """A file in certs.d: `ca`, `certificate` or `key` of a registry host."""

    host: str
    role: str
    file: FileFact


class TrustFacts(Struct, frozen=True):
    """Signature policy, registries and engine configuration of one engine's user."""

    uid: int = 0
    # Missing if there is none; then Podman refuses every pull
    policy: Known[Policy | Missing] = NOT_READ
    attachments: Known[tuple[Attachments, ...]] = NOT_READ
    registries: Known[Registries] = NOT_READ
    certificates: Known[tuple[Certificate, ...]] = NOT_READ
    # path -> file of every key or CA named in the policy
    keys: Mapping[str, Known[FileFact | Missing]] = field(default_factory=dict)
    auth_files: Known[tuple[AuthFile, ...]] = NOT_READ
    configuration: Known[Configuration] = NOT_READ
    home: str = ""  # the user's home directory; empty if it is not known

    def attachment_for(self, scope: str) -> Known[Attachments | None]:
        """The section of registries.d that applies to a scope; None if none does (then they are
        off).

        Unlike a policy, registries.d has no wildcards, and host:port is not part of host.
        """
        if isinstance(self.attachments, Unread):
            return self.attachments
        by_scope = {attachments.scope: attachments for attachments in self.attachments}
        for candidate in (*_prefixes(scope), ""):
            if candidate in by_scope:
                return by_scope[candidate]
        return None


def full_reference(reference: str) -> str:
    """The full form of a name, as in policies: `nginx` becomes `docker.io/library/nginx:latest`.

    A reference with tag and digest loses the tag, as in Podman's own policy lookup.

    Raises:
        ValueError: an image ID or an empty text, which no policy scope can name.
    """
    text = reference.removeprefix("docker://")
    name, _, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    name = f"{head}{slash}{last}"
    if (
        not last
        or (not (slash or tag or digest) and re.fullmatch(_IMAGE_ID, last))
        or text.startswith("sha256:")
    ):
        raise ValueError(f"{reference!r} does not name a repository")
    host, slash, rest = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = "docker.io", name
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    return f"{host}/{rest}@{digest}" if digest else f"{host}/{rest}:{tag or 'latest'}"


def registry_of(reference: str) -> str:
    """The registry host (with port) of an image; raises ValueError like `full_reference`."""
    return full_reference(reference).partition("/")[0]


def scopes_of(reference: str) -> tuple[str, ...]:
    """Every policy scope that can match a full reference, most specific first."""
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
    """The rule of policy.json that applies to a pull of this image from its registry.

    Args:
        reference: as in `podman pull`; short names are resolved to docker.io.

    Returns:
        Unread if the policy could not be read, or the reference is an image ID.
    """
    policy = trust.policy
    if isinstance(policy, Unread):
        return policy
    try:
        full = full_reference(reference)
    except ValueError:
        return Unread("the image has no name, so no policy rule applies to it")
    if isinstance(policy, Missing):
        return Unread(f"{policy.path} does not exist, and without it Podman pulls no image")
    scopes = policy.transports.get("docker", {})
    for scope in (*scopes_of(full), ""):
        if scope in scopes:
            return _rule(
                full,
                scope,
                scopes[scope],
                policy.file,
            )
    return _rule(
        full,
        "default",
        policy.default,
        policy.file,
    )


def _rule(
    reference: str,
    scope: str,
    requirements: tuple[Requirement, ...],
    file: str,
) -> Rule:
    names = {"default": "The default rule", "": "The rule for all registries"}
    where = names.get(scope, f"The rule for {scope}")
    rule = Rule(
        reference,
        scope,
        requirements,
        file,
        "",
    )
    explanation = f"{where} in {file} {_outcome(rule)}."
    return Rule(
        reference,
        scope,
        requirements,
        file,
        explanation,
    )


def _outcome(rule: Rule) -> str:
    if rule.rejects:
        return f"refuses {rule.reference}"
    kinds = sorted({requirement.type for requirement in rule.requirements} & VERIFYING)
    if not kinds:
        return f"accepts {rule.reference} without verifying a signature"
    names = {"signedBy": "a GPG signature", "sigstoreSigned": "a sigstore signature"}
    return f"requires {' and '.join(names[kind] for kind in kinds)} of {rule.reference}"
