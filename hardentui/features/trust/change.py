"""A change of the signature policy: drafted, proven by real pulls, then written, with undo."""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hardentui.do import Flag, Sentence
from hardentui.engine.locate import user_home
from hardentui.errors import InputError, UsageError
from hardentui.features.change.file_changes import change_files
from hardentui.features.change.journal import Journal
from hardentui.features.fix.from_container import refuse_from_container
from hardentui.features.trust import registries_file as sections
from hardentui.features.trust.policy import rejects_by_default, with_rules
from hardentui.features.trust.proof import prove
from hardentui.features.trust.sandbox import sandbox
from hardentui.features.trust.signing import Signatures, signatures_of
from hardentui.host.files import ROOT_ONLY, Files, examine, names, text
from hardentui.host.podman.registries_conf import parse_sections
from hardentui.host.podman.trust import auth_paths, parse_policy
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.facts import EngineFacts
from hardentui.model.journal import EntryAction, JournalEntry, JournalProof
from hardentui.model.known import Arguments, Known, Unread, V, known
from hardentui.model.trust import Attachments, Policy, TrustFacts, full_reference, rule_for
from hardentui.model.trust_change import Pull, PullProof, RuleKind, ScopeRule, TrustDraft, TrustFile
from hardentui.visible import visible

if TYPE_CHECKING:
    from hardentui.features.looking.judging import Parts

SYSTEM = "/etc/containers"


class TrustCheck(Struct, frozen=True):
    """How the policy treats one image."""

    pull: Pull
    rule: str  # which rule applies, as a sentence
    signatures: Known[Signatures]

    @property
    def signatures_told(self) -> str:
        """Which signature formats exist, and which of them Podman reads; a sentence."""
        signatures = self.signatures
        if isinstance(signatures, Unread):
            return f"the signatures in its registry are unknown: {signatures.reason}"
        if signatures.attachments:
            return (
                "its registry has a sigstore attachment, which Podman reads if registries.d "
                "allows it"
            )
        if signatures.only_list:
            return (
                "only the manifest list is signed, and Podman verifies the image of its own architecture: "
                "cosign sign --recursive"
            )
        if signatures.bundles:
            return "its registry has only a sigstore bundle, which Podman cannot read"
        return "its registry has no sigstore signature of it (GPG signatures are stored elsewhere)"


