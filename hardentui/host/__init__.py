"""Everything that is read from the host itself: /proc, cgroups, files and its own generator."""
