"""Pronunciation dictionaries: rules that callers keep here, and name when they speak."""
