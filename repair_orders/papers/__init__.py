"""The papers of a repair order: revisions of the estimate and the record of what was authorised."""
