"""Step 5: limits, file systems, namespaces, labels and secrets."""
