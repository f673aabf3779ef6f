"""Labels of which the late ones are the worse ones: young nights do not alarm, a change at equal age does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from batchops.audit import LABEL, SCORE, Audit, Comparison, Reference, compare_audits, merge
from batchops.audit.ages import aged
from batchops.audit.concept import compare_concept, concept_figures
from batchops.audit.qualities import quality_figures, quality_part
from batchops.stats import AGE, Quality, entity_groups
from batchops.stats.nights.ages import ALL, Arrival, age_of, known_by, young_nights
from batchops.verdict import Policy, Severity, judge
from tests.audit.nights import Change, audit_of, day, reference, rows, same

POLICY = Policy()
START, NIGHTS, LAST = 70, 12, 8
ALARMS = (Severity.WARN, Severity.FAIL)


def late(frame: pl.DataFrame) -> pl.DataFrame:
    """Outcomes come on the night's own day or over a week; those that are positive mostly come late."""
    rng = np.random.default_rng(int(frame[SCORE].to_numpy()[0] * 1e9))
    at_once = rng.random(frame.height) < np.where(frame[LABEL].to_numpy() == 1, 0.2, 0.6)
    age = np.where(at_once, 0, rng.integers(1, LAST, frame.height))
    return frame.with_columns(pl.Series(AGE, age, dtype=pl.Int32))


@cache
def known(observed: bool = True) -> Reference:
    """Training of nights whose labels have all come."""
    bare = replace(reference(), audit=Audit())
    frames = {str(day(place)): late(rows(1_000 + place)) for place in range(60)}
    audits = [audit_of(each if observed else each.drop(AGE), night, bare) for night, each in frames.items()]
    return replace(reference(), audit=merge(audits))


def window(change: Change = same, observed: bool = True, changed: int = NIGHTS) -> list[Audit]:
    """Nights as they stand on the day after the last: of the newest many labels are still to come."""
    audits = []
    for place in range(NIGHTS):
        apart = NIGHTS - place
        frame = late(rows(place))
        frame = change(frame) if place >= NIGHTS - changed else frame
        frame = frame.with_columns(pl.when(pl.col(AGE) < apart).then(LABEL).alias(LABEL))
        night = str(day(START + place))
        audit = audit_of(frame if observed else frame.drop(AGE), night, known(observed))
        part = replace(audit.quality.nights[night], label_age=apart)
        audits.append(replace(audit, quality=Quality({night: part})))
    return audits


def alarms(audits: list[Audit], observed: bool = True) -> set[str]:
    before = known(observed)
    comparison = compare_audits(audits, before, POLICY)
    concept = compare_concept(comparison.quality, before, POLICY, comparison.aged)
    figures = [*quality_figures(comparison, before.quality), *concept_figures(concept)]
    return {each.id for each in judge(figures, POLICY, str(day(START + NIGHTS))).alarms}


def naive(audits: list[Audit]) -> list[Audit]:
    """The same without anything that tells how old labels are."""
    return [
        replace(
            each,
            quality=Quality({n: replace(p, ages=(), label_age=None) for n, p in each.quality.nights.items()}),
        )
        for each in audits
    ]


def more_positives(frame: pl.DataFrame) -> pl.DataFrame:
    lifted = (pl.col(SCORE) * 7919).mul(1e3).mod(1) < 0.5
    return frame.with_columns(pl.when(lifted).then(1).otherwise(LABEL).cast(pl.Int8).alias(LABEL))


@pytest.mark.parametrize("observed", [True, False])
def test_young_nights_do_not_alarm_though_their_late_labels_are_the_worse_ones(observed: bool) -> None:
    found = window(observed=observed)
    assert alarms(found, observed) == set()
    assert "concept.shift:calibration_gap (newest night)" in alarms(naive(found), observed)


@pytest.mark.parametrize("nights", [NIGHTS, 3])
def test_a_change_at_equal_age_alarms_while_its_labels_are_still_coming(nights: int) -> None:
    found = alarms(window(more_positives, changed=nights))
    assert "concept.shift:calibration_gap" in found
    assert "concept.shift:calibration_gap (newest night)" in found


def test_without_days_a_change_alarms_once_its_labels_are_there() -> None:
    assert alarms(window(more_positives, observed=False, changed=3), observed=False) == set()
    assert "concept.shift:calibration_gap" in alarms(window(more_positives, observed=False), observed=False)


def compared(audits: list[Audit], observed: bool = True) -> Comparison:
    return compare_audits(audits, known(observed), POLICY)


