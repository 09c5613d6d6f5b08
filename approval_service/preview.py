"""What a message would say, personal data masked: for a preflight."""

from __future__ import annotations

from sqlalchemy import Connection

from approval_service import admission
from approval_service.admission import Judged
from approval_service.calls import Call
from approval_service.catalog import CatalogCache
from approval_service.context import Context
from approval_service.keys import KeyRing
from approval_service.store.head import read_catalog_version, read_clock
from outreach.domain.masking import mask_name
from outreach.domain.templating import render, segments, signed
from outreach.v1.outreach_service_pb2 import PreflightResponse, SmsItem
from outreach.v1.template_service_pb2 import PlaceholderType


def preflight(connection: Connection, keys: KeyRing, catalogs: CatalogCache, call: Call[SmsItem]) -> PreflightResponse:
    """Read of Preflight: the decision as of now. Stores nothing."""
    now_ms, catalog = read_clock(connection).now_ms(), catalogs.at(connection, read_catalog_version(connection))
    context, judged = admission.preflight(connection, keys, catalog, now_ms, call)
    text, count = _masked_text(context, judged)
    decision = admission.decision_of(judged, call.request)
    return PreflightResponse(decision=decision, masked_text=text, segments=count)


def _masked_text(context: Context, judged: Judged) -> tuple[str, int]:
    """The text as it would leave now, names masked, and its segments; empty and 0 if it cannot be rendered."""
    message, facts = judged.message, judged.facts
    template = facts.template
    if template is None or message.account is None or message.person is None or facts.value_problems:
        return "", 0
    if facts.policy is None:
        return "", 0
    texts = {**message.variables, **context.record_texts(message)}
    content = template.content
    count = segments(len(signed(content.signature, render(content.text, texts))))
    for placeholder in content.placeholders:
        if placeholder.type == PlaceholderType.PLACEHOLDER_TYPE_NAME:
            texts[placeholder.name] = mask_name(texts[placeholder.name])
    return signed(content.signature, render(content.text, texts)), count
