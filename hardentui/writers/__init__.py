"""Writers: pure text in each format, and the one module that puts text into files."""
