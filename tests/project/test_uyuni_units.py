"""Uyuni's units, rendered from its templates: all are read. The templates are not in this repository."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hardentui.features.at_rest.checking import AtRest, look
from tests.support.uyuni import CLONE
from tools.uyuni_units import RELEASES, render, units, write


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a {{ .Name }} b", "a x b"),
        ("a \\\n\t{{- if .Name }}\n\t-v {{ .Name }} \\\n\t{{- end }}\n\tz", "a \\\n\t-v x \\\n\tz"),
        ("{{- range .Ports }}-p {{ .Port }}:{{ .Port }} {{ end }}.", "-p 1:1 -p 2:2 ."),
        ("{{ range .Ports }}{{ if $.Name }}n{{ else }}o{{ end }}{{ end }}", "nn"),
        ("{{ if .None }}a{{ else }}b{{ end }}", "b"),
        ("{{ .CaSecret }}", "uyuni-ca-secret"),
    ],
)
def test_a_template_of_go_is_rendered(template: str, text: str) -> None:
    values = {"Name": "x", "None": "", "Ports": [{"Port": 1}, {"Port": 2}]}
    assert render(template, values) == text


def test_what_a_template_uses_besides_is_refused() -> None:
    with pytest.raises(ValueError, match="printf"):
        render("{{ printf .Name }}", {})


@pytest.mark.skipif(not CLONE, reason="HARDENTUI_UYUNI_TOOLS names no clone of uyuni-tools")
@pytest.mark.parametrize("release", RELEASES)
def test_every_unit_of_a_release_is_read(release: str, tmp_path: Path) -> None:
    tag = f"uyuni-tools-{release}"
    count = write(Path(CLONE), tag, tmp_path)
    looked = look(AtRest((str(tmp_path),)), date(2026, 12, 1))
    assert not looked.refused
    assert len(looked.services) == count == len(list(units(Path(CLONE), tag)))
    assert all(judged.facts.vendor is not None for judged in looked.services)
