"""Measurements of the running product, over HTTP and gRPC; imports none of its packages."""
