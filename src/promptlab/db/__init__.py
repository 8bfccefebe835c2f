"""The data layer: models, engine, migrations, and one module of queries a table family."""
