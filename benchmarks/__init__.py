"""Speed as ratios: ours against the raw cost of the same work, interleaved, in one run on one
machine."""
