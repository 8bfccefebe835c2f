"""The work that touches two rooms: templates, generations, reviews, reports."""
