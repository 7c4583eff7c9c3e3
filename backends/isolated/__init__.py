"""Engines that run in environments of their own: one class each, which turns a text into samples.

These modules are imported in such an environment only (`tritone voices engine add NAME`). What is
around them, the speaker with its queue, sentences and streams, is the same as for every engine.
"""
