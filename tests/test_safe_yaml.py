"""YAML from outside is a mapping of plain values, or the caller's own error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.errors import InputError
from condyle.safe_yaml import MAX_BYTES, load_yaml


def refuse(reason: str) -> InputError:
    return InputError("mine", "Not usable.", why=reason)


def test_a_mapping_comes_back() -> None:
    assert load_yaml(b"\xef\xbb\xbfa: [1, 2]\nb: {c: d}\n", refuse) == {"a": [1, 2], "b": {"c": "d"}}


BOMB = b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("j"))
)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"- a\n", "keys with values"),
        (b"2026-01-01\n", "keys with values"),
        (b"a: 2026-99-99\n", "cannot be"),
        (b"a: " + b"9" * 9999, "cannot be"),
        (b"a: [\n", "not valid YAML (line 2)"),
        (b"a: !!python/object/apply:os.system [true]\n", "not valid YAML (line 1)"),
        (b"a: \xff", "UTF-8"),
        (b"a: \x00", "cannot be"),
        (b"a: " + b"[" * 9999, "too deeply"),
        (b"a: " + b"[" * 60 + b"]" * 60, "deep"),
        (b"a: &a [*a]\n", "deep"),
        (BOMB, "values"),
        (b"a: " + b"x" * MAX_BYTES, "1 MiB"),
    ],
)
def test_anything_else_is_the_callers_error_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        load_yaml(raw, refuse)
    assert caught.value.code == "mine"
    assert reason in caught.value.why


@given(st.text(alphabet="a1:-[]{}&*!#|>%@ \n'\"?,.0~", max_size=60))
def test_no_text_gets_past_it(text: str) -> None:
    try:
        found = load_yaml(text.encode(), refuse)
    except InputError:
        return
    assert isinstance(found, dict)
