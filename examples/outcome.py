"""What came of the day: the summary file, and whether it is what the rules demand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
from google.rpc import code_pb2  # type: ignore[import-untyped]  # googleapis-common-protos ships no types

from examples.office import BANKS
from examples.stage import FOLDER, Stage
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import Channel

CHANNELS = {"sms": Channel.CHANNEL_SMS, "letters": Channel.CHANNEL_LETTER}
"""The parts of the summary."""


async def write_summary(stage: Stage) -> dict[str, Any]:
    """Writes <state_dir>/summary.json, all banks together, and returns what it says."""
    document = {name: await _counts(stage, channel) for name, channel in CHANNELS.items()}
    path = stage.office.settings.state_dir / "summary.json"
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    return document


async def _counts(stage: Stage, channel: Channel.ValueType) -> dict[str, dict[str, int]]:
    by_state: Counter[str] = Counter()
    by_code: Counter[str] = Counter()
    for summary in (await stage.summaries(channel)).values():
        by_state.update(summary.states)
        by_code.update(summary.codes)
    return {"states": dict(by_state), "codes": dict(by_code)}


async def differences(stage: Stage, summary: dict[str, Any]) -> list[str]:
    """Where the day ended otherwise than expected.json says, case by case; empty if nowhere."""
    expected = orjson.loads((FOLDER / "expected.json").read_bytes())
    supervisor, found = stage.office["supervisor-1"], {}
    for bank in BANKS:
        async for one in supervisor.list(bank):
            found[one.request_id] = states.name(one.state)
    lines = []
    for request_id in sorted(expected["cases"].keys() | found.keys()):
        wanted, was = expected["cases"].get(request_id, "").split(" ")[0], found.get(request_id, "")
        if wanted != was:
            lines.append(f"{request_id}: {was or 'not stored'}, expected {wanted or 'nothing'}")
    for channel in CHANNELS:
        wanted_codes, codes = expected[channel]["codes"], summary[channel]["codes"]
        for code in sorted(wanted_codes.keys() | codes.keys()):
            if wanted_codes.get(code, 0) != codes.get(code, 0):
                lines.append(f"{channel} {code}: {codes.get(code, 0)}, expected {wanted_codes.get(code, 0)}")
    return [*lines, *_wrong_answers(stage)]


def _wrong_answers(stage: Stage) -> list[str]:
    """A repeated request gets its first answer; under the same id with another body, ALREADY_EXISTS."""
    lines = []
    for request_id, answers in stage.answers.items():
        (first_item, first), *others = answers
        for item, result in others:
            if item == first_item:
                is_right = result.decision == first.decision
            else:
                is_right = result.error.code == code_pb2.ALREADY_EXISTS
            if not is_right:
                lines.append(f"{request_id}: a repeated request got another answer")
    return lines
