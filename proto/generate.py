"""Generates outreach/v1 from the .proto files, and lints them: `python proto/generate.py [--check]`.

protovalidate's wheel ships the descriptor of buf/validate/validate.proto and no .proto file, so protoc and buf get the
descriptor. The generated modules import it through outreach.validation instead of a generated copy of theirs.
"""

from __future__ import annotations

import filecmp
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
UNIMPLEMENTED = "raise NotImplementedError('Method not implemented!')"
REASON = "  # grpc's base class: tests/unit/test_contract.py proves that ours override it"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
SCRIPTS = Path(sysconfig.get_path("scripts"))


def validate_descriptors() -> bytes:
    """The descriptor set of validate.proto and all that it imports."""
    descriptors = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2):
        module.DESCRIPTOR.CopyToProto(descriptors.file.add())
    descriptors.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return descriptors.SerializeToString()


def run_protoc(descriptor_set: Path, *arguments: str) -> None:
    files = [str(path.relative_to(PROTO)) for path in sorted(PROTO.glob("outreach/v1/*.proto"))]
    status = protoc.main(
        ["protoc", f"--descriptor_set_in={descriptor_set}", f"-I{PROTO}", f"-I{WELL_KNOWN}", *arguments, *files]
    )
    if status:
        sys.exit("protoc failed; its message stands above")


def generate(target: Path, descriptor_set: Path) -> None:
    plugins = (
        f"--plugin=protoc-gen-mypy={SCRIPTS / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={SCRIPTS / 'protoc-gen-mypy_grpc'}",
    )
    outputs = (f"--{kind}_out={target}" for kind in ("python", "grpc_python"))
    types = (f"--{kind}_out=quiet:{target}" for kind in ("mypy", "mypy_grpc"))
    run_protoc(descriptor_set, *plugins, *outputs, *types)
    for path in (target / "outreach/v1").glob("common_pb2_grpc.*"):
        path.unlink()  # common.proto has no service
    for path in (target / "outreach/v1").glob("*_pb2*"):
        text = path.read_text()
        text = text.replace("from buf.validate import validate_pb2", "from outreach import validation")
        path.write_text(text.replace(UNIMPLEMENTED, UNIMPLEMENTED + REASON))


def lint(descriptor_set: Path, image: Path) -> None:
    run_protoc(descriptor_set, "--include_imports", "--include_source_info", f"-o{image}")
    config = '{"version":"v2","lint":{"use":["STANDARD","COMMENTS"],"ignore":["buf","google"]}}'
    result = subprocess.run([SCRIPTS / "buf", "lint", f"{image}#format=binpb", "--config", config], check=False)
    if result.returncode:
        sys.exit("buf lint has findings; they stand above")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        descriptor_set = fresh / "validate.binpb"
        descriptor_set.write_bytes(validate_descriptors())
        lint(descriptor_set, fresh / "image.binpb")
        generate(fresh, descriptor_set)
        generated, kept = fresh / "outreach/v1", ROOT / "outreach/v1"
        names = sorted(path.name for path in generated.iterdir())
        if "--check" in sys.argv:
            old = sorted(path.name for path in kept.glob("*_pb2*"))
            _, different, missing = filecmp.cmpfiles(generated, kept, names, shallow=False)
            if different or missing or old != names:
                sys.exit(f"outreach/v1 is out of date ({[*different, *missing]}): run `make generate`")
            return
        for path in kept.glob("*_pb2*"):
            path.unlink()
        for name in names:
            (kept / name).write_bytes((generated / name).read_bytes())


if __name__ == "__main__":
    main()
