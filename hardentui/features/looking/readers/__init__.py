"""Facts of a container that few checks ask for: each is one function, named after the fact."""

from hardentui.features.looking.readers import engine, files, host, seccomp, unit, written
from hardentui.features.looking.readers.place import OF_LOCAL_ENGINES, READERS, Place

__all__ = (
    "OF_LOCAL_ENGINES",
    "READERS",
    "Place",
    "engine",
    "files",
    "host",
    "seccomp",
    "unit",
    "written",
)
