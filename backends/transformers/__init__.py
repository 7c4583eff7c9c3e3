"""Checkpoints of the library transformers that speak or make music, behind two kinds of models.

This room alone, of all that serves, imports torch: an optional extra.
"""
