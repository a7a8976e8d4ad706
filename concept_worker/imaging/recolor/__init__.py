"""Recoloring: `plan_recolor` understands a picture once, `RecolorPlan.paint` gives it any palette."""

from concept_worker.imaging.recolor.plan import RecolorPlan, plan_recolor

__all__ = ["RecolorPlan", "plan_recolor"]
