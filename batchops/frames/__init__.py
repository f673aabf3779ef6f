"""An audit for people who have no job yet, only two frames."""

from batchops.frames.asked import SECTIONS, Asked
from batchops.frames.result import FrameAudit, audit_frame, audit_of
from batchops.frames.roles import Roles
from batchops.frames.sources import open_frame, open_path

__all__ = ["SECTIONS", "Asked", "FrameAudit", "Roles", "audit_frame", "audit_of", "open_frame", "open_path"]
