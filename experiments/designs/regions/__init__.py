"""Designs by region: a channel raised, cut or switched in some geos or blocks of days."""
