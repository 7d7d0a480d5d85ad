"""Whether a service works: what its readiness is judged by, the wait for it, and probes."""
