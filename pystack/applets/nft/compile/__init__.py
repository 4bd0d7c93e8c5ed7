"""From evaluated texts to what the core runs, and back to what listings tell."""
