"""Who must have signed an image: the files that say so, keys, signatures, and pulls that prove it."""
