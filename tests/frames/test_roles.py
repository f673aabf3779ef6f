from __future__ import annotations

import polars as pl
import pytest

from batchops import audit_frame
from batchops.errors import UsageError
from batchops.frames import Roles, open_frame
from batchops.frames.roles import settle
from batchops.frames.truth import Truth, suit, truth_of
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


def test_a_name_as_it_is_written_comes_before_one_written_otherwise() -> None:
    roles, _ = settle(Roles(), pl.Schema({"SCORE": pl.Float64, "score": pl.Float64, "Label": pl.Int64}), None)
    assert (roles.score, roles.label) == ("score", "Label")


def test_one_column_may_stand_where_several_may() -> None:
    roles, _ = settle(Roles(slices="carrier", key="hour", ignore="temp"), SCHEMA, None)  # type: ignore[arg-type]
    assert (roles.sliced, roles.key, roles.ignore) == ((("carrier",),), ("hour",), ("temp",))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"task": "binari"}, "Did you mean binary"),
        ({"score": "carrier"}, "holds no numbers: String"),
        ({"weight": "carrier"}, "holds no numbers: String"),
        ({"slices": ("legs",)}, "has no values to name slices by"),
        ({"label": "legs"}, "is no label"),
        ({"label": "carrier", "task": "regression"}, "holds no numbers: String"),
        ({"label": "name"}, "Write --task regression, or name another column"),
        ({"label": "carrier", "prediction": "temp", "task": "multiclass"}, "holds no decisions"),
        ({"prediction": "temp"}, "holds no decisions"),
        ({"label": "carrier", "score": "score"}, "there are no columns score_<class>"),
    ],
)
def test_what_cannot_be_that_role_is_refused_and_not_passed_over(given: dict[str, object], what: str) -> None:
    rows = frame(200).with_columns(
        legs=pl.concat_list("hour", "hour"), name=pl.int_range(pl.len()).cast(pl.String) + "x"
    )
    with pytest.raises(UsageError, match=what):
        audit_frame(rows, roles=Roles(**{"task": "multiclass" if given.get("label") == "name" else None, **given}))  # type: ignore[arg-type]


def settled(rows: pl.DataFrame, **given: object) -> tuple[Roles, Truth, list[str]]:
    tables = [open_frame(rows)]
    roles, guesses = settle(Roles(**given), rows.schema, None)  # type: ignore[arg-type]
    truth = truth_of(tables, roles)
    assert truth is not None
    roles, guesses = suit(roles, guesses, truth, tables)
    return roles, truth, [str(each) for each in guesses]


CLASSES = {"score_cat": [0.1, 0.9], "score_dog": [0.9, 0.1], "label": ["dog", "cat"]}


def test_the_task_is_guessed_and_the_guess_is_said() -> None:
    assert settled(pl.DataFrame({"label": [0, 1, 1]}))[2][-1] == "task is binary (label has 2 values)"
    assert settled(pl.DataFrame({"label": [0, 1, 1]}), task="binary")[2] == ["label is label (by its name)"]


def test_chances_that_are_called_predictions_are_scores() -> None:
    roles, _, said = settled(pl.DataFrame({"y_pred": [0.2, 0.7], "y_true": [0, 1]}))
    assert (roles.score, roles.prediction) == ("y_pred", None)
    assert "score is y_pred (by its name and its values)" in said
    for decisions in ([0, 1], [0.0, 1.0], [False, True]):
        roles, *_ = settled(pl.DataFrame({"y_pred": decisions, "y_true": [0, 1]}))
        assert (roles.score, roles.prediction) == (None, "y_pred")


def test_a_guessed_prediction_beside_a_score_decides_nothing_unless_it_is_one() -> None:
    rows = pl.DataFrame({"score": [0.2, 0.7], "prediction": [600.0, 700.0], "label": [0, 1]})
    roles, *_ = settled(rows)
    assert (roles.score, roles.prediction) == ("score", None)
    roles, *_ = settled(rows.with_columns(prediction=pl.Series([0, 1])))
    assert (roles.score, roles.prediction) == ("score", "prediction")


def test_the_score_of_the_positive_label_is_the_score_of_two_classes() -> None:
    roles, _, said = settled(pl.DataFrame(CLASSES), positive="dog")
    assert roles.score == "score_dog"
    assert "score is score_dog (of the positive label)" in said


def test_a_guessed_score_that_does_not_suit_the_task_is_no_role() -> None:
    regression = pl.DataFrame({"score_a": [0.1, 0.2], "score_b": [0.1, 0.3], "y": [1.5, 2.5], "prediction": [1.0, 2.0]})
    roles, truth, said = settled(regression.vstack(regression.with_columns(pl.col("y") + 10)))
    assert (truth.task, roles.score, roles.prediction) == ("regression", None, "prediction")
    assert not any("score" in each for each in said)
    roles, truth, _ = settled(pl.DataFrame({"score": [0.1, 0.2, 0.3], "label": ["a", "b", "c"]}))
    assert (truth.task, roles.score) == ("multiclass", None)


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
    assert truth(pl.Series([-1, 1])) == [0, 1]
    assert truth(pl.Series(["False", "True"])) == [0, 1]
    assert truth(pl.Series(["0", "1"])) == [0, 1]
    assert truth(pl.Series(["no", "yes"], dtype=pl.Categorical), positive="yes") == [0, 1]
    assert truth(pl.Series([0, 1], dtype=pl.Decimal(5, 1))) == [0, 1]
    assert truth(pl.Series([0, 1]), positive=True) == truth(pl.Series([False, True]), positive=1) == [0, 1]
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
        (pl.Series([1e300, 2e300, 3e300]), "regression"),
    ):
        made = truth_of([open_frame(pl.DataFrame({"label": labels}))], Roles(label="label"))
        assert made is not None
        assert made.task == task


def test_few_whole_numbers_are_predicted_as_numbers_where_predictions_lie_between_them() -> None:
    stars = [1.0, 2.0, 3.0]
    for predictions, task in (([1.2, 2.0, 2.7], "regression"), (stars, "multiclass"), ([1, 2, 3], "multiclass")):
        assert settled(pl.DataFrame({"label": stars, "prediction": predictions}))[1].task == task


def test_a_column_that_counts_rows_is_a_key_and_no_drift() -> None:
    reference, current = (
        frame(n, n).with_columns(id=pl.int_range(pl.len()) + start) for n, start in ((5_000, 1), (1_000, 5_001))
    )
    made = audit_frame(current, reference)
    assert "key is id (it counts the rows)" in made.document.provenance.guessed
    assert "id" not in made.drift["column"]
    assert made.verdict.severity == "PASS"


@pytest.mark.parametrize(
    "values",
    [
        pl.int_range(pl.len()) // 2,  # twice each
        pl.int_range(pl.len()) * 3,  # far apart
        pl.int_range(pl.len()).cast(pl.Float64),  # measured, as far as its type says
        pl.when(pl.int_range(pl.len()) > 0).then(pl.int_range(pl.len())),  # a row without one
    ],
)
def test_what_does_not_count_rows_is_compared(values: pl.Expr) -> None:
    made = audit_frame(frame(1_000, 1).with_columns(id=values + 1_000), frame(1_000, 2).with_columns(id=values))
    assert "id" in made.drift["column"]


def test_a_counter_that_starts_to_repeat_is_compared() -> None:
    now = frame(1_000, 1).with_columns(id=pl.lit(7))
    made = audit_frame(now, frame(1_000, 2).with_columns(id=pl.int_range(pl.len())))
    assert "id" in made.drift["column"]
