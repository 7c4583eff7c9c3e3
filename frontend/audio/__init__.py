"""PCM to the bytes of a format. Knows no HTTP and no contract."""
