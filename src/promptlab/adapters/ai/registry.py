"""Image providers by name. Each is an entry point, so that another package can bring one; none is imported unasked."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from urllib.parse import SplitResult, parse_qsl, urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.protocol import ImageProvider
from promptlab.errors import InvalidInput, NotConfigured, PromptlabError, nearest
from promptlab.settings import ProviderSettings, Settings
from promptlab.settings.installed import GROUP, provider_names
from promptlab.settings.layers import Layers
from promptlab.settings.provider import provider_prefix
from promptlab.settings.urls import is_loopback


@dataclass(frozen=True, kw_only=True)
class ProviderSpec:
    """What an entry point of the group `promptlab.providers` must be.

    `summary` is one line. `key_variable` and `base_url_variable` are the names that the vendor's own tools use.
    `keys` is where one gets a key, such as the address of a page. `base_url_example` is of a service that is at another
    address for everybody and must be told, `base_url_query` what a base URL may have after a question mark.
    `own_server` is a server that everybody runs alone, at an address that is known: whether one runs, nobody knows
    before something is set for it. `concurrency` is how many requests such a service can use at once, where nobody sets
    it.
    `check_credentials` is for a service that takes no key of this kind: it looks for what stands in its place without
    asking anybody, and raises NotConfigured where there is none. `credentials_advice` says what to do where credentials
    are missing or wrong, if that is not to get a key from `keys`.
    `cancels` says that the service can stop a job, so that Ctrl-C asks for that; without it nobody calls `cancel`.
    `model_form` is the regular expression that every model's name matches, where the service has such a rule, and
    `model_form_called` says the same in words.
    `build` makes the adapter from its settings and a function that looks a model up; it opens no connection, because
    often only `capabilities` is asked.
    """

    name: str
    summary: str
    build: Callable[[ProviderSettings, Callable[[str], Capabilities]], ImageProvider]
    default_model: str | None = None
    key_variable: str | None = None
    base_url_variable: str | None = None
    keys: str | None = None
    key_needed: bool = True
    base_url_example: str | None = None
    base_url_query: tuple[str, ...] = ()
    concurrency: int | None = None
    check_credentials: Callable[[ProviderSettings], None] | None = None
    credentials_advice: str | None = None
    model_form: str | None = None
    model_form_called: str | None = None
    own_server: bool = False
    cancels: bool = False


def provider_packages(name: str) -> list[str]:
    """Return the names of the packages that bring a provider, sorted; more than one is one too many."""
    return sorted({point.dist.name for point in entry_points(group=GROUP, name=name) if point.dist})


def provider_spec(name: str) -> ProviderSpec:
    """Return what the provider says of itself.

    Raises:
        InvalidInput: there is none by that name.
        NotConfigured: a plug-in that cannot be loaded.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise unknown_provider(name)
    packages = provider_packages(name)
    if len(packages) > 1:
        raise NotConfigured(f"Several packages bring a provider {name!r}: {', '.join(packages)}.", hint="Keep one.")
    return _load(next(iter(found)))


def unknown_provider(name: str) -> InvalidInput:
    """Return the error that there is no provider of that name."""
    message = f"There is no provider {name!r}.{nearest(name, provider_names())}"
    return InvalidInput(message, hint="`promptlab provider list` shows them.")


def open_provider(name: str, settings: Settings, *, for_sending: bool = True) -> ImageProvider:
    """Return the adapter of a provider, ready to send; without `for_sending` it can only be asked for capabilities.

    Raises:
        InvalidInput: there is none by that name.
        NotConfigured: a plug-in that cannot be loaded, a models file that cannot be used, or, for sending, a missing
            key or a base URL that cannot be used.
    """
    spec = provider_spec(name)
    lookup = partial(read_catalogue(settings.models_file).capabilities, name)
    if not for_sending:
        return spec.build(settings.for_provider(name, key_variable=None, base_url_variable=None), lookup)
    return spec.build(_ready_settings(spec, settings), lookup)


def providers_of_model(model: str, settings: Settings) -> list[str]:
    """Return the installed providers that know the model, sorted."""
    installed = provider_names()
    return [name for name in read_catalogue(settings.models_file).providers_of(model) if name in installed]


def models_of_all(settings: Settings) -> list[str]:
    """Return the names of every model that an installed provider knows."""
    catalogue = read_catalogue(settings.models_file)
    return [model for name in provider_names() for model in catalogue.models(name)]


def ready_providers(settings: Settings) -> list[str]:
    """Return the providers that could be used now, sorted."""
    return [name for name in provider_names() if missing(name, settings) is None]


def missing(name: str, settings: Settings) -> str | None:
    """Return one sentence about what keeps a provider from being used, None when it is ready.

    A server of one's own at its usual address is ready only where something is set for it: who has none is not told
    that it is. Whoever names it may use it all the same.
    """
    try:
        require_ready(name, settings)
    except PromptlabError as error:
        return error.message
    spec = provider_spec(name)
    if spec.own_server and not is_wanted(spec, settings):
        return f"Nothing is set for it. {_base_url_variables(spec)} would say where yours runs."
    return None


