"""Reports: tables, sentences and charts of a result, as one page that needs no network."""
