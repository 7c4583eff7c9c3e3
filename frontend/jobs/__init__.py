"""Sounds that are made later: accepted durably, ended exactly once. Knows no HTTP."""
