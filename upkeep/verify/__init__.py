"""Count raw events again, and compare the rollups with them or make them anew."""
