"""What makes the venue misbehave: verbs at three doors, scheduled by event or time, always healed."""
