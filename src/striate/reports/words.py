"""Numbers as the page writes them."""

from __future__ import annotations

from math import isfinite

THIN = "\u202f"  # a narrow space that does not break


def count(number: int) -> str:
    """Digits in groups of three, with narrow spaces.

    >>> count(61706).replace(THIN, "_")
    '61_706'
    """
    return f"{number:,}".replace(",", THIN)


def large(number: int) -> str:
    """A count in words above a million, where its last digits say nothing.

    >>> large(61706).replace(THIN, " "), large(4089184256).replace(THIN, " ")
    ('61 706', '4.09 billion')
    """
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.{max(0, 3 - len(str(number // size)))}f}{THIN}{word}"
    return count(number)


def short(number: int) -> str:
    """A count for a narrow cell: thousands where the digits would not fit.

    >>> short(1133), short(60000)
    ('1133', '60k')
    """
    return str(number) if number < 10_000 else f"{round(number / 1000)}k"


def percent(share: float, digits: int = 1) -> str:
    """A share in 0..1; a dash for nan. What is not quite all never reads as 100.

    >>> percent(0.99996, 1).replace(THIN, ""), percent(0.5, 0).replace(THIN, ""), percent(float("nan"))
    ('99.9%', '50%', '–')
    """
    if not isfinite(share):
        return "–"
    value = share * 100
    if value < 100 and round(value, digits) == 100:
        value = 100 - 10**-digits
    return f"{value:.{digits}f}{THIN}%"


def digits_for(examples: int) -> int:
    """Decimals of a percentage that so many examples can tell apart."""
    return 2 if examples >= 5000 else 1


def duration(seconds: float) -> str:
    """Time in the two units that matter.

    >>> [duration(s).replace(THIN, " ") for s in (0.34, 20.97, 200, 7500)]
    ['0.34 s', '21.0 s', '3 min 20 s', '2 h 5 min']
    """
    if seconds < 60:
        return f"{seconds:.{1 if seconds >= 1 else 2}f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest}{THIN}s"
    return f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def by(sizes: tuple[int, ...] | list[int]) -> str:
    """(28, 28) as 28 × 28, without line breaks.

    >>> by((6, 28, 28)).replace("\\u00a0", " ")
    '6 × 28 × 28'
    """
    return "\u00a0×\u00a0".join(count(n) for n in sizes)


def plain(value: float) -> str:
    """A number with three significant digits, no exponent where people would not write one.

    >>> plain(0.02917), plain(12.0), plain(0.3)
    ('0.0292', '12', '0.3')
    """
    return f"{value:.3g}" if 1e-4 <= abs(value) < 1000 or value == 0 else f"{value:.2g}".replace("e-0", "e-")
