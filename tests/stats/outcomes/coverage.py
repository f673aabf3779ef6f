"""How often intervals hold what they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from batchops.stats import Estimate

__all__ = ["covered"]


def covered(
    names: Iterable[str], truth: Mapping[str, Estimate], draw: Callable[[], Mapping[str, Estimate]], runs: int
) -> dict[str, int]:
    """In how many runs the interval of what is drawn holds the true value, by name."""
    found = dict.fromkeys(names, 0)
    for _ in range(runs):
        drawn = draw()
        for name in found:
            estimate, exact = drawn[name], truth[name].value
            assert estimate.lower is not None
            assert estimate.upper is not None
            assert exact is not None
            found[name] += estimate.lower <= exact <= estimate.upper
    print(found)
    return found
