"""The schemas that are made from the structs of the documents; `make docs` writes them.

A description is the comment of a field, or its line in the docstring. What a struct can leave out
when it is made, a document always has: every field is required, but those that may be UNSET.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct, structs
from msgspec.json import schema_components

from hardentui.cli.plan_document import PlanDocument
from hardentui.cli.trial import RehearsalDocument
from hardentui.features.at_rest.against_release import Rehearsed
from hardentui.features.compare import ComparisonDocument
from hardentui.features.harden.card import Card
from hardentui.features.harden.host_run import RunEvent
from hardentui.features.images.documents import ImagesDocument
from hardentui.features.images.updates import UpdatesDocument
from hardentui.features.networks.documents import NetworksDocument, ProofDocument, SplitDocument
from hardentui.features.networks.outgoing import Outgoing
from hardentui.features.reports.check_document import CheckDocument
from hardentui.features.rights.document import RightsDocument
from hardentui.features.setting_table import SettingsDocument
from hardentui.features.training.class_report import ClassReport, ExamResult
from hardentui.model.journal_document import JournalDocument
from hardentui.model.monitoring import Sample
from hardentui.model.severity import Severity
from hardentui.model.trial import Trial

DIRECTORY = Path(__file__).resolve().parent.parent / "hardentui/features/reports"
DOCUMENTS: dict[str, tuple[type[Struct], str]] = {
    "check-3": (CheckDocument, "hardentui check --format json: findings of a host or of files"),
    "plan-1": (PlanDocument, "hardentui plan NAME --format json: what would harden a container"),
    "harden-1": (Card, "hardentui harden NAME --format json: what hardening makes of a container"),
    "trial-1": (
        Trial,
        "hardentui trial --format json; trial.json",
    ),
    "journal-1": (
        JournalDocument,
        "hardentui journal, apply, undo, confirm --format json: changes to the host",
    ),
    "class-1": (ClassReport, "hardentui train report --format json: what a class has done"),
    "exam-1": (ExamResult, "hardentui train class end: the signed result of a learner"),
    "everything-1": (
        RunEvent,
        "hardentui harden --everything --format json: how the trials of all containers stand",
    ),
    "networks-1": (
        NetworksDocument,
        "hardentui networks --format json: who is where, what is open, who reaches whom",
    ),
    "compare-1": (
        ComparisonDocument,
        "hardentui check --since FILE --format json: two reports side by side",
    ),
    "rehearsal-1": (
        RehearsalDocument,
        "hardentui trial NAME --image NEW --format json: another image, after a twin of today's",
    ),
    "release-1": (
        Rehearsed,
        "hardentui check PATH --against-release DIR --format json: today's drop-ins on a next release",
    ),
    "settings-1": (
        SettingsDocument,
        "hardentui config --format json: each value, and where it comes from",
    ),
    "outgoing-1": (
        Outgoing,
        "hardentui networks --outgoing --format json: what a container contacts, and rules for that",
    ),
    "proof-1": (
        ProofDocument,
        "hardentui networks --prove --format json: real connections that were tried",
    ),
    "split-1": (
        SplitDocument,
        "hardentui networks --split --format json: separate networks for applications that share one",
    ),
    "images-1": (ImagesDocument, "hardentui images --format json: images, contents and scans"),
    "rights-1": (
        RightsDocument,
        "hardentui check NAME --rights --format json: what the kernel lets a container do",
    ),
    "updates-1": (
        UpdatesDocument,
        "hardentui images --updates --format json: what registries offer",
    ),
    "watch-1": (
        Sample,
        "hardentui watch NAME --format json: one look at a container, one line each",
    ),
}
_REFERENCE = "#/$defs/{name}"


def schemas() -> dict[Path, str]:
    """File -> text, of each schema."""
    return {
        DIRECTORY / f"{name}.schema.json": _text(name, document, title)
        for name, (document, title) in DOCUMENTS.items()
    }


def _text(name: str, document: type[Struct], title: str) -> str:
    _, components = schema_components([document], ref_template=_REFERENCE)
    whole = {key: _described(key, part, document) for key, part in components.items()}
    root = whole.pop(document.__name__)
    identity = f"hardentui/{name.replace('-', '/')}"
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identity,
        "title": title,
    }
    defs = dict(sorted(whole.items()))
    text = json.dumps({**head, **root, "$defs": defs}, indent=2, ensure_ascii=False) + "\n"
    of_itself = _REFERENCE.format(name=document.__name__)
    return text.replace(f'"{of_itself}"', '"#"')  # a card holds cards


def _described(name: str, part: dict[str, Any], document: type[Struct]) -> dict[str, Any]:
    """A component with the descriptions of its struct, and with every field required.

    The tag of a document, which is no field of its struct, is its first property.
    """
    part = {key: value for key, value in part.items() if key != "title"}
    if "description" in part:  # from 3.13 on, Python itself takes the indent away
        part["description"] = inspect.cleandoc(part["description"])
    if name == Severity.__name__:
        return {"enum": [severity.word for severity in Severity]}
    struct = _structs(document).get(name)
    if struct is None or "properties" not in part:
        return part
    names = {field.name: field for field in structs.fields(struct)}
    fields = {field.encode_name: field for field in names.values()}
    told = {
        field.encode_name: text
        for base in reversed(struct.__mro__)
        if issubclass(base, Struct) and base is not Struct
        for name, text in _descriptions(base).items()
        if (field := names.get(name)) is not None
    }
    properties = {}
    for field, value in part["properties"].items():
        inner = {key: of for key, of in value.items() if key != "default"}
        properties[field] = {**inner, **({"description": told[field]} if field in told else {})}
    required = [
        field for field in properties if field not in fields or fields[field].default is not UNSET
    ]
    first = inspect.cleandoc(struct.__doc__ or "").partition("\n\n")[0]
    return {
        "type": "object",
        "description": " ".join(first.split()),
        "required": required,
        "properties": properties,
    }


def _structs(document: type[Struct]) -> dict[str, type[Struct]]:
    """The structs that a document is made of, by name."""
    by_name: dict[str, type[Struct]] = {}
    waiting: list[Any] = [document]
    while waiting:
        kind = waiting.pop()
        waiting += getattr(kind, "__args__", ())
        if isinstance(kind, type) and issubclass(kind, Struct) and kind.__name__ not in by_name:
            by_name[kind.__name__] = kind
            waiting += [field.type for field in structs.fields(kind)]
    return by_name


def _descriptions(struct: type[Struct]) -> dict[str, str]:
    """Field -> what its comment says: behind it, or on the lines above it; else the docstring."""
    source = textwrap.dedent(inspect.getsource(struct))
    lines = source.splitlines()
    told = _attributes(struct.__doc__ or "")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        behind = lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset :]
        above: list[str] = []
        at = node.lineno - 2
        while at >= 0 and lines[at].strip().startswith("#"):
            above.insert(0, lines[at].strip().removeprefix("#").strip())
            at -= 1
        comment = behind.partition("#")[2].strip() or " ".join(above)
        if comment:
            told[node.target.id] = comment
    return told


def _attributes(doc: str) -> dict[str, str]:
    """The lines below `Attributes:` of a docstring."""
    told: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(doc).partition("Attributes:\n")[2].splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, _, text = line.strip().partition(": ")
            told[name] = text
        elif name and line.strip():
            told[name] += f" {line.strip()}"
    return told
