"""Small words shared by several commands' options."""

from __future__ import annotations

from condyle.errors import UsageError

FORMATS_HELP = "Comma separated exporters (see 'condyle list exporters')."


def split_words(text: str) -> tuple[str, ...]:
    """'a, b,c' -> ('a', 'b', 'c'). Raises UsageError when nothing is left."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise UsageError("empty-list", "An option needs at least one word.", what_to_do="Give one or more words separated by commas.")
    return words
