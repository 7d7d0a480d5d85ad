"""Trust: what one engine's user trusts, as a page to read, and the tasks that change and prove it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from hardentui.do import Do, Sentence, Verb
from hardentui.features.looking.judging import Parts
from hardentui.features.sections import PageLine, PageSection, TaskResult, Tell, Then, Tone
from hardentui.features.trust.change import (
    TrustChange,
    simulated_trust_change,
    trust_change_of,
    why_not,
)
from hardentui.features.trust.own_keys import new_key, sign_and_prove
from hardentui.features.trust.rules import rule_text
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import EngineFacts
from hardentui.model.known import Unread, known
from hardentui.model.trust import Policy, Registries, Requirement, TrustFacts, registry_of, rule_for
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, ScopeRule, TrustDraft
from hardentui.words import plural

SCHEMA = "hardentui/trust/1"

_KINDS = {
    "insecureAcceptAnything": "accept everything, signed or not",
    "reject": "refuse",
    "signedBy": "a GPG signature is required",
    "sigstoreSigned": "a sigstore signature is required",
}


def trust_page(
    engine: EngineFacts,
    images: Iterable[str],
) -> tuple[PageSection, ...]:
    """Everything about trust for one engine. `images`: references of the running images, as
    requested."""
    trust = known(lambda: engine.trust)
    if isinstance(trust, Unread):
        return (
            PageSection(
                "Policy",
                (PageLine("", f"unknown: {trust.reason}", Tone.MUTED),),
            ),
        )
    wanted = tuple(dict.fromkeys(images))
    sections = [
        PageSection("Policy", tuple(_policy(trust))),
        PageSection("Rule for each running image", tuple(_rules(trust, wanted))),
        PageSection("Registries", tuple(_registries(trust, wanted))),
        PageSection("Keys, certificates, credentials", tuple(_files(trust))),
    ]
    return tuple(sections)


def formats_page(engine: EngineFacts) -> tuple[PageSection, ...]:
    """Which signatures Podman reads, and where it looks for them on this host."""
    attachments = known(lambda: engine.trust.attachments)
    if isinstance(attachments, Unread):
        where = PageLine(
            "",
            "whether registries.d enables them is unknown",
            Tone.MUTED,
        )
    else:
        on = [section.scope or "every registry" for section in attachments if section.enabled]
        places = (
            ", ".join(on)
            if on
            else "nowhere yet; a rule with a sigstore key enables them for its scope"
        )
        where = PageLine(
            "",
            f"looked for: {places}",
            Tone.PLAIN if on else Tone.MUTED,
        )
    lines = (
        PageLine(
            "read",
            "sigstore attachments: the tag sha256-DIGEST.sig beside the image",
        ),
        where,
        PageLine(
            "read",
            "GPG signatures, in a directory or on a web server (lookaside)",
        ),
        PageLine(
            "not read",
            "sigstore bundles, the default of cosign 3: cosign sign --new-bundle-format=false",
        ),
        PageLine(
            "name",
            'podman and skopeo sign name and tag; cosign does not sign the tag, which needs "any '
            'tag"',
        ),
        PageLine(
            "measured", f"measured with Podman 5.4.2; this engine is {engine.version}", Tone.MUTED
        ),
    )
    return (PageSection("Signatures that Podman reads", lines),)


def _policy(trust: TrustFacts) -> Iterable[PageLine]:
    policy = trust.policy
    if isinstance(policy, Unread):
        yield PageLine("file", f"unknown: {policy.reason}", Tone.BAD)
    elif isinstance(policy, Missing):
        yield PageLine(
            "file",
            f"there is no {policy.path}: Podman rejects every pull",
            Tone.BAD,
        )
    else:
        yield PageLine("file", policy.file)
        yield PageLine(
            "default",
            _requirements(policy.default),
            _tone(policy.default),
        )
        yield from _scopes(policy)


def _scopes(policy: Policy) -> Iterable[PageLine]:
    for transport, scopes in policy.transports.items():
        for scope, requirements in scopes.items():
            name = f"{transport}:{scope}" if scope else f"all of {transport}"
            yield PageLine(
                "rule",
                f"{name}: {_requirements(requirements)}",
                _tone(requirements),
            )


def _requirements(requirements: tuple[Requirement, ...]) -> str:
    return (
        " and ".join(_KINDS.get(requirement.type, requirement.type) for requirement in requirements)
        or "no requirement"
    )


def _tone(requirements: tuple[Requirement, ...]) -> Tone:
    accepts = all(requirement.type == "insecureAcceptAnything" for requirement in requirements)
    return Tone.BAD if accepts else Tone.GOOD


def _rules(
    trust: TrustFacts,
    images: tuple[str, ...],
) -> Iterable[PageLine]:
    for image in images:
        rule = rule_for(trust, image)
        if isinstance(rule, Unread):
            yield PageLine("?", f"{image}: {rule.reason}", Tone.MUTED)
        elif rule.rejects:
            yield PageLine("refused", rule.explanation, Tone.GOOD)
        elif rule.verifies:
            yield PageLine("verified", rule.explanation, Tone.GOOD)
        else:
            yield PageLine("anything", rule.explanation, Tone.BAD)
    if not images:
        yield PageLine("", "no container runs", Tone.MUTED)


_SHORT_NAME_MODES = {
    "enforcing": "an ambiguous name is refused unless somebody chooses a registry",
    "permissive": "without a terminal, the first search registry that has the name is used",
    "disabled": "the first search registry that has the name is used",
}
"""What `short-name-mode` means for a name without a registry (containers-registries.conf(5))."""


def _registries(
    trust: TrustFacts,
    images: tuple[str, ...],
) -> Iterable[PageLine]:
    used: dict[str, int] = {}
    for image in images:
        try:
            host = registry_of(image)
        except ValueError:
            continue
        used[host] = used.get(host, 0) + 1
    listed = ", ".join(f"{host} ({plural(count, 'image')})" for host, count in used.items())
    yield PageLine("in use", listed or "none")
    registries = trust.registries
    if isinstance(registries, Unread):
        yield PageLine(
            "files",
            f"unknown: {registries.reason}",
            Tone.MUTED,
        )
        return
    yield PageLine("files", ", ".join(registries.files) or "no registries.conf")
    yield PageLine(
        "search",
        ", ".join(registries.search) or "none: short names are rejected",
    )
    mode = registries.short_name_mode
    meaning = f"{mode}: {_SHORT_NAME_MODES[mode]}" if mode in _SHORT_NAME_MODES else mode
    yield PageLine(
        "short names",
        meaning,
        Tone.PLAIN if mode == "enforcing" else Tone.BAD,
    )
    yield from _tables(registries)


def _tables(registries: Registries) -> Iterable[PageLine]:
    for registry in registries.registries:
        words = [
            word
            for word, on in (
                ("no TLS check", registry.insecure),
                ("blocked", registry.blocked),
            )
            if on
        ]
        words += [
            f"mirror {mirror.location}{' without TLS check' * mirror.insecure}"
            for mirror in registry.mirrors
        ]
        bad = registry.insecure or any(mirror.insecure for mirror in registry.mirrors)
        prefix, location = registry.prefix, registry.location
        where = f" at {location}" if location and location != prefix else ""
        settings = ", ".join(words) or "default settings"
        text = f"{prefix or location}{where}: {settings} ({registry.file})"
        yield PageLine(
            "registry",
            text,
            Tone.BAD if bad else Tone.PLAIN,
        )


def _files(trust: TrustFacts) -> Iterable[PageLine]:
    count = 0
    for path, key in trust.keys.items():
        count += 1
        if isinstance(key, Unread):
            yield PageLine("key", f"{path}: {key.reason}", Tone.MUTED)
        elif isinstance(key, Missing):
            yield PageLine(
                "key", f"{path}: the file is missing, so it cannot verify anything", Tone.BAD
            )
        else:
            yield _file("key", key)
    for what, many in (
        ("certificate", trust.certificates),
        ("credentials", trust.auth_files),
    ):
        if isinstance(many, Unread):
            yield PageLine(what, f"unknown: {many.reason}", Tone.MUTED)
            continue
        for entry in many:
            count += 1
            yield _file(what, entry.file)
    if not count:
        yield PageLine(
            "",
            "no key, certificate or credential file is in use",
            Tone.MUTED,
        )


def _file(label: str, file: FileFact) -> PageLine:
    if file.dangers:
        return PageLine(
            label,
            f"{file.path}: {'; '.join(map(str, file.dangers))}",
            Tone.BAD,
        )
    return PageLine(
        label,
        f"{file.path} ({file.octal}): only its owner can change it",
        Tone.GOOD,
    )


# Tasks: a change of the policy, a key, a signature, the verdict on an image.


def change_task(
    parts: Parts,
    in_use: Sequence[str],
    rules: tuple[ScopeRule, ...],
    signed: Sequence[str],
    stop: threading.Event,
    tell: Tell,
    *,
    reject: bool,
    accept_in_use: bool,
) -> TaskResult:
    """The new files with their proof, and what writes them once every pull ended as expected.

    Args:
        signed: images to prove the rules with, beside the running ones.
        reject: images without a rule are rejected.
        accept_in_use: running images without a rule are accepted unsigned.
    """
    simulated = parts.opened.simulated
    change = (simulated_trust_change if simulated else trust_change_of)(
        parts,
        in_use,
    )
    draft = change.draft(
        rules,
        reject=reject,
        accept_in_use=accept_in_use,
    )
    proofs: list[PullProof] = []

    def on_proof(proof: PullProof) -> None:
        proofs.append(proof)
        tell(TaskResult(tuple(_plan_sections(draft, rules, proofs)), diff=draft.diff))

    if not (simulated or draft.faults):
        tell("pulling with the new policy")
        change.prove(draft, signed, on_proof, stop)
    if stop.is_set():
        raise KeyboardInterrupt
    reason = why_not(draft, proofs)
    then = None
    if simulated:
        end = PageLine(
            "",
            "This host is simulated: nothing is pulled or written.",
            Tone.MUTED,
        )
    elif reason:
        end = PageLine("", f"Not applied: {reason}", Tone.BAD)
    else:
        end = PageLine("", "Every pull ended as expected.", Tone.GOOD)
        if draft.files:
            files = ", ".join(file.path for file in draft.files)
            write = partial(
                _write,
                change,
                draft,
                tuple(proofs),
            )
            then = Then(
                f"Write {files}?",
                "The journal (J) undoes it.",
                write,
            )
    return TaskResult(
        (
            *_plan_sections(draft, rules, proofs),
            PageSection("End", (end,)),
        ),
        diff=draft.diff,
        then=then,
        document=_document(draft, proofs, reason),
        code=1 if reason else 0,
    )


def _write(
    change: TrustChange,
    draft: TrustDraft,
    proofs: Sequence[PullProof],
) -> Sentence:
    entry = change.apply(draft, proofs)
    return (
        (f"{entry.id}: done. Undo: ", Do(Verb.UNDO, entry.id)) if entry else "They were up to date."
    )


def _plan_sections(
    draft: TrustDraft,
    rules: Sequence[ScopeRule],
    proofs: Sequence[PullProof],
) -> Iterator[PageSection]:
    shown = [PageLine("", f"{rule.scope}: {rule_text(rule)}") for rule in rules]
    yield PageSection(
        "Rules",
        tuple(shown) or (PageLine("", "none of your own", Tone.MUTED),),
    )
    lines = [] if draft.diff else [PageLine("", "The files are already up to date.")]
    lines += [PageLine("note", note) for note in draft.notes]
    for image in draft.unsigned:
        lines.append(
            PageLine(
                "unsigned",
                f"{image} is in use and accepted without a signature",
            )
        )
    for image in draft.refused:
        lines.append(
            PageLine(
                "refused",
                f"{image} is in use and could no longer be pulled",
                Tone.BAD,
            )
        )
    lines += [PageLine("fault", fault, Tone.BAD) for fault in draft.faults]
    if lines:
        yield PageSection("Plan", tuple(lines))
    pulls = []
    for proof in proofs:
        pull, tone = proof.pull, Tone.GOOD if proof.holds else Tone.BAD
        pulls.append(
            PageLine(
                proof.case,
                f"{pull.reference} {pull.verdict} ({pull.by})",
                tone,
            )
        )
        if not proof.holds:
            pulls += [
                PageLine("", f"expected: {proof.wanted}; {pull.output}"),
                PageLine("", proof.hint),
            ]
    if pulls:
        yield PageSection("Pulls", tuple(pulls))


def _document(
    draft: TrustDraft,
    proofs: Sequence[PullProof],
    reason: str,
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": [
            {
                "path": file.path,
                "text": file.text,
                "new": file.before is None,
            }
            for file in draft.files
        ],
        "diff": draft.diff,
        "rejects_by_default": draft.rejects,
        "refused": list(draft.refused),
        "unsigned": list(draft.unsigned),
        "notes": list(draft.notes),
        "proofs": [
            {
                "case": proof.case,
                "scope": proof.scope,
                "image": proof.pull.reference,
                "wanted": proof.wanted.value,
                "verdict": proof.pull.verdict.value,
                "said": proof.pull.output,
                "by": proof.pull.by,
            }
            for proof in proofs
        ],
        "can_be_applied": not reason,
        "reason": reason,
    }


def key_task(
    directory: str,
    name: str,
    passphrase_file: str,
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    """A sigstore key pair."""
    private, public = new_key(
        directory,
        name,
        passphrase_file,
        stop=stop,
    )
    lines = [
        PageLine(
            "private",
            f"{private}: keep it secret",
            Tone.GOOD,
        ),
        PageLine(
            "public",
            f"{public}: name it in a rule",
            Tone.GOOD,
        ),
    ]
    if not passphrase_file:
        lines.append(
            PageLine(
                "mind",
                "the private key has no passphrase",
                Tone.BAD,
            )
        )
    return TaskResult((PageSection("New key", tuple(lines)),))


def sign_task(
    image: str,
    key: str,
    passphrase_file: str,
    public: str,
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    """Sign an image, and prove the signature with a pull."""
    pull = sign_and_prove(
        image,
        key,
        passphrase_file,
        public,
        stop=stop,
    )
    proof = f"a pull that requires this key was {pull.verdict} ({pull.by})"
    lines = (
        PageLine("signed", image, Tone.GOOD),
        *_pulled("proof", proof, pull),
    )
    return TaskResult(
        (PageSection("Signature", lines),),
        code=0 if _accepted(pull) else 1,
    )


def check_task(
    parts: Parts,
    in_use: Sequence[str],
    image: str,
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    """What the policy in force says of an image, by a real pull into a temporary store.

    Raises:
        InputError, UsageError: the name has no registry, or the policy is unknown.
        ToolMissing: neither podman nor skopeo is installed.
    """
    verified = trust_change_of(parts, in_use).check(image, stop)
    pull = verified.pull
    lines = (
        *_pulled("verdict", f"{pull.verdict} ({pull.by})", pull),
        PageLine("rule", verified.rule),
        PageLine("signatures", verified.signatures_told),
    )
    code = {PullVerdict.ACCEPTED: 0, PullVerdict.UNKNOWN: 4}.get(pull.verdict, 1)
    return TaskResult((PageSection(pull.reference, lines),), code=code)


def _accepted(pull: Pull) -> bool:
    return pull.verdict is PullVerdict.ACCEPTED


def _pulled(
    label: str,
    text: str,
    pull: Pull,
) -> Iterator[PageLine]:
    yield PageLine(
        label,
        text,
        Tone.GOOD if _accepted(pull) else Tone.BAD,
    )
    if pull.output and not _accepted(pull):
        yield PageLine("", pull.output)
