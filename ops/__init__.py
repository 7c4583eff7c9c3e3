"""The `tritone` command: run the local stack, look after it, and look at it.

The only place beside the frontend that speaks gRPC to Triton; imports none of the servers' code.
"""
