"""Tasks: a change of the policy, a key, a signature, the verdict on an image."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from hardentui.do import Do, Sentence, Verb, joined
from hardentui.features.looking.judging import Parts
from hardentui.features.sections import PageLine, PageSection, Tone
from hardentui.features.task import TaskResult, Tell, Then
from hardentui.features.trust.change import (
    TrustChange,
    simulated_trust_change,
    trust_change_of,
    way_out,
    why_not,
)
from hardentui.features.trust.own_keys import new_key, sign_and_prove
from hardentui.features.trust.page import SCHEMA
from hardentui.features.trust.rules import rule_text
from hardentui.model.trust_change import Pull, PullProof, PullVerdict, ScopeRule, TrustDraft


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
        end = PageLine("", joined(f"Not applied: {reason}. ", way_out(draft)), Tone.BAD)
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
