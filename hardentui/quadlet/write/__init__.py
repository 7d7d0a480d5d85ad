"""Units out of specs."""
