"""The questions that checks ask of facts. Pure."""
