"""The REST side: contracts in, gRPC out."""
