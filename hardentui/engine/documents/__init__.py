"""The types of the fields of Podman's answers, as far as any code reads them.

The names are Podman's (libpod/define, go.podman.io/common), versions 4.4 to 6. A field may be absent or null.
These classes are never instantiated: an answer is validated against them once, on arrival (`shapes.typed`),
and all later code may rely on its types. A field that is not here is not read anywhere.

These modules omit `from __future__ import annotations`: msgspec would compile each annotation from its
text, most of the cost of the first answer (17 of 29 million instructions).
"""
