from __future__ import annotations

import polars as pl
import pytest

from batchops.errors import UsageError
from batchops.frames import Roles, open_frame
from batchops.frames.roles import settle
from batchops.frames.truth import truth_of
from tests.frames.two import frame

SCHEMA = frame(1).schema


def test_roles_are_guessed_from_the_names_and_the_guess_is_said() -> None:
    roles, guesses = settle(Roles(), SCHEMA, None)
    assert (roles.score, roles.label, roles.prediction) == ("score", "label", None)
    assert [str(guess) for guess in guesses] == ["score is score (by its name)", "label is label (by its name)"]


def test_a_given_role_is_not_guessed_again() -> None:
    roles, guesses = settle(Roles(score="amount", label="label"), SCHEMA, None)
    assert roles.score == "amount"
    assert guesses == ()


def test_a_role_that_names_no_column_or_one_taken_is_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean label"):
        settle(Roles(label="labe"), SCHEMA, None)
    with pytest.raises(UsageError, match="is the score already"):
        settle(Roles(score="temp", label="temp"), SCHEMA, None)
    with pytest.raises(UsageError, match="0 to 1"):
        settle(Roles(threshold=2), SCHEMA, None)


def truth(labels: pl.Series, **roles: object) -> list[float | None]:
    made = truth_of([open_frame(pl.DataFrame({"label": labels}))], Roles(label="label", **roles))  # type: ignore[arg-type]
    assert made is not None
    rows = pl.DataFrame({"label": labels}).select(made.read("label", labels.dtype).alias("label"))
    return rows["label"].to_list()


def test_the_positive_label_is_1_or_true_or_what_was_said() -> None:
    assert truth(pl.Series([0, 1, None])) == [0, 1, None]
    assert truth(pl.Series([True, False])) == [1, 0]
    assert truth(pl.Series([0.0, 1.0])) == [0, 1]
    assert truth(pl.Series(["no", "yes", None]), positive="yes") == [0, 1, None]
    assert truth(pl.Series([1, 2]), positive="2") == [0, 1]
    with pytest.raises(UsageError, match="Say which value"):
        truth(pl.Series(["no", "yes"]))
    with pytest.raises(UsageError, match="never holds it"):
        truth(pl.Series(["no", "yes"]), positive="maybe")


def test_the_task_follows_from_the_label() -> None:
    for labels, task in (
        (pl.Series([0, 1]), "binary"),
        (pl.Series(["a", "b", "c"]), "multiclass"),
        (pl.Series([0, 1, 2]), "multiclass"),
        (pl.Series([0.5, 1.25, 2.0]), "regression"),
        (pl.Series(range(200)), "regression"),
    ):
        made = truth_of([open_frame(pl.DataFrame({"label": labels}))], Roles(label="label"))
        assert made is not None
        assert made.task == task
