"""What was known when: bars, tables, universes, calendars, schedules."""