def test_a_night_is_set_beside_training_as_that_stood_after_as_many_days() -> None:
    comparison = compared(window()[-1:])
    (night,) = comparison.aged.quality.nights
    assert comparison.aged.ages == {night: 1}
    now, was = comparison.metrics["base_rate"].value, comparison.metrics_reference["base_rate"].value
    frames = [late(rows(1_000 + place)).filter(pl.col(AGE) == 0) for place in range(60)]
    assert was == pytest.approx(pl.concat(frames)[LABEL].mean())
    assert now is not None
    assert abs(now - (was or 0.0)) < 0.08
    whole = compared(window()[:1])
    assert whole.aged.whole
    assert whole.metrics_reference["base_rate"].value > (was or 0.0) + 0.1  # type: ignore[operator] # measured


def test_what_came_is_counted_by_age_and_young_nights_are_named() -> None:
    comparison = compared(window())
    part = quality_part(comparison, known(), {}, (None, 0, 0), {})
    assert part is not None
    assert part.label_age == 1
    assert part.young == ()
    assert [each.days for each in part.ages][:3] == [1, 2, 3]
    assert part.ages[-1].days is None
    assert part.ages[-1].labelled == part.n_labelled
    assert part.ages[0].reference == pytest.approx(0.48, abs=0.03)
    (coverage,) = [each for each in quality_figures(comparison, known().quality) if each.check == "quality.coverage"]
    assert coverage.value is not None
    assert coverage.value > 0.97
    assert part.coverage is not None
    assert part.coverage < 0.9
    unknown = compared(window(observed=False), observed=False)
    told = quality_part(unknown, known(observed=False), {}, (None, 0, 0), {})
    assert told is not None
    assert (told.ages, len(told.young)) == ((), 6)
    assert unknown.realised == {}


def test_where_all_nights_are_young_nothing_is_judged() -> None:
    audits = window(observed=False)
    comparison = compared(audits, observed=False)
    young = [each for each in audits if not {*each.quality.nights} <= {*comparison.aged.ages}]
    lonely = replace(comparison, aged=aged(Quality(), known()))
    assert young
    assert compared(young[-1:], observed=False).aged.whole, "one night alone shows no older one"
    assert lonely.aged.quality.nights == {}


def test_nights_of_one_age_are_not_young_and_one_of_few_labels_is_not_by_that() -> None:
    audits = window(observed=False)
    quality = merge(audits).quality
    assert young_nights(quality) == {str(day(START + place)) for place in range(NIGHTS - 6, NIGHTS)}
    at_once = {night: replace(part, label_age=400) for night, part in quality.nights.items()}
    assert young_nights(Quality(at_once)) == frozenset()
    storm = {night: replace(part, label_age=1) for night, part in merge(audits[:5]).quality.nights.items()}
    first = min(storm)
    few = replace(storm[first].overall, labelled=storm[first].overall.labelled // 2)
    storm[first] = replace(storm[first], overall=few)
    assert young_nights(Quality(storm)) == frozenset()


def test_the_newest_span_counts_once_it_has_what_was_to_be_expected() -> None:
    arrival = Arrival((0.5, 0.75, *(1.0,) * (ALL - 2)))
    cells = known().quality
    night = next(iter(known().audit.quality.nights.values()))
    part = night.ages[0][1]

    def of(*counts: int) -> int:
        spans = tuple((span, replace(part, labelled=count)) for span, count in enumerate(counts) if count)
        return age_of(replace(night, ages=spans), arrival)

    assert of(100) == 1
    assert of(100, 10) == 1
    assert of(100, 45) == 2
    assert of(100, 45, 5) == 2
    assert of(100, 50, 50) == ALL
    assert of() == 0
    assert known_by(night, ALL, cells) is night
    assert known_by(night, 1, cells).overall.labelled == part.labelled
    assert known_by(night, 1, cells).overall.n == night.overall.n


def test_entities_widen_what_is_counted_at_an_age_as_they_do_what_is_counted_of_all_labels() -> None:
    customer = np.random.default_rng(9).integers(300, size=400)
    luck = pl.Series(np.random.default_rng(8).random(300) < 0.5).gather(pl.Series(customer))

    def owned(frame: pl.DataFrame) -> pl.DataFrame:
        label = pl.when(luck).then(LABEL).otherwise(0).cast(pl.Int8)
        return frame.with_columns(label.alias(LABEL), entity_groups(pl.Series(customer)))

    audits = window(owned)
    plain = [
        replace(each, quality=Quality({n: replace(p, entities=()) for n, p in each.quality.nights.items()}))
        for each in audits
    ]
    wide, narrow = (compared(each).metrics["base_rate"] for each in (audits, plain))
    assert (wide.clusters, narrow.clusters) == (("night", "entity"), ("night",))
    assert wide.value == narrow.value
    assert wide.upper is not None
    assert narrow.upper is not None
    assert wide.upper > narrow.upper
