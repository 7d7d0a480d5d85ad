"""A change of the signature policy: its rules, what it makes of the files, and the pulls that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct


class RuleKind(StrEnum):
    """What a rule asks of an image."""

    SIGSTORE = "sigstore"
    GPG = "gpg"
    KEYLESS = "keyless"
    PKI = "pki"
    ACCEPT = "accept"
    REJECT = "reject"

    @property
    def verifies(self) -> bool:
        return self in (RuleKind.SIGSTORE, RuleKind.GPG, RuleKind.KEYLESS, RuleKind.PKI)


class ScopeRule(Struct, frozen=True):
    """A rule for a scope of registries: a host, a namespace, a repository, `*.example.com`.

    Attributes:
        key: absolute path of the public key (sigstore) or the exported public keys (GPG).
        any_tag: a signature for any tag of the repository counts: what cosign signs has no tag in it.
        issuer, email: who signed, for keyless signatures. Podman knows e-mail addresses only.
        ca, rekor: absolute paths of Fulcio's certificates and of Rekor's public key; for certificates of an
            own authority `ca` has its roots.
        intermediates, hostname: of an own authority: absolute path of further certificates, and who signed,
            where that is no e-mail address.
        lookaside: where GPG signatures lie, as a URL.
    """

    scope: str
    kind: RuleKind
    key: str = ""
    any_tag: bool = False
    issuer: str = ""
    email: str = ""
    ca: str = ""
    rekor: str = ""
    intermediates: str = ""
    hostname: str = ""
    lookaside: str = ""


class PullVerdict(StrEnum):
    """What became of a pull."""

    ACCEPTED = "accepted"
    UNSIGNED = "refused: no signature"
    WRONG_KEY = "refused: signed with another key"
    WRONG_IDENTITY = "refused: signed under another name"
    REJECTED = "refused by policy"
    UNKNOWN = "not known"


class Pull(Struct, frozen=True):
    """A pull that really happened, in a throw-away store.

    Attributes:
        said: the words of the program that pulled, where it was not accepted.
        by: the program and its version.
    """

    reference: str
    verdict: PullVerdict
    said: str = ""
    by: str = ""


class PullProof(Struct, frozen=True):
    """A pull with what it had to give.

    Attributes:
        case: `signed`, `unsigned`, `wrong key`, `other repository`.
        scope: the rule that it proves.
        hint: what to do when it came out otherwise.
    """

    case: str
    scope: str
    wanted: PullVerdict
    pull: Pull
    hint: str = ""

    @property
    def holds(self) -> bool:
        return self.pull.verdict is self.wanted


class TrustFile(Struct, frozen=True):
    """A file that the change writes: its path, its text, and its text before (None = there was none)."""

    path: str
    text: str
    before: str | None


class TrustDraft(Struct, frozen=True):
    """A change of the policy that nobody has made yet.

    Attributes:
        rules: what was asked for, with rules for images in use that were added.
        rejects: whatever has no rule is refused afterwards.
        files: policy.json and the file of registries.d.
        diff: of the files.
        refused: images in use that could not be pulled any more.
        unsigned: images in use that are accepted without a signature.
        faults: why it cannot be applied.
        notes: what is worth knowing.
    """

    rules: tuple[ScopeRule, ...]
    rejects: bool
    files: tuple[TrustFile, ...]
    diff: str
    refused: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class NamedImages(Struct, frozen=True):
    """Images that the user named for the pulls; a tiny test image replaces those not named.

    Attributes:
        signed: images signed with the keys of the rules.
        unsigned, elsewhere: an unsigned one in a rule's scope, and one that no rule allows.
    """

    signed: Sequence[str] = ()
    unsigned: str = ""
    elsewhere: str = ""
