"""Templates: what pages and lessons are poured into: HTML, styles and scripts."""
