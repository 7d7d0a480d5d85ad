"""Who must have signed an image: policy files, keys, signatures, and pulls that prove the policy."""
