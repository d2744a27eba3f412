"""The stages of the record in order: tracking in force, consent, identity, transport, sources, reporting."""
