"""What a reader sees: tables in four formats and the page of a release. Layout and words; nothing is estimated here."""
