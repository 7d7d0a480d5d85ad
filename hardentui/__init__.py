"""HardenTUI: from found to fixed and proven, for containers on Podman hosts.

This package imports nothing: whoever wants the terminal UI pays for it, nobody else does.
"""

__version__ = "0.1.0"
