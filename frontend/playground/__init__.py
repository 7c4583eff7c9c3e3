"""The page at `/`: hear what is served, see how to ask for it. Static files and their route."""
