"""Where images are kept, behind one Protocol."""
