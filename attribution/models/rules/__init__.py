"""Rules: models that look at the order, the place or the age of touches and fit nothing."""
