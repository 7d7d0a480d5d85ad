"""What a property asks of the program is asked in directories of no account."""

from tests.support.account import _elsewhere, shared_directories

__all__ = ["_elsewhere", "shared_directories"]
