"""The bank's own official PDF with AcroForm fields: what may not be in it."""

from __future__ import annotations

from io import BytesIO

import pikepdf

from outreach.domain.errors import invalid
from outreach.letters.model import OfficialLetter


def check_pdf(letter: OfficialLetter) -> None:
    """Refusal for a PDF that cannot be filled safely, with the reason and the way out."""
    try:
        pdf = pikepdf.open(BytesIO(letter.pdf))
    except pikepdf.PasswordError:
        raise invalid("official_pdf", "PDF 已加密，请提供未加密的。Is encrypted: give one that is not.") from None
    except pikepdf.PdfError:
        raise invalid("official_pdf", "不是可读的 PDF。Is no PDF that can be read.") from None
    with pdf:
        if pdf.is_encrypted:
            raise invalid("official_pdf", "PDF 已加密，请提供未加密的。Is encrypted: give one that is not.")
