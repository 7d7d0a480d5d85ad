"""Comments are left out before Podman's files are parsed; what they say stays what tomllib reads."""

import tomllib

import pytest

from hardentui.host.files.reader import parsed
from hardentui.toml_document import TomlFault

TEXTS = (
    "",
    "# only a comment",
    '# one\n[engine]\n  # two\nruntime = "crun" # three\nlist = [\n  "a",\n  # in a list\n  "b",\n]\n',
    'text = """\n# no comment\n"""\n',
    "text = '''\n# no comment\n'''\n",
    "mark = \"#\"\r\n# a comment\r\nother = '# 1'\r\n",
)


@pytest.mark.parametrize("text", TEXTS)
def test_it_says_what_tomllib_says(text: str) -> None:
    assert parsed(text) == tomllib.loads(text)


def test_an_error_names_the_line_of_the_file() -> None:
    with pytest.raises(TomlFault, match="line 3"):
        parsed("# one\n# two\nbroken =\n")
