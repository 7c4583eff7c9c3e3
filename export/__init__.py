"""From a diffusers checkpoint to a Triton model repository. Offline; never imported by servers."""
