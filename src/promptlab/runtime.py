"""What a command works with, built from the settings when it first asks: database, storage, providers, lab."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from promptlab.errors import PromptlabError
from promptlab.output import Output

if TYPE_CHECKING:
    from sqlmodel import Session

    from promptlab.adapters.storage.protocol import Storage
    from promptlab.db.engine import Database
    from promptlab.db.models import Project
    from promptlab.services.lab import Lab, Providers
    from promptlab.settings import Settings


class Runtime:
    """The parts of promptlab that commands ask for; nothing is opened before it is needed."""

    def __init__(self, flags: Mapping[str, str | None], output: Output) -> None:
        self.flags = flags
        self.output = output
        self.concurrency: int | None = None
        """How many requests at once a command asks of each provider; None: as the settings of each say."""

    @cached_property
    def settings(self) -> "Settings":
        from promptlab.settings import load

        return load(self.flags)

    @cached_property
    def surveyed_settings(self) -> "Settings":
        """The settings as far as they can be used, for those who say what is wrong with the rest."""
        from promptlab.settings import survey

        return survey(self.flags)

    @cached_property
    def unchecked_database(self) -> "Database":
        """The database, whatever state its schema is in."""
        from promptlab.db.engine import is_insecure, open_database

        if is_insecure(self.settings.database):
            self.output.warn("The database is on another machine and sslmode=disable: everybody on the way can read.")
        return open_database(self.settings.database)

    @cached_property
    def database(self) -> "Database":
        """The database, known to fit; a SQLite file is made or migrated now if need be."""
        from promptlab.db.schema import is_behind, require_current

        if self.unchecked_database.is_sqlite and is_behind(self.unchecked_database, self.settings.database):
            self._make_or_migrate()
        require_current(self.unchecked_database)
        return self.unchecked_database

    def _make_or_migrate(self) -> None:
        """Bring a SQLite file up to date; one that is made is told of where somebody has named it, perhaps wrongly."""
        from promptlab.db.engine import sqlite_file
        from promptlab.db.migrate import upgrade
        from promptlab.db.schema import is_missing

        url, named = self.settings.database, "database_url" in self.settings.layers.general
        is_new = is_missing(url)
        upgrade(url)
        if is_new and named:
            self.output.note(f"Made a new database at {sqlite_file(url)}.")

    @cached_property
    def storage(self) -> "Storage":
        from promptlab.adapters.storage.registry import open_storage

        return open_storage(self.settings)

    @cached_property
    def providers(self) -> "Providers":
        from promptlab.services.lab import Providers

        return Providers(self.settings.for_run(concurrency=self.concurrency))

    @contextmanager
    def naming_places(self) -> Iterator[None]:
        """Let the hint of an error that ends a command name the place where a setting in it is really set."""
        try:
            yield
        except PromptlabError as error:
            if "settings" in self.__dict__:
                error.hint = self.settings.advice(error.hint)
            raise

    @contextmanager
    def reading(self) -> "Iterator[tuple[Session, int]]":
        """Yield a session for reading and the id of the project."""
        from promptlab.db import projects

        with self.database.reading() as session:
            yield session, projects.get(session, self.settings.project).id or 0

    @contextmanager
    def writing(self, *, new_project: bool = False) -> "Iterator[tuple[Session, int]]":
        """Yield a session that is committed at the end, and the id of the project (made now with `new_project`)."""
        from promptlab.db import projects

        find = projects.get_or_create if new_project else projects.get
        with self.database.transaction() as session:
            yield session, find(session, self.settings.project).id or 0

    @cached_property
    def lab(self) -> "Lab":
        """The project with everything around it, after settling what a process that died has left behind."""
        from promptlab.db import projects
        from promptlab.services.recovery import recover

        with self.database.reading() as session:
            project = projects.get(session, self.settings.project)
        lab = self.open_lab(project)
        for sentence in recover(lab).sentences:
            self.output.note(sentence)
        return lab

    def open_lab(self, project: "Project") -> "Lab":
        """Return a project with everything around it; what is sent there is signed by an owner of its own."""
        from promptlab.db import projects
        from promptlab.services.lab import Lab
        from promptlab.services.ownership import Owner
        from promptlab.services.spool import Spool

        with self.database.reading() as session:
            uid = projects.lab_uid(session)
        return Lab(
            database=self.database,
            storage=self.storage,
            spool=Spool(self.settings.spool / uid),
            owner=Owner(self.settings.home / "owners", self.lease),
            uid=uid,
            project_id=project.id or 0,
            project=project.name,
            providers=self.providers,
        )

    @property
    def lease(self) -> timedelta:
        """How long a process that is heard nothing of is believed to live."""
        from promptlab.settings.durations import parse_duration

        return timedelta(seconds=parse_duration(self.settings.lease))

    def link(self, url: str) -> str:
        """Return a link that opens the image at `url`, signed where that is needed; else the URL itself."""
        if url.startswith("file:"):
            return url
        from promptlab.settings.durations import parse_duration

        try:
            return self.storage.signed_url(url, parse_duration(self.settings.link_expiry))
        except PromptlabError:  # kept in a storage that these settings do not name: the record still says where
            return url

    def close(self) -> None:
        """Give connections back."""
        if "unchecked_database" in self.__dict__:
            self.unchecked_database.close()
        if "providers" in self.__dict__:
            self.providers.close()
