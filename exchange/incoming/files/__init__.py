"""Files of strangers: what they may hold, unpacked, as text, and as rows of cells or objects."""
