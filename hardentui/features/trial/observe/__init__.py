"""A container watched from its first instruction. Each observer reports what it could not see."""
