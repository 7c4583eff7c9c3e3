"""The procedural corpus: kinds of sound synthesised by our own code, and captions for them."""