class TrustChange:
    """Changes of the policy of one local engine's user.

    Args:
        engine: with its current trust facts.
        in_use: references of the running images, as requested.
    """

    def __init__(
        self,
        engine: EngineFacts,
        files: Files,
        home: str,
        in_use: Iterable[str],
    ) -> None:
        trust = known(lambda: engine.trust)
        if isinstance(trust, Unread):
            raise UsageError(f"The trust policy of {engine.label} is unknown: {trust.reason}.")
        self._trust: TrustFacts = engine.trust
        self._files = files
        self._home = home
        self._in_use = tuple(
            dict.fromkeys(reference for reference in map(_full, in_use) if reference)
        )
        own = f"{home}/.config/containers"
        present = engine.trust.policy.file if isinstance(engine.trust.policy, Policy) else ""
        self._directory = own if present.startswith(f"{own}/") or engine.trust.uid else SYSTEM
        self._policy_path = f"{self._directory}/policy.json"
        self._read_from = present

    def draft(
        self,
        rules: Sequence[ScopeRule],
        *,
        reject: bool,
        accept_in_use: bool,
    ) -> TrustDraft:
        """Draft the files; nothing is written.

        Args:
            accept_in_use: running images without a rule get one that accepts them unsigned.

        Raises:
            InputError: the current files cannot be parsed.
        """
        before = self._text(self._policy_path)
        base = (
            before
            if before is not None
            else self._text(self._read_from)
            if self._read_from
            else None
        )
        policy = with_rules(base, rules, reject=reject)
        if accept_in_use:
            added = self._rules_for_use(policy)
            rules = (*rules, *added)
            policy = with_rules(base, rules, reject=reject)
        trust = self._with_policy(policy)
        rule_of = {image: rule_for(trust, image) for image in self._in_use}
        ours, others, copies = self._sections()
        wanted = sections.needed(rules)
        written = [TrustFile(self._policy_path, policy, before)]
        section_text = sections.text_of(wanted, ours, others)
        if section_text is None:
            copies = ()
        else:
            written += copies
            path = f"{self._sections_directory}/{sections.NAME}"
            written.append(TrustFile(path, section_text, self._text(path)))
        changed = tuple(file for file in written if file.text != file.before)
        return TrustDraft(
            rules=tuple(rules),
            rejects=rejects_by_default(policy),
            files=changed,
            diff="".join(map(_diff, changed)),
            refused=tuple(
                image
                for image, rule in rule_of.items()
                if not isinstance(rule, Unread) and rule.rejects
            ),
            unsigned=tuple(
                image
                for image, rule in rule_of.items()
                if not isinstance(rule, Unread) and not rule.rejects and not rule.verifies
            ),
            faults=(
                *sections.conflicts(wanted, others),
                *self._key_faults(rules),
            ),
            notes=tuple(self._notes(copies)),
        )

    def prove(
        self,
        draft: TrustDraft,
        named: Sequence[str],
        on_proof: Callable[[PullProof], None],
        stop: threading.Event,
    ) -> tuple[PullProof, ...]:
        """Real pulls with the drafted files: signed, unsigned, wrong key, other repository.

        Raises:
            UsageError: a verifying rule has no image to prove it with.
            ToolMissing: neither podman nor skopeo is installed.
        """
        policy = self._planned(draft, self._policy_path) or ""
        verifying = [rule for rule in draft.rules if rule.kind.verifies]
        signed = {
            rule.scope: (rule, self._signed_images(rule, named, policy)) for rule in verifying
        }
        with sandbox(
            self._home,
            auth_paths(self._home, self._trust.uid),
            stop,
        ) as box:
            return prove(
                box, policy, self._all_sections(draft), signed, on_proof, rejects=draft.rejects
            )

    def check(
        self,
        reference: str,
        stop: threading.Event,
    ) -> TrustCheck:
        """The current policy's verdict on an image, by a real pull.

        Raises:
            InputError: the name has no registry.
            ToolMissing: neither podman nor skopeo is installed.
        """
        full = _full(reference)
        if not full:
            raise InputError(f"{visible(reference, 100)!r} is not an image of a registry.")
        rule = rule_for(self._trust, full)
        directory = (
            f"{self._directory}/registries.d"
            if self._names(self._sections_directory)
            else f"{SYSTEM}/registries.d"
        )
        texts = {name: self._text(f"{directory}/{name}") or "" for name in self._names(directory)}
        with sandbox(
            self._home,
            auth_paths(self._home, self._trust.uid),
            stop,
        ) as box:
            pull = box.pull(
                full, self._text(self._read_from) or "" if self._read_from else "", texts
            )
            signatures = signatures_of(full, box.ask)
        return TrustCheck(
            pull, rule.reason if isinstance(rule, Unread) else rule.explanation, signatures
        )

    def apply(
        self,
        draft: TrustDraft,
        proofs: Sequence[PullProof],
    ) -> JournalEntry | None:
        """Write the files; the journal keeps the previous ones. None if nothing changes.

        Raises:
            UsageError: a pull did not end as expected, or is missing.
            WriteError, Locked, JournalError, ApplyFailed: everything is as before.
        """
        if reason := why_not(draft, proofs):
            raise UsageError(f"The policy was not changed: {reason}.", way_out(draft))
        return change_files(
            Journal(),
            action=EntryAction.TRUST,
            subject=self._policy_path,
            files=[(file.path, file.text, 0o644) for file in draft.files],
            seen={file.path: file.before or "" for file in draft.files},
            diff=draft.diff,
            proof=[
                JournalProof(
                    f"pull {proof.case} ({proof.scope})",
                    "pass",
                    f"{proof.pull.reference}: {proof.pull.verdict}",
                )
                for proof in proofs
            ],
        )

    @property
    def _sections_directory(self) -> str:
        return f"{self._directory}/registries.d"

    def _with_policy(self, policy: str) -> TrustFacts:
        return replace(
            self._trust,
            policy=_clear(parse_policy, policy, self._policy_path),
        )

    def _text(self, path: str) -> str | None:
        content = _clear(text, self._files, path)
        return None if isinstance(content, Missing) else content

    def _sections(
        self,
    ) -> tuple[tuple[Attachments, ...], tuple[Attachments, ...], tuple[TrustFile, ...]]:
        """The sections of our file, those of others, and files that have to be copied.

        A user's own directory replaces the system's, so when ours is the first file in it, the
        others are copied.
        """
        directory = self._sections_directory
        there = self._names(directory)
        source = directory if there or self._directory == SYSTEM else f"{SYSTEM}/registries.d"
        ours: list[Attachments] = []
        others: list[Attachments] = []
        copies: list[TrustFile] = []
        for name in self._names(source):
            content = self._text(f"{source}/{name}") or ""
            found_sections = _clear(parse_sections, content, f"{directory}/{name}")
            (ours if name == sections.NAME else others).extend(found_sections)
            if source != directory and name != sections.NAME:
                copies.append(TrustFile(f"{directory}/{name}", content, None))
        return tuple(ours), tuple(others), tuple(copies)

    def _names(self, directory: str) -> tuple[str, ...]:
        inside = _clear(names, self._files, directory)
        return tuple(name for name in inside if name.endswith(".yaml"))

    def _planned(
        self,
        draft: TrustDraft,
        path: str,
    ) -> str | None:
        """A file as drafted."""
        return next((file.text for file in draft.files if file.path == path), None) or self._text(
            path
        )

    def _all_sections(self, draft: TrustDraft) -> dict[str, str]:
        directory = self._sections_directory
        planned = [
            os.path.basename(file.path)
            for file in draft.files
            if file.path.startswith(f"{directory}/")
        ]
        return {
            name: self._planned(draft, f"{directory}/{name}") or ""
            for name in {*self._names(directory), *planned}
        }

    def _rules_for_use(self, policy: str) -> tuple[ScopeRule, ...]:
        """A rule for the repository of each image in use that only the default rule covers."""
        trust = self._with_policy(policy)
        scopes = []
        for image in self._in_use:
            rule = rule_for(trust, image)
            if not isinstance(rule, Unread) and rule.scope == "default":
                scopes.append(sections.section_of(image))
        return tuple(ScopeRule(scope, RuleKind.ACCEPT) for scope in dict.fromkeys(scopes))

    def _signed_images(
        self,
        rule: ScopeRule,
        named: Sequence[str],
        policy: str,
    ) -> tuple[str, ...]:
        """Images that the rule must accept: the named ones, and all running ones that it covers."""
        trust = self._with_policy(policy)
        caught = {
            image: rule_for(trust, image) for image in (*map(_full, named), *self._in_use) if image
        }
        signed = tuple(
            image
            for image, by in caught.items()
            if not isinstance(by, Unread) and by.scope == rule.scope
        )
        if not signed:
            raise UsageError(
                f"No running image is in {visible(rule.scope, 100)}, so the rule cannot be proven.",
                ("Name an image signed with its key", Flag("--signed IMAGE"), "."),
            )
        return signed

    def _key_faults(self, rules: Iterable[ScopeRule]) -> Iterable[str]:
        owners = ROOT_ONLY | {self._trust.uid}
        for path in dict.fromkeys(path for rule in rules for path in files_of(rule)):
            fact = examine(self._files, path, owners)
            if isinstance(fact, FileFact) and fact.dangers:
                yield f"others can change {path}: {'; '.join(map(str, fact.dangers))}"
            elif isinstance(fact, Missing):
                yield f"there is no {path}"
            elif isinstance(fact, Unread):
                yield fact.reason

    def _notes(self, copies: Sequence[TrustFile]) -> Iterable[str]:
        if copies:
            yield (
                f"{self._sections_directory} replaces the system's, so its {len(copies)} files "
                "are copied"
            )
        if self._directory != SYSTEM and self._text(self._policy_path) is None:
            yield f"{self._policy_path} is new and will replace the system's policy for this user"


