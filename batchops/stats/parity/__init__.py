"""What Evidently, NannyML and TFDV would say of the same two sides, for those who come from them.

Every figure is the tool's own to its last digits, quirks included; nothing here is judged. One column is looked at at a
time, and what is held of it is how many rows hold each of its different values: memory does not grow with the rows, but
does with the different values of one column (measured: 46 bytes for each number, 95 for each short text).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

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
            ``nannyml`` twice, by ``tfdv`` twice where very many values differ.
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
        figures = tuple(
            figure
            for column in columns
            for figure in tfdv.figures(
                column, tfdv.read(partial(reference, column)), tfdv.read(partial(current, column))
            )
        )
    else:
        figures = tuple(
            figure
            for column in columns
            for figure in evidently.figures(column, tally(reference(column)), tally(current(column)))
        )
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
