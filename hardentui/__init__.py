"""HardenTUI: from found to fixed and proven, for containers on Podman hosts.

This package imports nothing, so only those who use the terminal UI pay for loading it.
"""

__version__ = "0.1.0"
