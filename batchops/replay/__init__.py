"""A contract tried on published nights: what it would reject that was published, and accept that was set aside."""

from __future__ import annotations

from batchops.replay.nights import replay
from batchops.replay.values import Replay, ReplayedNight, ReplayedRule, RuleNight, Skipped

__all__ = ["Replay", "ReplayedNight", "ReplayedRule", "RuleNight", "Skipped", "replay"]
