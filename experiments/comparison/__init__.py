"""The comparison of CPAs: attributed beside incremental, and what each system reports."""
