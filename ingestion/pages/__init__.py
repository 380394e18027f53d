"""What web pages ask for: the tracker's scripts, and the pixel."""
