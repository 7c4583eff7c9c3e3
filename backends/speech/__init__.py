"""Triton backend `speech`: text to chunks of PCM, sentence by sentence."""
