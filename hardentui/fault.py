"""What is told when HardenTUI itself fails: where, and never a value.

Messages of Python's errors and local variables hold what was worked on: variables of containers, commands,
secrets. A terminal, a journal or a bug report is no place for them.
"""

from __future__ import annotations

import os
import traceback

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h; never that of a check with findings."""
_MOST_FRAMES = 12


def fault_text(fault: BaseException) -> str:
    """A few lines that name the kind of error and the places in the code, the last one where it happened."""
    frames = list(traceback.walk_tb(fault.__traceback__))[-_MOST_FRAMES:]
    places = [f"  {_shown(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in frames]
    cause = fault.__cause__ or fault.__context__
    after = f" (after {type(cause).__name__})" if cause is not None else ""
    return "\n".join(
        (
            f"hardentui: a fault of HardenTUI itself: {type(fault).__name__}{after}.",
            "Please report these lines; they hold no values of this host.",
            *places,
        )
    )


def _shown(path: str) -> str:
    """The path from the package on; of other code the last two parts."""
    parts = path.split(os.sep)
    start = len(parts) - 1 - parts[::-1].index("hardentui") if "hardentui" in parts else len(parts) - 2
    return "/".join(parts[max(start, 0) :])
