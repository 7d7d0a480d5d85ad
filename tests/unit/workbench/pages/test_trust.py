"""The page of what an engine's user trusts."""

import pytest

from hardentui.features.sections import Tone
from hardentui.features.trust.page import trust_page
from hardentui.model.facts import EngineFacts
from hardentui.model.spec import Version
from hardentui.model.trust import Registries, TrustFacts


@pytest.mark.parametrize(
    ("mode", "says", "tone"),
    [
        ("enforcing", "an ambiguous name is refused", Tone.PLAIN),
        ("permissive", "without a terminal", Tone.BAD),
        ("disabled", "the first search registry that has the name is used", Tone.BAD),
    ],
)
def test_a_mode_of_short_names_says_what_it_means(mode: str, says: str, tone: Tone) -> None:
    """`disabled` alone would read as if no short name were accepted."""
    trust = TrustFacts(registries=Registries(short_name_mode=mode))
    page = trust_page(EngineFacts(version=Version(5, 4, 2), trust=trust), ())
    (line,) = [line for section in page for line in section.lines if line.label == "short names"]
    assert line.text.startswith(f"{mode}: ")
    assert says in line.text
    assert line.tone is tone
