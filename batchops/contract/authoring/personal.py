"""Columns that are likely to hold personal data, by their names and by the form of their values."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import polars as pl

__all__ = ["likely_personal"]

SURE = frozenset(
    {
        *("email", "emails", "mail", "phone", "telephone", "mobile", "fax", "msisdn", "iban", "bic", "ssn", "passport"),
        *("surname", "firstname", "lastname", "fullname", "forename", "nickname", "username", "birthday", "birthdate"),
        *("dob", "ip", "ipv4", "ipv6", "ipaddress", "address", "street", "creditcard", "cardnumber", "cvv"),
    }
)
"""Words of a column's name that say it."""

PERSONS = frozenset(
    {
        *("first", "last", "full", "middle", "family", "given", "maiden", "user", "customer", "client", "person"),
        *("contact", "employee", "patient", "passenger", "driver", "holder", "owner", "guest", "member", "sender"),
        *("recipient", "author", "student", "subscriber"),
    }
)
"""Whose ``name``, ``birth`` or ``number`` is personal."""

FORMS = {
    "email addresses": (r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$", 0.05),
    "IBANs": (r"^[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}$", 0.5),
    "IP addresses": (r"^(?:\d{1,3}\.){3}\d{1,3}$|^(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$", 0.5),
    "phone numbers": (r"^(?:\+\d[\d ()/.-]{6,18}\d|\(?0\d{1,5}\)?[ /-]\d[\d ()/-]{3,14})$", 0.5),
}
"""What values look like, and in what share of a sample's texts that is enough: one address gives a column away."""


def _words(name: str) -> list[str]:
    """``customerFirstName`` -> customer, first, name."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.findall(r"[A-Za-z0-9]+", parted)]


def _by_name(name: str) -> bool:
    words = _words(name)
    pairs = pairwise(words)
    whole = "".join(words)
    return (
        bool(SURE & {*words, whole})
        or whole in ("name", "names")
        or any(second in ("name", "names") and first in PERSONS for first, second in pairs)
        or {"date", "birth"} <= {*words}
        or {"tax", "id"} <= {*words}
    )


def _fields(dtype: Any) -> list[str]:
    """Names of the fields within a dtype."""
    if isinstance(dtype, pl.Struct):
        return [name for field in dtype.fields for name in (field.name, *_fields(field.dtype))]
    return _fields(dtype.inner) if isinstance(dtype, pl.List | pl.Array) else []


def likely_personal(values: pl.Series) -> str:
    """By what a column is likely to hold personal data: its name, or values like those of a form; empty if it is not.

    Args:
        values: A sample of the column's values.

    >>> likely_personal(pl.Series("contact", ["ann@example.org", None]))
    'values like email addresses'
    >>> likely_personal(pl.Series("customerFirstName", ["Ann"])), likely_personal(pl.Series("product_name", ["pen"]))
    ('its name', '')
    """
    if any(_by_name(name) for name in (values.name, *_fields(values.dtype))):
        return "its name"
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return ""
    texts = values.drop_nulls().cast(pl.String).str.strip_chars()
    texts = texts.filter(texts != "")
    for form, (pattern, share) in FORMS.items():
        if len(texts) and (texts.str.contains(pattern).mean() or 0) >= share:  # type: ignore[operator]
            return f"values like {form}"
    return ""
