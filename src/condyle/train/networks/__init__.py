"""Networks by name. ``names`` is light; everything else imports torch."""
