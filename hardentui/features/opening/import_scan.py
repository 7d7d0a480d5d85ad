"""A result of a host scanner is kept."""

from __future__ import annotations

from hardentui.model.host_scan import HostScan
from hardentui.scanners.host_results import read_scan
from hardentui.scanners.host_scans import HostScans
from hardentui.state import state_directory


def import_scan(path: str) -> HostScan:
    """Store the result in a file for the checks of this host.

    Raises:
        InputError: it is not a result, cannot be read, or is empty.
        WriteError: it could not be stored.
    """
    scan = read_scan(path)
    HostScans(state_directory).keep(scan)
    return scan
