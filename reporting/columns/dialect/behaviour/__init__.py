"""What people and visits do one after the other: funnels, retention, journeys."""
