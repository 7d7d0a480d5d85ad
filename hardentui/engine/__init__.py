"""Everything that talks to Podman: where it is, how it is asked, what it answers, what it reports."""
