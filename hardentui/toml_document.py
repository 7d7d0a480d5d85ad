"""Reading TOML that somebody else wrote, and the line of each of its values."""

from __future__ import annotations

import re
from typing import Any


class TomlFault(ValueError):
    """A text is not valid TOML, or nothing that a person would write; it says where, if that is
    known."""

    def place_in(self, text: str) -> tuple[int, str]:
        """Its line, the last one if it is not known, and what is wrong there."""
        number = re.search(r"at line (\d+)", str(self))
        line = int(number[1]) if number else text.rstrip("\n").count("\n") + 1
        return line, re.sub(r" \(at .*\)$", "", str(self))


def read_toml(text: str) -> dict[str, Any]:
    """The document in a TOML text.

    Raises:
        TomlFault
    """
    import tomllib  # 12 to 16 ms, and most sessions read none

    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise TomlFault("it is nested too deeply") from error
    except ValueError as error:  # also a number of thousands of digits
        raise TomlFault(str(error)) from error