def trust_change_of(parts: Parts, in_use: Iterable[str]) -> TrustChange:
    """For the engine of this account.

    Args:
        in_use: references of the running images.

    Raises:
        UsageError: there is no such engine on this machine, or we run in a container.
    """
    refuse_from_container(parts.opened.runs)
    opened = parts.opened
    for candidate in opened.engines:
        engine = parts.gatherers[candidate.facts.label].engine_facts()
        if engine.local and not opened.simulated and _is_ours(engine):
            return TrustChange(
                engine,
                opened.files,
                user_home(os.geteuid()),
                in_use,
            )
    raise UsageError(
        "None of these engines belongs to this account on this machine, so its policy cannot be "
        "tried here.",
        "Run HardenTUI on that host, as the engine's user.",
    )


def _is_ours(engine: EngineFacts) -> bool:
    return known(lambda: engine.trust.uid, else_=None) == os.geteuid()


def simulated_trust_change(
    parts: Parts,
    in_use: Iterable[str],
) -> TrustChange:
    """For an engine of the simulated host: drafting only.

    Raises:
        UsageError: its policy is unknown.
    """
    opened = parts.opened
    engine = parts.gatherers[opened.engines[0].facts.label].engine_facts()
    return TrustChange(
        engine,
        opened.files,
        "/root",
        in_use,
    )


