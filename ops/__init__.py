"""The `tritone` command: run the local stack, look after it, and look at it.

The only place beside the frontend that speaks gRPC to Triton; imports none of the servers' code.
"""

import os

# We start processes while gRPC's threads run. Its fork handlers write into the child's stderr, and
# a child that becomes another program at once has no use for them. Read when gRPC is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Nothing on this machine is behind a proxy, whatever the environment says of the way out: urllib,
# gRPC and the children read these.
for _name in ("no_proxy", "NO_PROXY"):
    _given = os.environ.get(_name)
    os.environ[_name] = ",".join(filter(None, [_given, "127.0.0.1,localhost,::1"]))