def require_ready(name: str, settings: Settings) -> None:
    """Check that a provider could be used now; raises what `open_provider` raises, but for the models file."""
    _ready_settings(provider_spec(name), settings)


def is_wanted(spec: ProviderSpec, settings: Settings) -> bool:
    """Say whether somebody has set anything for this provider, so that what is missing is missed."""
    found = settings.for_provider(spec.name, key_variable=spec.key_variable, base_url_variable=spec.base_url_variable)
    named = settings.provider == spec.name or spec.name in settings.layers.providers
    return named or found.base_url is not None or bool(found.api_key)


def survey_provider(spec: ProviderSpec, settings: Settings) -> tuple[ProviderSettings, Layers]:
    """Return the provider's settings as far as they can be used, with where they come from and what is wrong."""
    return settings.survey_provider(
        spec.name,
        key_variable=spec.key_variable,
        base_url_variable=spec.base_url_variable,
        concurrency=spec.concurrency,
    )


def address_setting(spec: ProviderSpec, layers: Layers) -> str:
    """Return what the setting is called that says where the provider is: the place of it, or the variables for it."""
    given = layers.general.get("base_url")
    return given.called if given else _base_url_variables(spec)


def _base_url_variables(spec: ProviderSpec) -> str:
    return " or ".join(name for name in (f"{provider_prefix(spec.name)}BASE_URL", spec.base_url_variable) if name)


def key_advice(spec: ProviderSpec) -> str:
    """Return where to get a key and where to put it, in a sentence or two."""
    if spec.credentials_advice:
        return spec.credentials_advice
    variable = spec.key_variable or f"{provider_prefix(spec.name)}API_KEY"
    where = f"Get a key at {spec.keys}" if spec.keys else f"Get a key from {spec.name}"
    return f"{where} and set {variable} to it."


def _load(point: EntryPoint) -> ProviderSpec:
    package = point.dist.name if point.dist else point.value
    try:
        spec = point.load()
    except Exception as error:  # somebody else's module may raise anything when it is imported
        raise NotConfigured(
            f"The provider {point.name!r} cannot be loaded: {type(error).__name__}: {error}.",
            hint=f"Reinstall or uninstall the package {package}.",
        ) from error
    if not isinstance(spec, ProviderSpec):
        raise NotConfigured(
            f"The provider {point.name!r} cannot be loaded: {point.value} is no ProviderSpec.",
            hint=f"Update or uninstall the package {package}.",
        )
    return spec


def _ready_settings(spec: ProviderSpec, settings: Settings) -> ProviderSettings:
    found, layers = survey_provider(spec, settings)
    for problem in layers.problems:
        raise problem
    if found.base_url is not None:
        address = address_setting(spec, layers)
        _check_base_url(spec, found.base_url, address=address, allow_http=found.allow_http)
    elif spec.base_url_example is not None:
        raise NotConfigured(
            f"{spec.base_url_variable} is not set, and {spec.name} has no default address.",
            hint=f"Set {_base_url_variables(spec)} to the address of yours, such as {spec.base_url_example}.",
        )
    _check_key(spec, found)
    if spec.check_credentials is not None:
        spec.check_credentials(found)
    return found


def _check_base_url(spec: ProviderSpec, url: str, *, address: str, allow_http: bool) -> None:
    """Refuse addresses that cannot be right; none is repeated, since it may hold a key in the wrong place."""
    parts = _plain_url(url, query=spec.base_url_query)
    if parts is None:
        query = f" but for ?{'=… and ?'.join(spec.base_url_query)}=…" if spec.base_url_query else ""
        raise NotConfigured(
            f"The base URL of {spec.name} is no plain http or https URL.",
            hint=f"Set {address} to https://host/path, without user name, ? and #{query}.",
        )
    if parts.scheme == "http" and not allow_http and not is_loopback(url):
        raise NotConfigured(
            f"The key of {spec.name} would travel to {parts.hostname} unencrypted, over plain http.",
            hint=f"Use https, or set {provider_prefix(spec.name)}ALLOW_HTTP=true for a server in your own network.",
        )


def _plain_url(url: str, *, query: tuple[str, ...]) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return None
    asked = {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
    plain = url == url.strip() and asked.issubset(query) and not parts.fragment and "@" not in parts.netloc
    return parts if usable and plain else None


def _check_key(spec: ProviderSpec, found: ProviderSettings) -> None:
    key = found.key
    name = spec.key_variable or "api_key"
    if spec.key_needed and not key.strip():
        raise NotConfigured(
            f"{name} is not set, and {spec.name} needs a key.",
            hint=f"{key_advice(spec)} A compatible server that needs no key takes any text.",
        )
    # Such a key could not be sent, and the complaint of the HTTP library would quote it.
    if key and not (key.isascii() and key.isprintable() and key == key.strip()):
        raise NotConfigured(
            f"{name} holds a space, a line end or a special letter, which no key has.", hint="Copy the key again."
        )
