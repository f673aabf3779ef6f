"""What Evidently, NannyML and TFDV would say of the same two sides, for those who come from them.

Every figure is the tool's own to its last printed digits, quirks included; nothing here is judged. One column is looked
at at a time, and all that is held of it is how many rows hold each of its different values: memory does not grow with
the rows, but does with the different values of one column (16 bytes each a side, and more for texts).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchops.stats.parity import evidently, nannyml, tfdv
from batchops.stats.parity.figures import Parity, ParityFigure
from batchops.stats.parity.sides import Batches, chunked, rows_of, tally

__all__ = ["METHODS", "Batches", "Parity", "ParityFigure", "parity"]

METHODS = {"evidently": evidently.VERSION, "nannyml": nannyml.VERSION, "tfdv": tfdv.VERSION}
"""Names and versions of the tools."""


def parity(
    current: Batches, reference: Batches, columns: Sequence[str], method: str, chunk_rows: int | None = None
) -> Parity:
    """All figures of one tool.

    Args:
        current, reference: Give the rows of a column, in order and in parts of any size; called once a column, by
            ``nannyml`` twice.
        columns: That both sides have.
        method: One of `METHODS`.
        chunk_rows: Rows of NannyML's chunks, its ``chunk_size``; a tenth of each side otherwise.

    Raises:
        KeyError: There is no such method.
    """
    version = METHODS[method]
    if method == "nannyml":
        figures = tuple(_of_nannyml(current, reference, columns, chunk_rows))
    elif method == "tfdv":
        figures = tuple(_of_tfdv(current, reference, columns))
    else:
        sides = ((column, tally(reference(column)), tally(current(column))) for column in columns)
        figures = tuple(figure for each in sides for figure in evidently.figures(*each))
    known = [figure.drifted for figure in figures if figure.decides and figure.drifted is not None]
    share = sum(known) / len(known) if known else None
    drifted = share >= evidently.DATASET_SHARE if method == "evidently" and share is not None else None
    return Parity(method, version, share, drifted, figures)


def _of_nannyml(
    current: Batches, reference: Batches, columns: Sequence[str], chunk_rows: int | None
) -> Iterator[ParityFigure]:
    """Nothing can be said of a side with fewer rows than chunks."""
    sizes = [0, 0]
    if columns:
        sizes = [chunk_rows or rows_of(side(columns[0])) // nannyml.CHUNKS for side in (reference, current)]
    for column in columns:
        if not all(sizes):
            yield ParityFigure(column, nannyml.DECIDES, None, None, None)
            continue
        chunks = nannyml.Chunks(
            *(chunked(side(column), size) for side, size in zip((reference, current), sizes, strict=True))
        )
        yield from nannyml.figures(column, tally(reference(column)), chunks)


def _of_tfdv(current: Batches, reference: Batches, columns: Sequence[str]) -> Iterator[ParityFigure]:
    """Columns of many texts are read a second time, as it counts them."""
    for column in columns:
        sides = []
        for side in (reference, current):
            counted = tally(side(column))
            many = counted.kind == "text" and counted.different > tfdv.COUNTERS
            sides.append(tfdv.sketched(side(column), counted.rows) if many else counted)
        yield from tfdv.figures(column, *sides)
