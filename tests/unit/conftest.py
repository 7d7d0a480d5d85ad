"""Each test has an account's directories of its own."""

from tests.support.account import _elsewhere, own_directories, shared_directories

__all__ = ["_elsewhere", "own_directories", "shared_directories"]
