"""What a container does, watched from the first instruction on. Each observer says what it could not see."""
