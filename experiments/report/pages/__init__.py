"""Pages: what each command's page says, in sentences, figures and tables; one file for each, poured into a template."""
