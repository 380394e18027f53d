"""Keep the columns: write what is new, merge, clear away, compare with the events, make anew."""
