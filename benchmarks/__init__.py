"""What a night costs, beside the least that its scores could cost."""