def files_of(rule: ScopeRule) -> tuple[str, ...]:
    """The files with keys and certificates that a rule names."""
    return tuple(path for path in (rule.key, rule.ca, rule.rekor) if path)


def why_not(draft: TrustDraft, proofs: Sequence[PullProof]) -> str:
    """Why a draft must not be applied; empty if nothing prevents it."""
    if draft.faults:
        return "; ".join(draft.faults)
    if draft.refused:
        return (
            f"{', '.join(visible(image, 100) for image in draft.refused)} could no longer be pulled"
        )
    failed = [proof for proof in proofs if not proof.holds]
    if failed:
        return "; ".join(
            f"the pull {proof.case!r} of {proof.pull.reference} was {proof.pull.verdict}"
            for proof in failed
        )
    wanted = {(case, rule.scope) for rule in draft.rules if rule.kind.verifies for case in _CASES}
    wanted |= {("other repository", "default")} if draft.rejects else set()
    missing = wanted - {(proof.case, proof.scope) for proof in proofs}
    return f"{len(missing)} of its pulls are missing" if missing else ""


def way_out(draft: TrustDraft) -> Sentence:
    """What helps where images in use would be refused."""
    if not draft.refused:
        return ""
    return ("Add rules for them, or accept that", Flag("--accept-in-use"), ".")


_CASES = ("signed", "wrong key", "unsigned")


def _full(reference: str) -> str:
    """The full name of a registry image; empty for a local image or an ID."""
    try:
        full = full_reference(reference)
    except ValueError:
        return ""
    return "" if full.startswith("localhost/") else full


def _diff(file: TrustFile) -> str:
    lines = difflib.unified_diff(
        (file.before or "").splitlines(keepends=True),
        file.text.splitlines(keepends=True),
        visible(file.path) if file.before is not None else "/dev/null",
        visible(file.path),
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _clear(read: Callable[[*Arguments], V], *arguments: *Arguments) -> V:
    """What `read(*arguments)` returns; InputError with the reason if that cannot be read."""
    try:
        return read(*arguments)
    except Unread as unread:
        raise InputError(f"{unread.reason}.") from None
