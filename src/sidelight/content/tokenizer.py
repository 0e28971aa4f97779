"""Words of a text in any script that writes spaces between them."""

from __future__ import annotations

import unicodedata
from functools import cache

# Joiners and soft hyphens say how letters are drawn or where a line may break, not what the word is.
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200c\u200d\u2060\ufeff"))
# Scripts in which one character may be a word: ideographs, kana, Hangul syllables.
_ALONE = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003134f"


def composed(text: str) -> str:
    """Normalise text: accents composed with their letters (NFC), without joiners and soft hyphens."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.translate(_UNSEEN))


@cache
def word_pattern() -> str:
    """Regular expression of a word: two or more letters, digits or marks, or one ideograph or syllable.

    Vowel signs, points and other combining marks (Unicode category M) belong to the word they stand in.
    """
    places = (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0))
    marks = _ranges([c for c in places if unicodedata.category(chr(c))[0] == "M"])
    return rf"\w[\w{marks}]+|[{_ALONE}]"


def _ranges(codes: list[int]) -> str:
    """Code points as the inside of a character class."""
    out: list[list[int]] = []
    for code in codes:
        if out and code == out[-1][1] + 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in out)
