"""What is known of models: the shipped file, and the user's own over it, key by key."""

import re
from datetime import date
from pathlib import Path

import pytest

from promptlab.adapters.ai.capabilities import Capabilities, Price
from promptlab.adapters.ai.catalogue import Catalogue, read_catalogue
from promptlab.errors import InvalidInput, NotConfigured
from promptlab.services.checks import about_model
from promptlab.services.parameters import check_parameters


@pytest.fixture
def models_file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def _with(models_file: Path, text: str) -> Catalogue:
    models_file.write_text(text, encoding="utf-8")
    return read_catalogue(models_file)


def test_the_shipped_file_is_dated() -> None:
    assert read_catalogue().as_of == date(2026, 11, 23)


def test_openai_s_models_are_known_with_the_newest_first() -> None:
    models = read_catalogue().models("openai")
    assert models[:2] == ["gpt-image-2.6-sunburst", "gpt-image-2.6-flare"]
    assert {"gpt-image-2", "gpt-image-2.5-flare-2026-09-08", "dall-e-3"} < set(models)


def test_the_default_model_is_known_and_not_about_to_retire() -> None:
    catalogue = read_catalogue()
    for provider in catalogue.providers:
        default = catalogue.default_model(provider)
        assert default is not None
        assert catalogue.capabilities(provider, default).known
        assert catalogue.capabilities(provider, default).retires is None


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("gpt-image-1.5", "2026-12-01"),
        ("gpt-image-1-mini", "2026-12-01"),
        ("chatgpt-image-latest", "2026-12-01"),
        ("gpt-image-1", "2026-10-23"),
        ("dall-e-2", "2026-05-12"),
        ("dall-e-3", "2026-05-12"),
        ("gpt-image-2", None),
    ],
)
def test_the_day_when_a_model_retires_is_known(model: str, day: str | None) -> None:
    assert read_catalogue().capabilities("openai", model).retires == day


def test_a_retired_model_is_told_of() -> None:
    retired = read_catalogue().capabilities("openai", "dall-e-3")
    assert about_model("openai", "dall-e-3", retired)[0].startswith("dall-e-3 was retired on 2026-05-12. `promptlab ")


def test_no_model_of_openai_takes_a_seed_or_a_system_prompt() -> None:
    catalogue = read_catalogue()
    for model in catalogue.models("openai"):
        found = catalogue.capabilities("openai", model)
        assert (found.seed, found.system_prompt, found.max_count, found.max_inputs) == (False, False, 10, 16)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("gpt-image-2", {"size": "1536x864", "quality": "high", "background": "transparent"}),
        ("gpt-image-2.6-flare", {"quality": "max", "complexity": "high", "output_compression": 0}),
        ("gpt-image-1.5", {"size": "1536x1024", "input_fidelity": "high", "moderation": "low"}),
        ("gpt-image-1-mini", {"input_fidelity": "low"}),
    ],
)
def test_what_a_model_takes_is_allowed(model: str, parameters: dict[str, object]) -> None:
    check_parameters(parameters, read_catalogue().capabilities("openai", model), model=model)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("gpt-image-2", {"quality": "max"}),
        ("gpt-image-2", {"input_fidelity": "high"}),
        ("gpt-image-2", {"size": "big"}),
        ("gpt-image-2", {"complexity": "high"}),
        ("gpt-image-1.5", {"size": "1536x864"}),
        ("gpt-image-1-mini", {"input_fidelity": "high"}),
        ("chatgpt-image-latest", {"input_fidelity": "low"}),
        ("gpt-image-2.6-sunburst", {"output_compression": 101}),
        ("gpt-image-2.6-sunburst", {"output_format": "svg"}),
        ("gpt-image-2.6-sunburst", {"response_format": "url"}),
    ],
)
def test_what_a_model_does_not_take_is_refused(model: str, parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(parameters))):
        check_parameters(parameters, read_catalogue().capabilities("openai", model), model=model)


def test_every_model_that_can_be_bought_has_a_price_and_a_bound() -> None:
    """The bound is above what the most expensive answer costs that anybody has published for the model."""
    published = {"gpt-image-2": 0.401, "gpt-image-2.6-sunburst": 0.401, "gpt-image-1.5": 0.2, "gpt-image-1-mini": 0.05}
    for model, dollars in published.items():
        price = read_catalogue().capabilities("openai", model).price
        assert price.image_output_per_million is not None
        assert (price.max_per_image or 0) > dollars


