"""What a person can ask for, in Python and on the command line alike: one file a verb.

No torch is imported before a verb is used, so that help and mistakes are answered at once.
"""
