"""Words in a row to one text, what repeats in brackets."""

from __future__ import annotations

LONGEST = 12  # words that are looked for as a repeated group


def joined(words: list[str]) -> str:
    """The words with signs between them; no words is id.

    >>> joined(["conv 8 3", "relu", "conv 8 3", "relu", "pool 2"])
    '(conv 8 3-relu)*2-pool 2'
    """
    while (shorter := fold(words)) != words:
        words = shorter
    return "-".join(words) or "id"


def fold(words: list[str]) -> list[str]:
    """The shortest neighbouring repeats as one word each."""
    for length in range(1, LONGEST + 1):
        found: list[str] = []
        at = 0
        while at < len(words):
            group, seen = words[at : at + length], 1
            while words[at + seen * length : at + (seen + 1) * length] == group:
                seen += 1
            found.append(f"({'-'.join(group)})*{seen}" if seen > 1 else words[at])
            at += seen * length if seen > 1 else 1
        if len(found) < len(words):
            return found
    return words
