"""What promptlab talks to: image providers and storage, each behind one Protocol."""
