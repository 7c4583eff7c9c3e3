"""The ways to call a transformer: `bls` (a Triton model), `onnx` (in this process)."""
