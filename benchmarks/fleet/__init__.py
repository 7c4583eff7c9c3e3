"""Many Tritons and frontends, simulated: stub Tritons over real gRPC, the frontends' real pools."""
