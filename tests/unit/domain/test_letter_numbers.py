"""Letter numbers and item numbers, as they are mistyped."""

import pytest

from outreach.domain.item_numbers import item_number_warning, s10_check_digit
from outreach.domain.letter_numbers import check_character, is_letter_number, letter_number, number_in_code

NUMBER = letter_number("demo-bank", "2026-11-24", 17)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_a_number_names_bank_and_day() -> None:
    """It fits a bar code and the contract's pattern, and grows when the serial outgrows its seven digits."""
    assert NUMBER.startswith("DEMO-261124-0000017")
    assert len(NUMBER) == 20
    assert is_letter_number(letter_number("x", "2026-11-24", 123_456_789))


def test_the_check_character_is_the_standards() -> None:
    """ISO 7064 MOD 37,36, by the example of the Global Release Identifier standard."""
    assert check_character("A12425GABC1234002") == "M"


@pytest.mark.parametrize("place", [place for place, character in enumerate(NUMBER) if character != "-"])
def test_every_single_wrong_character_is_caught(place: int) -> None:
    """Whatever stands in its stead."""
    for character in ALPHABET.replace(NUMBER[place], ""):
        assert not is_letter_number(NUMBER[:place] + character + NUMBER[place + 1 :])


def test_exchanged_neighbours_are_caught() -> None:
    """The commonest slip of a typist."""
    for place in range(len(NUMBER) - 1):
        swapped = NUMBER[:place] + NUMBER[place + 1] + NUMBER[place] + NUMBER[place + 2 :]
        assert swapped == NUMBER or not is_letter_number(swapped)


@pytest.mark.parametrize("text", ["", "-", "--", "DEMO", "DEMO-261124", NUMBER.lower(), NUMBER + "0"])
def test_other_texts_are_no_numbers(text: str) -> None:
    """Nothing passes that was never given."""
    assert not is_letter_number(text)


@pytest.mark.parametrize("code", [NUMBER, f" {NUMBER.lower()}\n", f"01JD3Q8Z|{NUMBER}|1/2|0a1b2c3d"])
def test_a_number_is_found_in_what_is_scanned(code: str) -> None:
    """In the Code 128 of an envelope's window, and in the DataMatrix of each sheet."""
    assert number_in_code(code) == NUMBER


@pytest.mark.parametrize(("serial", "digit"), [("47312482", 9), ("12345678", 5), ("00000008", 0), ("00000000", 5)])
def test_s10_check_digits(serial: str, digit: int) -> None:
    """The vectors of UPU S10, both exceptions included."""
    assert s10_check_digit(serial) == digit
    assert not item_number_warning(f"RA{serial}{digit}CN")
    assert "校验位" in item_number_warning(f"RA{serial}{(digit + 1) % 10}CN")


def test_other_item_numbers_only_warn() -> None:
    """Domestic ones have no check that we know."""
    assert "S10" in item_number_warning("XA12345678901")
    assert not item_number_warning("")
