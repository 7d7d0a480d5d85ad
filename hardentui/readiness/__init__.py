"""Whether a service works: how readiness is judged, the wait for it, and probes."""
