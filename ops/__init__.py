"""The `tritone` command: run the local stack, look after it, and look at it.

The only place beside the frontend that speaks gRPC to Triton; imports none of the servers' code.
"""

import os

# We start processes while gRPC's threads run. Its fork handlers write into the child's stderr, and
# a child that becomes another program at once has no use for them. Read when gRPC is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
