"""The `outreach` command."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC's core else tells of every lost connection on stderr
