"""Why CPA moved: dated changes, each real or only in the record, and what each of them did (currency per action)."""
