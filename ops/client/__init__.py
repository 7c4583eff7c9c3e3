"""`tritone generate` and `tritone say`: a client of any Tritone, over HTTP alone."""
