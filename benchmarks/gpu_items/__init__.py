"""What `python -m benchmarks.gpu` measures, one module a subject. Torch is imported when needed."""
