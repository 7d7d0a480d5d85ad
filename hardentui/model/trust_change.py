"""A change to the signature policy: its rules, the resulting files, and the pulls that prove it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hardentui.do import Sentence


class RuleKind(StrEnum):
    SIGSTORE = "sigstore"
    GPG = "gpg"
    KEYLESS = "keyless"
    ACCEPT = "accept"
    REJECT = "reject"

    @property
    def verifies(self) -> bool:
        return self in (RuleKind.SIGSTORE, RuleKind.GPG, RuleKind.KEYLESS)


class ScopeRule(Struct, frozen=True):
    """A rule for a scope of registries: a host, a namespace, a repository, `*.example.com`."""

    scope: str
    kind: RuleKind
    key: str = ""  # absolute path of the public key (sigstore) or the exported public keys (GPG)
    # a signature for any tag of the repository counts, because cosign signatures have no tag
    any_tag: bool = False
    # issuer, email: the signer of keyless signatures. Podman supports only e-mail addresses.
    issuer: str = ""
    email: str = ""
    # ca, rekor: absolute paths of Fulcio's certificates and of Rekor's public key
    ca: str = ""
    rekor: str = ""
    lookaside: str = ""


class PullVerdict(StrEnum):
    ACCEPTED = "accepted"
    UNSIGNED = "refused: no signature"
    WRONG_KEY = "refused: signed with another key"
    WRONG_IDENTITY = "refused: signed under another name"
    REJECTED = "refused by policy"
    UNKNOWN = "not known"


class Pull(Struct, frozen=True):
    reference: str
    verdict: PullVerdict
    output: str = ""  # the output of the pulling program, if the image was not accepted
    by: str = ""  # the program and its version


class PullProof(Struct, frozen=True):
    case: str  # `signed`, `unsigned`, `wrong key`, `other repository`
    scope: str  # the scope of the rule that it proves
    wanted: PullVerdict
    pull: Pull
    hint: Sentence = ""  # what to do if the result differs

    @property
    def holds(self) -> bool:
        return self.pull.verdict is self.wanted


class TrustFile(Struct, frozen=True):
    """A file that the change writes: path, new text and previous text (None = new file)."""

    path: str
    text: str
    before: str | None


class TrustDraft(Struct, frozen=True):
    rules: tuple[ScopeRule, ...]  # the requested rules, and those added for images in use
    rejects: bool  # images without a rule are refused afterwards
    files: tuple[TrustFile, ...]
    diff: str
    refused: tuple[str, ...] = ()  # images in use that could no longer be pulled
    unsigned: tuple[str, ...] = ()  # images in use that are accepted without a signature
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
