"""The types that the fields of Podman's answers must have, as far as they are read anywhere.

The names are Podman's (libpod/define, go.podman.io/common), versions 4.4 to 6. A field may be absent or null.
Nothing is made of these classes: an answer is compared with them once, where it comes in (`shapes.typed`),
and everybody after that may rely on its types. A field that is not here is read by nobody.

These modules do without `from __future__ import annotations`: msgspec would compile each annotation out of
its text, which is most of what the first answer costs (17 of 29 million instructions).
"""
