import pickle

import pytest

from batchops import errors
from batchops.errors import BatchopsError, GateError, TryLater, UsageError, did_you_mean


def tree(kind: type[BatchopsError]) -> list[type[BatchopsError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in tree(child))]


@pytest.mark.parametrize("kind", tree(BatchopsError))
def test_an_error_survives_the_trip_home(kind: type[BatchopsError]) -> None:
    error = kind("models/delay@7", "no such version", "List them with `batchops model list delay`")
    home = pickle.loads(pickle.dumps(error))
    assert (type(home), str(home), home.remedy) == (kind, str(error), error.remedy)


@pytest.mark.parametrize("kind", tree(BatchopsError)[1:])
def test_every_error_tells_a_scheduler_whether_to_try_again(kind: type[BatchopsError]) -> None:
    branches: dict[type[BatchopsError], int] = {UsageError: 2, GateError: 3, TryLater: 75}
    assert [kind.exit_code] == [code for branch, code in branches.items() if issubclass(kind, branch)]


def test_the_docstring_lists_the_whole_tree() -> None:
    assert errors.__doc__ is not None
    told = errors.__doc__
    missing = [kind.__name__ for kind in tree(BatchopsError) if kind.__name__ not in told]
    assert missing == []


def test_an_unknown_word_is_answered_with_the_nearest() -> None:
    assert did_you_mean("flights_dleay", ["flights_delay", "churn"]) == "Did you mean flights_delay?"
    assert did_you_mean("zzz", ["b", "a"]) == "There is a, b"
    assert did_you_mean("zzz", []) == "There is none yet"
