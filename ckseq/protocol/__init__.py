"""Who is trained on and who is tested, and what a score means."""
