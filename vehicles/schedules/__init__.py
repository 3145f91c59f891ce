"""Service schedules: templates of regular work, and when each is due on a vehicle."""
