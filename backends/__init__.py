"""Code that runs inside Triton: one python-based backend per folder, each thin over `tritone`.

Triton loads `<backend>/model.py`; everything else is imported from this installed package, because
the stub's interpreter is isolated and sees the site-packages of its environment only.
"""
