"""What a file of columns is, and the folders in which files lie."""
