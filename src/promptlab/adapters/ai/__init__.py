"""Image providers behind one Protocol."""
