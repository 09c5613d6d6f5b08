from tests.unit.runtime.conftest import nats_process

__all__ = ["nats_process"]
