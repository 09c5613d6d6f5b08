"""The play test: in every position of the sheet the window shows the whole address and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letter_service.layout.press import Press
from outreach.letters.envelopes import PROFILES, Rectangle, clear_zone, window_shows
from outreach.letters.model import Envelope
from tests.unit.letter_service.layout.letters import letter, permit
from tests.unit.letter_service.layout.reading import pictures, text_within

LONG = permit(
    values={"name": "阿卜杜热合曼·买买提吐尔逊"},
    address=("新疆维吾尔自治区伊犁哈萨克自治州察布查尔锡伯自治县孙扎齐牛录镇幸福花园小区12号楼3单元2601室",),
    authorization="HQ-2026-0117",
    mark="补打",
)
WINDOWS = [Envelope.DL, Envelope.ZL, Envelope.C5]
PDFS = {envelope: Press(letter(envelope=envelope)).letter(LONG)[1] for envelope in WINDOWS}
PICTURES = {envelope: pictures(pdf, 2)[0] for envelope, pdf in PDFS.items()}
_PIXELS = 2 * 72 / 25.4


@pytest.mark.parametrize("envelope", WINDOWS)
@given(st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_window_shows_the_address_alone(envelope: Envelope, across: float, down: float) -> None:
    """Whatever the shift: postcode, address and name, entire, and no more."""
    profile = PROFILES[envelope]
    shown = window_shows(profile, across * profile.play_x, down * profile.play_y)
    assert shown is not None
    (text,) = text_within(PDFS[envelope], [shown])
    assert text == f"{LONG.postcode}{LONG.address[0]}{LONG.recipient_name} 收"


@pytest.mark.parametrize("envelope", WINDOWS)
def test_no_other_ink_in_the_window(envelope: Envelope) -> None:
    """No line, code, picture or mark either lies where the window may show it."""
    profile = PROFILES[envelope]
    clear = clear_zone(profile)
    ink = PICTURES[envelope].crop(_box(clear)).point(lambda level: 255 if level < 250 else 0).getbbox()
    assert ink is not None
    left, top = max(0.0, clear.x) + ink[0] / _PIXELS, clear.y + ink[1] / _PIXELS
    found = Rectangle(left, top, (ink[2] - ink[0]) / _PIXELS, (ink[3] - ink[1]) / _PIXELS)
    corners = [(x, y) for x in (0.0, profile.play_x) for y in (0.0, profile.play_y)]
    for shift in corners:
        shown = window_shows(profile, *shift)
        assert shown is not None
        assert shown.contains(found)


def test_plain_envelope_bears_the_address_too() -> None:
    """Without a window the address stands where a reader looks for it."""
    pdf = Press(letter(envelope=Envelope.PLAIN)).letter(permit())[1]
    (text,) = text_within(pdf, [Rectangle(20, 45, 85, 45)])
    assert text == f"200122{permit().address[0]}{permit().recipient_name} 收"


def _box(area: Rectangle) -> tuple[int, int, int, int]:
    left, top, right, bottom = max(0.0, area.x), area.y, area.right, area.bottom
    return round(left * _PIXELS), round(top * _PIXELS), round(right * _PIXELS), round(bottom * _PIXELS)
