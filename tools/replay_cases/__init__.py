"""What the shipped replay cases are, in words and values; `tools/make-replay-cases` plays and records them."""
