"""Writers: a spec as pure text in each format."""
