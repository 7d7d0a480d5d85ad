"""Our own files: caches and state kept between sessions."""
