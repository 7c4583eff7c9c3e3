"""Triton backend `onnxruntime`: stands in for NGC's native backend of the same name."""
