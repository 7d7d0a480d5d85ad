"""The contents of an image, read without running it and without unpacking it to disk."""
