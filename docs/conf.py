"""The site of these pages: `make site`. No page loads anything from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
project = "HardenTUI"
author = copyright = "The HardenTUI maintainers"
_version = re.search(r'__version__ = "(.*)"', (ROOT / "hardentui/__init__.py").read_text())
release = _version[1] if _version else ""
extensions = ["myst_parser"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository that are no pages
html_theme = "furo"
html_title = f"HardenTUI {release}"
html_show_sphinx = False
html_copy_source = False
# each change before the first release: of no use to whoever searches, and longer than all the rest
exclude_patterns = ["man", "history.md"]
