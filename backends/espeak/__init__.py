"""Triton backend `espeak`: text to phonemes by espeak-ng (GPL-3), in a process of its own."""
