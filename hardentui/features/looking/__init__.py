"""From containers to facts and findings."""