def test_a_lower_quality_reserves_less() -> None:
    """So that a limit of a dollar lets several drafts be made at once."""
    found = read_catalogue().capabilities("openai", "gpt-image-2.6-flare")

    def bound(**parameters: object) -> float:
        return found.upper_price(count=1, inputs=0, prompt_bytes=0, parameters=parameters) or 0.0

    assert bound(quality="low") < bound(quality="high") < bound(quality="max")
    assert bound() == bound(quality="auto") == bound(quality=["low"]) == bound(quality="max")


def test_a_bound_for_a_value_holds_without_one_for_all() -> None:
    price = Price(max_per_image_by={"quality": {"low": 0.1}, "size": {"small": 0.05}})
    assert price.bound_per_image({"quality": "low", "size": "small"}) == 0.05
    assert price.bound_per_image({"quality": "high"}) is None
    assert Price(per_image=0.02).bound_per_image({}) == 0.02


def test_a_model_that_is_not_listed_is_unknown_and_free_of_limits() -> None:
    assert read_catalogue().capabilities("openai", "flux") == Capabilities(known=False)
    assert read_catalogue().capabilities("nobody", "flux") == Capabilities(known=False)
    assert read_catalogue().models("nobody") == []


def test_who_knows_a_model_is_found_by_its_name() -> None:
    assert read_catalogue().providers_of("gpt-image-2") == ["openai"]
    assert read_catalogue().providers_of("flux") == []


def test_reading_again_costs_nothing() -> None:
    assert read_catalogue() is read_catalogue()


def test_a_key_of_the_user_s_file_outranks_the_same_key_and_no_other(models_file: Path) -> None:
    shipped = read_catalogue().capabilities("openai", "gpt-image-2")
    found = _with(models_file, '[openai.models."gpt-image-2".price]\ntext_input_per_million = 1').capabilities(
        "openai", "gpt-image-2"
    )
    assert found.price.text_input_per_million == 1.0
    assert found.price.image_output_per_million == shipped.price.image_output_per_million
    assert found.parameters == shipped.parameters


def test_a_model_that_is_like_another_follows_what_is_changed_there(models_file: Path) -> None:
    catalogue = _with(models_file, '[openai.models."gpt-image-2"]\nmax_inputs = 3')
    assert catalogue.capabilities("openai", "gpt-image-2-2026-04-21").max_inputs == 3


def test_the_user_s_file_adds_models_and_providers(models_file: Path) -> None:
    text = """
    [openai.models."house-blend"]
    like = "gpt-image-2-2026-04-21"
    seed = true
    retires = 2030-01-31
    parameters.size = false
    parameters.steps = { minimum = 1, maximum = 50 }
    [elsewhere]
    models.m.price.per_image = 0.25
    """
    catalogue = _with(models_file, text)
    blend = catalogue.capabilities("openai", "house-blend")
    assert (blend.seed, blend.max_inputs, blend.retires) == (True, 16, "2030-01-31")
    assert blend.parameters is not None
    assert "steps" in blend.parameters
    assert "size" not in blend.parameters
    assert catalogue.providers_of("m") == ["elsewhere"]
    assert catalogue.capabilities("elsewhere", "m").upper_price(count=2, inputs=0, prompt_bytes=0) == 0.5


def test_what_holds_for_every_model_can_be_changed_for_all(models_file: Path) -> None:
    catalogue = _with(models_file, "[openai.every_model]\nmax_count = 4\nparameters.user = false")
    for model in catalogue.models("openai"):
        found = catalogue.capabilities("openai", model)
        assert found.max_count == 4
        assert "user" not in (found.parameters or {})


