"""Images: what is in them, scans, what registries offer that is newer."""
