"""What is advised when a key or a proof goes wrong."""

import os
import threading
from pathlib import Path

import pytest

from hardentui.do import said
from hardentui.errors import WriteError
from hardentui.features.trust.own_keys import new_key
from hardentui.features.trust.proof import hint_for
from hardentui.model.trust_change import Pull, PullProof, PullVerdict


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("absent", "does not exist"),
        ("file", "is not a directory"),
    ],
)
def test_a_key_in_a_directory_that_is_none_is_our_own_sentence(
    place: str,
    words: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError) as raised:
        new_key(
            str(tmp_path / place),
            "release",
            "",
            stop=threading.Event(),
        )
    assert words in raised.value.title
    assert raised.value.title.endswith("nothing was changed.")
    assert "level=" not in str(raised.value)


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="makes a directory of another account",
)
def test_no_key_is_made_where_another_account_could_exchange_it(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 4321)
    with pytest.raises(WriteError, match="can be changed by another account"):
        new_key(
            str(tmp_path),
            "release",
            "",
            stop=threading.Event(),
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wanted", list(PullVerdict))
@pytest.mark.parametrize("verdict", list(PullVerdict))
def test_only_an_image_that_should_be_accepted_is_helped_by_accepting_more(
    wanted: PullVerdict,
    verdict: PullVerdict,
) -> None:
    hint = hint_for(
        PullProof(
            "a case",
            "quay.io",
            wanted,
            Pull("quay.io/x:1", verdict),
        )
    )
    loosens = wanted is PullVerdict.ACCEPTED and verdict is PullVerdict.WRONG_IDENTITY
    assert ("accept any tag (--any-tag)" in said(hint, with_flags=True)) is loosens
