"""Files of our own: caches and what is remembered between sessions."""
