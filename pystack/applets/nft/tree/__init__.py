"""What a text in nft's language says: expressions, statements, commands.

The grammar makes a tree of symbols; evaluation gives back one of the same kinds in which every symbol has
become a Value. That second tree is what a rule keeps: it is printed, written as JSON, and compiled.
"""
