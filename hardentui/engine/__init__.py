"""Everything that talks to Podman: finding it, requests, answers, events."""
