"""`python -m frontend.jobs`: one worker with the standard webhook bodies.

Where contracts have bodies of their own, the entry that knows the contracts calls `process.run`.
"""
