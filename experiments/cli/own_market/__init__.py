"""`cpalab reconcile`, `cpalab init` and what only they need."""
