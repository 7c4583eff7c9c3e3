"""API keys: who may enter, how often, and what came of it. Knows no HTTP."""
