"""Take results of host scanners in: Lynis, OpenSCAP."""

from __future__ import annotations

from hardentui.model.host_scan import HostScan
from hardentui.scanners.host_scans import read_scan
from hardentui.scanners.kept_host_scans import HostScans
from hardentui.state.own_files import state_folder


def take_in(path: str) -> HostScan:
    """Keep the result in a file for the checks of this host.

    Raises:
        InputError: it is no result, cannot be read, or says nothing.
        WriteError: it could not be kept.
    """
    scan = read_scan(path)
    HostScans(state_folder).keep(scan)
    return scan