def test_a_model_may_name_its_fields_itself(models_file: Path) -> None:
    """What is said of every model holds but for the names that a model takes away; a name leads to its flag."""
    text = """
    [there.every_model]
    names = { count = "num_images", inputs = "image_urls" }
    [there.models.m]
    names = { inputs = false, input = "image_url" }
    with_inputs = "m/edit"
    """
    found = _with(models_file, text).capabilities("there", "m")
    assert found.names == {"count": "num_images", "input": "image_url"}
    assert found.with_inputs == "m/edit"
    with pytest.raises(InvalidInput, match="num_images") as refused:
        check_parameters({"num_images": 2}, found, model="m")
    assert refused.value.hint == "Use --count."


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[openai", "is not valid TOML"),
        ("as_of = 5", "as_of must be a date"),
        ("openai = 5", "[openai] must be a table"),
        ("[openai]\nmodles = {}", "there is no 'modles' in openai. Did you mean 'models'?"),
        ("[openai]\nmodels = 5", "openai.models must be a table"),
        ("[openai]\ndefault_model = 5", "name a model with --model"),
        ("[openai.models]\nm = 5", "openai.models.m must be a table"),
        ("[openai.models.m]\nsead = true", "there is no 'sead' in openai.models.m. Did you mean 'seed'?"),
        ("[openai.models.m]\nmax_count = 'many'", "openai.models.m.max_count"),
        ("[openai.models.m]\nlike = 'nobody'", "openai.models.m.like names no other model"),
        ("[openai.models.m]\nlike = 'm'", "openai.models.m.like names no other model"),
        ("[openai.models]\na.like = 'b'\nb.like = 'a'", "names no other model"),
        ("[openai.models.m.parameters]\nsize = 5", "openai.models.m.parameters.size must be a table"),
        ("[openai.models.m.parameters.size]\nchoice = []", "Did you mean 'choices'?"),
        ("[openai.models.m.parameters.size]\npattern = '('", "is no regular expression"),
        ("[openai.models.m.price]\nper_imag = 1", "Did you mean 'per_image'?"),
        ("[openai.models.m.price]\nper_image = -1", "no amount of money"),
        ("[openai.models.m.price]\nmax_per_image = nan", "no amount of money"),
        ("[openai.models.m.price]\nmax_per_image_by.quality.low = inf", "no amount of money"),
        ("[openai.models.m]\nprice = 5", "openai.models.m.price must be a table"),
        ("[openai.models.m]\nretires = 'soon'", "retires"),
        ("[openai.models.m.names]\ncuont = 'n'", "there is no 'cuont' in openai.models.m.names. Did you mean 'count'?"),
        ("[openai.models.m.names]\ncount = 5", "openai.models.m.names.count"),
    ],
)
def test_a_file_that_cannot_be_is_one_sentence_with_its_name(models_file: Path, text: str, complaint: str) -> None:
    with pytest.raises(NotConfigured, match=re.escape(complaint)) as caught:
        _with(models_file, text)
    assert str(models_file) in caught.value.message


def test_a_file_that_is_not_there_says_where_it_is_named(models_file: Path) -> None:
    with pytest.raises(NotConfigured, match="cannot be read") as caught:
        read_catalogue(models_file)
    assert "PROMPTLAB_MODELS_FILE" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('pattern = "[0-9]+"\nform = "DIGITS"', "DIGITS is."),
        ('pattern = "[0-9]+"\nform = "DIGITS, few"', "DIGITS, few, is."),
        ("choices = [true, false]", "true or false is."),
        ("choices = [1]", "1 is."),
        ('choices = [512, "1K", "2K"]', "512, 1K or 2K is."),
        ("minimum = 0\nmaximum = 1\ninteger = false", "a number from 0 to 1 is."),
        ("minimum = 0.1\nmaximum = 4294967294", "a whole number from 0.1 to 4294967294 is."),
        ("minimum = 64\nmaximum = 4096\nstep = 8", "a multiple of 8 from 64 to 4096 is."),
        ("minimum = 3", "a whole number from 3 on is."),
        ("maximum = 3", "a whole number up to 3 is."),
        ('choices = ["auto"]\npattern = "[0-9]+"\nform = "DIGITS"', "auto or DIGITS is."),
        ('choices = ["auto"]\npattern = "[0-9]+"', "auto or a text that matches [0-9]+ is."),
    ],
)
def test_a_value_of_the_wrong_form_is_told_the_form(models_file: Path, text: str, wanted: str) -> None:
    """In the word that the table has for it, else as it is."""
    found = _with(models_file, f"[openai.models.m.parameters.shape]\n{text}").capabilities("openai", "m")
    with pytest.raises(InvalidInput) as caught:
        check_parameters({"shape": "huge"}, found, model="m")
    assert caught.value.message == f"shape=huge is not possible with m: {wanted}"


def test_the_form_of_a_size_is_a_word() -> None:
    with pytest.raises(InvalidInput, match="or WIDTHxHEIGHT is"):
        check_parameters({"size": "huge"}, read_catalogue().capabilities("openai", "gpt-image-2"), model="gpt-image-2")
