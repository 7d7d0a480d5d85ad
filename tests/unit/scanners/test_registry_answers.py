"""What registries said, and since when a digest is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardentui.features.images.updates import digest_of
from hardentui.model.image import RegistryDigest
from hardentui.model.known import Unread
from hardentui.scanners.registry_answers import NEVER_ASKED, RegistryAnswers

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAME = "quay.io/team/app:1"


def test_a_digest_is_as_old_as_its_first_sight_here(tmp_path: Path) -> None:
    answers = RegistryAnswers(lambda: tmp_path)
    assert answers.of(NAME) == NEVER_ASKED
    assert answers.keep(NAME, "sha256:a", NOW) == RegistryDigest("sha256:a", NOW, NOW)
    later = NOW + timedelta(days=2)
    assert answers.keep(NAME, "sha256:a", later) == RegistryDigest("sha256:a", later, NOW)
    assert answers.keep(NAME, "sha256:b", later).first_seen == later
    again = RegistryAnswers(lambda: tmp_path)
    assert again.of(NAME) == RegistryDigest("sha256:b", later, later)
    assert again.keep(NAME, "sha256:a", later).first_seen == NOW, "an image that comes back is no new one"


def test_only_the_newest_digests_are_remembered(tmp_path: Path) -> None:
    answers = RegistryAnswers(lambda: tmp_path)
    for day in range(40):
        answers.keep(NAME, f"sha256:{day}", NOW + timedelta(days=day))
    seen = json.loads((tmp_path / "registry.json").read_text())["answers"][NAME]["seen"]
    assert len(seen) == 20
    assert "sha256:39" in seen


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"answers": {"a": {"digest": 1}}}'])
def test_a_damaged_file_is_unknown_and_is_replaced_by_the_next_answer(tmp_path: Path, content: str) -> None:
    (tmp_path / "registry.json").write_text(content)
    answers = RegistryAnswers(lambda: tmp_path)
    assert isinstance(answers.of(NAME), Unread)
    assert answers.of(NAME) != NEVER_ASKED
    answers.keep(NAME, "sha256:a", NOW)
    assert RegistryAnswers(lambda: tmp_path).of(NAME) == RegistryDigest("sha256:a", NOW, NOW)


@pytest.mark.parametrize("printed", ["", "latest", "sha256:abc", "sha256:" + "a" * 64 + "\nx"])
def test_only_a_digest_is_an_answer(printed: str) -> None:
    assert isinstance(digest_of(NAME, lambda *arguments: printed), Unread)
    good = "sha256:" + "a" * 64
    assert digest_of(NAME, lambda *arguments: f"{good}\n") == good
