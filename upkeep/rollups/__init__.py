"""Write the rollups: compaction, copies, and the garbage that both leave."""
