"""Who is mailed: people of the project, and whoever said yes and not yet no."""
