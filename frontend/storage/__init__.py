"""Finished files: written once, read by range, expiring. Knows no HTTP and no jobs."""
