"""The tests. Folders mirror pystack/; a test's name is the sentence that it proves."""
