"""Facts as pages to read: images, networks, trust."""
