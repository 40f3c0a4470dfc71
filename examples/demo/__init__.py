"""`make demo`: the main job from end to end on a real repository."""
