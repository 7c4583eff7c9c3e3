"""What others would deploy: the same diffusers checkpoint behind their servers.

Each module is a program: `python -m benchmarks.peers.<module> --help`.
"""
