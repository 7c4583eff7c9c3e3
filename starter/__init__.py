"""The bundled starter checkpoint.

A procedural corpus, the training of a small diffusion model on it, and its evaluation.
"""
