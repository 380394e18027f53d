"""Dead letters: replay, discard, edit (docs/dead-letters.md)."""
