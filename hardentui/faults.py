"""Crash reports tell where it failed, and never a value: messages and local variables may hold secrets."""

from __future__ import annotations

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h; never that of a check with findings."""


_MOST_FRAMES = 12


def fault_text(fault: BaseException) -> str:
    """A few lines with the kind of error and the code locations, innermost last."""
    places = []
    step = fault.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"  {_shown(code.co_filename)}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    cause = fault.__cause__ or fault.__context__
    after = f" (after {type(cause).__name__})" if cause is not None else ""
    return "\n".join(
        (
            f"hardentui: internal error: {type(fault).__name__}{after}.",
            "Please report these lines; they contain no data of this host.",
            *places[-_MOST_FRAMES:],
        )
    )


def _shown(path: str) -> str:
    """The path from the package on; of other code the last two parts."""
    parts = path.split("/")
    start = (
        len(parts) - 1 - parts[::-1].index("hardentui") if "hardentui" in parts else len(parts) - 2
    )
    return "/".join(parts[max(start, 0) :])
